"""Records of alerts.sla: what became of a promise, with evidence."""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds
from schemas.policies import ClockName

Transition = Literal[
    "activated", "paused", "resumed", "at_risk", "retargeted", "breached", "fulfilled", "cancelled", "lapsed",
    "corrected",
]  # fmt: skip
Cause = Literal["policy_changed", "calendar_changed", "contact_changed"]


class PolicyRef(msgspec.Struct, frozen=True):
    """The policy and version that a clock is judged by."""

    id: str
    version: int


class CalendarRef(msgspec.Struct, frozen=True):
    """The calendar and version whose open time a clock counts."""

    id: str
    version: int


class Evidence(msgspec.Struct, frozen=True):
    """One event that a transition rests on, and what it did to the clock."""

    id: str
    time: Instant
    did: Literal["started", "paused", "resumed", "stopped", "changed"]


class ContactContext(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What whoever takes care of it wants to know at a glance. `identified`: the customer has a name. `messages`: of
    the customer, that nobody answered."""

    identified: bool = False
    priority: str | None = None
    segment: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    status: str | None = None
    messages: int = 0
    transfers: int = 0
    reopened: int = 0


class SlaTransition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One transition of one clock instance. Times UTC, durations seconds, business time where `calendar` is set.

    fulfilled: done, attained or late. cancelled: over before it was due, by `reason`. lapsed: over, not done, after it
    was breached; the breach stands. retargeted: policy, version, target or calendar changed, by `cause`:
    another version of the policy or of its calendar, or a contact of which another one is true.

    `instance`: id of the event that started the clock. `due_at`: when it is due as of `occurred_at`; of a paused clock,
    when it was. `occurred_at`: the instant that it is about (of a breach: its due instant, never the sweep's).
    `detected_at`: the task's clock when it was found. `elapsed`, `remaining`: at `occurred_at`. `share`: of the target
    at which it is at risk. `corrects`: id of the record that turned out wrong. `evidence`: ids of the events that
    started, paused and stopped the clock; `events`: the same, with times.
    """

    id: str
    transition: Transition
    contact: str
    instance: str
    policy: PolicyRef
    target: Seconds
    due_at: Instant
    occurred_at: Instant
    detected_at: Instant
    kind: Literal["sla"] = "sla"
    clock: ClockName = "answer_within"
    channel: str | None = None
    queue: str | None = None
    customer: str | None = None
    elapsed: Seconds | None = None
    remaining: Seconds | None = None
    outcome: Literal["attained", "late"] | None = None
    reason: str | None = None
    cause: Cause | None = None
    share: float | None = None
    calendar: CalendarRef | None = None
    corrects: str | None = None
    evidence: tuple[str, ...] = ()
    events: tuple[Evidence, ...] = ()
    context: ContactContext | None = None


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(SlaTransition).decode
