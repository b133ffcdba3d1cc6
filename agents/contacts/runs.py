"""When the clocks of a contact ran, paused and ended, whatever is promised: a fold over its facts.

answer_within is not among them: its runs are the offers to queues.
"""

from collections.abc import Mapping, Sequence

from agents.contacts.run import End, Fact, Run, Span
from schemas.policies import ClockName

_RUNS_IN: Mapping[ClockName, frozenset[str]] = {
    "requester_wait": frozenset({"new", "open", "on_hold"}),
    "agent_work": frozenset({"new", "open"}),
    "total_resolution": frozenset({"new", "open", "pending", "on_hold"}),
}
_OVER = frozenset({"solved", "closed"})


def runs_of(facts: Sequence[Fact]) -> list[Run]:
    """Every instance of every clock of one contact, in the order in which they started. `facts`: ascending by time.

    Of one instant, what was written comes before what became of the status: a reply with which a contact is solved is
    a reply.
    """
    ordered = sorted(facts, key=_order)
    if not ordered:
        return []
    course = _Course(ordered[0])
    for fact in ordered:
        course.take(fact)
        if fact.kind == "merged":
            break
    return [instance.run() for instance in course.instances]


def _order(fact: Fact) -> tuple[int, bool]:
    return fact.at, fact.kind in ("status", "ended", "merged")


class _Instance:
    """One instance of a clock while its facts are read."""

    __slots__ = ("_ends", "_spans", "clock", "first_cycle", "instance", "is_over")

    def __init__(self, clock: ClockName, at: int, event: str, *, first_cycle: bool = False) -> None:
        self.clock = clock
        self.instance = event
        self.first_cycle = first_cycle
        self.is_over = False
        self._spans: list[Span] = [Span(at, None, event)]
        self._ends: list[End] = []

    def resume(self, at: int, event: str) -> None:
        """It runs (again). A pause that took no time never was."""
        last = self._spans[-1]
        if last.end is None:
            return
        if not self.is_over and last.end == at:
            self._spans[-1] = Span(last.start, None, last.by)
        else:
            self._spans.append(Span(at, None, event))
        self.is_over = False

    def pause(self, at: int, event: str) -> None:
        """It pauses. A start that took no time stands, a resumption does not; one after an end does."""
        last = self._spans[-1]
        if self.is_over:
            self._spans.append(Span(at, at, event, event))
            self.is_over = False
        elif last.end is None and not self._drop_resumption(at):
            self._spans[-1] = Span(last.start, at, last.by, event)

    def end(self, at: int, event: str, reason: str | None = None) -> None:
        """It is over: fulfilled, or cancelled for a reason."""
        if self.is_over:
            return
        last = self._spans[-1]
        if last.end is None and not self._drop_resumption(at):
            self._spans[-1] = Span(last.start, at, last.by)
        self._ends.append(End(at, "fulfilled" if reason is None else "cancelled", event, reason))
        self.is_over = True

    def _drop_resumption(self, at: int) -> bool:
        """Drop the last span where it resumed a paused clock at this very instant."""
        if len(self._spans) < 2 or self._spans[-1].start != at or self._spans[-2].until is None:
            return False
        if self._ends and self._ends[-1].at >= (self._spans[-2].end or 0):
            return False
        self._spans.pop()
        return True

    def run(self) -> Run:
        """As it is now."""
        return Run(self.clock, self.instance, tuple(self._spans), tuple(self._ends), self.first_cycle)


class _Course:
    """The clocks of a contact while its facts are read.

    `_unanswered`: the oldest message of the customer that nobody answered; `_replied`: an agent answered one while it
    was solved, so that no first reply is to come.
    """

    __slots__ = (
        "_first_reply",
        "_next_reply",
        "_outbound",
        "_replied",
        "_status",
        "_timed",
        "_unanswered",
        "_updates",
        "instances",
    )

    def __init__(self, first: Fact) -> None:
        self._timed = {clock: _Instance(clock, first.at, first.event) for clock in _RUNS_IN}
        self.instances: list[_Instance] = list(self._timed.values())
        self._status = "open"
        self._outbound = first.status == "outbound"
        self._unanswered: Fact | None = None
        self._replied = False
        self._first_reply: _Instance | None = None
        self._next_reply: _Instance | None = None
        self._updates: tuple[_Instance, ...] = ()

    def take(self, fact: Fact) -> None:
        """Take the next fact."""
        if fact.kind == "customer":
            if self._unanswered is None:
                self._unanswered = fact
            self._await_reply()
        elif fact.kind == "agent":
            self._answer(fact)
        elif fact.kind == "status" and fact.status is not None:
            self._turn(fact, fact.status)
        elif fact.kind == "ended":
            self._turn(fact, "solved")
        elif fact.kind == "merged":
            for instance in self.instances:
                instance.end(fact.at, fact.event, "merged")

    def _start(self, clock: ClockName, fact: Fact, *, first_cycle: bool = False) -> _Instance:
        instance = _Instance(clock, fact.at, fact.event, first_cycle=first_cycle)
        self.instances.append(instance)
        return instance

    def _await_reply(self) -> None:
        """The customer waits for a reply where a message of theirs is unanswered."""
        message = self._unanswered
        if message is None or self._status in _OVER:
            return
        if self._first_reply is None and not self._replied:
            self._first_reply = self._start("first_reply", message)
        if self._next_reply is None:
            first_cycle = self._first_reply is not None and not self._first_reply.is_over
            self._next_reply = self._start("next_reply", message, first_cycle=first_cycle)

    def _answer(self, fact: Fact) -> None:
        """A public message of an agent: what waited for it is done, and the next one is waited for."""
        is_solved = self._status in _OVER
        if self._first_reply is not None:
            self._first_reply.end(fact.at, fact.event)
        elif is_solved:
            self._replied = self._replied or self._unanswered is not None
        elif not self._replied and not self._outbound:
            self._first_reply = self._start("first_reply", fact)
        if self._next_reply is not None:
            self._next_reply.end(fact.at, fact.event)
        self._unanswered = self._next_reply = None
        for instance in self._updates:
            instance.end(fact.at, fact.event)
        self._updates = ()
        if not is_solved:
            self._updates = (self._start("periodic_update", fact), self._start("pausable_update", fact))
            self._pause_update(fact)

    def _pause_update(self, fact: Fact) -> None:
        """The pausable one of the updates pauses, or runs, as the status is."""
        for instance in self._updates[1:]:
            if self._status == "pending":
                instance.pause(fact.at, fact.event)
            else:
                instance.resume(fact.at, fact.event)

    def _turn(self, fact: Fact, status: str) -> None:
        """The status is another one."""
        self._status = status
        for clock, instance in self._timed.items():
            if status in _OVER:
                instance.end(fact.at, fact.event)
            elif status in _RUNS_IN[clock]:
                instance.resume(fact.at, fact.event)
            else:
                instance.pause(fact.at, fact.event)
        if status not in _OVER:
            self._pause_update(fact)
            self._await_reply()
            return
        for reply in (self._first_reply, self._next_reply):
            if reply is not None:
                reply.end(fact.at, fact.event, "solved_without_reply")
        for update in self._updates:
            update.end(fact.at, fact.event, "solved")
        self._unanswered = self._next_reply = None
        self._updates = ()
