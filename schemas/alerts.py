"""Records of alerts.sla: what became of a promise, with evidence."""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds

Transition = Literal["at_risk", "breached", "fulfilled", "cancelled", "lapsed", "corrected"]


class PolicyRef(msgspec.Struct, frozen=True):
    """The policy and version that a clock is judged by."""

    id: str
    version: int


class SlaTransition(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One transition of one clock instance. Times UTC, durations seconds.

    fulfilled: answered, attained or late. cancelled: left the queue before it was due. lapsed: left the queue
    unanswered after it was breached; the breach stands, and its clock has stopped.

    `occurred_at`: the instant that it is about (of a breach: its due instant, never the sweep's). `detected_at`:
    the task's clock when it was found. `corrects`: id of the record that turned out wrong. `evidence`: ids of
    the events that started and stopped the clock.
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
    clock: Literal["answer_within"] = "answer_within"
    channel: str | None = None
    queue: str | None = None
    customer: str | None = None
    elapsed: Seconds | None = None
    remaining: Seconds | None = None
    outcome: Literal["attained", "late"] | None = None
    reason: str | None = None
    corrects: str | None = None
    evidence: tuple[str, ...] = ()


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(SlaTransition).decode
