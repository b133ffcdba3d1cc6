"""What clocks of promises read and what they say: the types between a contact's log, its clocks and their judge.

All instants and durations are ms. Everything here is worked out anew from the log; nothing of it is stored.
"""

from typing import Literal, NamedTuple

from schemas.alerts import Cause, Transition
from schemas.calendars import Calendar
from schemas.policies import CalendarMode, ClockName

FactKind = Literal["created", "customer", "agent", "status", "ended", "merged"]


class Fact(NamedTuple):
    """What clocks read of one event of a contact. `customer`, `agent`: a public message of theirs (bots, systems and
    internal notes are none). `status`: of a status change, or 'open' of what made a contact go on that had ended;
    'outbound' of a contact that we began with the customer."""

    at: int
    event: str
    kind: FactKind
    status: str | None = None


class Span(NamedTuple):
    """A time in which a clock runs. `end` None: it still does. `by`: the event that set it running (started, resumed);
    `until`: the event that paused it, None for the one that stopped it."""

    start: int
    end: int | None
    by: str
    until: str | None = None


class Run(NamedTuple):
    """One instance of a clock, whatever it promises: when it ran and how it ended.

    `instance`: id of the event that started it. `spans`: ascending. `ends`: every time that it ended ('fulfilled', or
    'cancelled' with a reason: solved_without_reply, merged, withdrawn...), ascending; after the last it may run again
    (reopened). `first_cycle`: a next reply before the first one: where the policy has a target for the first reply,
    that clock is the promise.
    """

    clock: ClockName
    instance: str
    spans: tuple[Span, ...]
    ends: tuple["End", ...] = ()
    first_cycle: bool = False

    @property
    def start(self) -> int:
        """When it was started."""
        return self.spans[0].start


class End(NamedTuple):
    """An end of a clock. `reason` of a cancelled one."""

    at: int
    how: Literal["fulfilled", "cancelled"]
    event: str | None
    reason: str | None = None


class Term(NamedTuple):
    """What is promised from an instant on, until the next term. `policy` None: nothing. `calendar` None: round the
    clock. `event`: the contact's event that changed it, None for a change of policy or calendar; `cause`: why."""

    at: int
    policy: str | None
    version: int = 0
    target: int = 0
    at_risk: tuple[float, ...] = ()
    calendar: Calendar | None = None
    event: str | None = None
    cause: Cause | None = None
    mode: CalendarMode = "piecewise"


Did = Literal["started", "paused", "resumed", "stopped", "changed"]

Events = tuple[tuple[str, int, Did], ...]
"""(id, instant, what it did) of events that a step rests on."""


class Step(NamedTuple):
    """One transition of a clock. `at`: the instant that it is about; `known`: when it could be known, later than `at`
    only for what a change brought about that lies in the past. `due`: as of then; `elapsed`: business time used.
    `detail`: outcome of a fulfilled, reason of a cancelled or lapsed one. `share`: of an at_risk."""

    transition: Transition
    at: int
    known: int
    due: int
    elapsed: int
    term: Term
    detail: str | None = None
    cause: Cause | None = None
    share: float | None = None
    events: Events = ()
