"""What is promised to whom: SLA policies and calendars as data, versioned, with the instant from which each holds.

What stands on the topic policies has ISO 8601 instants and seconds; the settings of rules (names in `_ms`) have ms.
"""

from typing import Literal, get_args

import msgspec

from schemas.instants import HOUR, SECOND, Instant, Seconds

ClockName = Literal[
    "answer_within", "first_reply", "next_reply", "periodic_update", "pausable_update", "requester_wait",
    "agent_work", "total_resolution",
]  # fmt: skip
CLOCKS: tuple[ClockName, ...] = get_args(ClockName)
"""answer_within: from an offer to a queue to its answer. first_reply, next_reply: from the oldest public message of the
customer that nobody answered to the next public message of an agent. periodic_update, pausable_update: from one public
message of an agent to the next. requester_wait, agent_work, total_resolution: time in some statuses until it is
solved."""

LONGEST_TARGET = 3_650 * 86_400
"""Seconds that a target has at most: what is due after the year 9999 could not be told."""

CalendarMode = Literal["piecewise", "at_status_change", "last_schedule", "first_schedule"]
"""Which version of a calendar measures a stretch of time during which it changed. piecewise: each stretch by the one
in force. at_status_change: the one in force when the clock last began to run. last_schedule: the one in force at the
end, for the whole. first_schedule: the one in force at the start, for the whole."""


class AnswerWithin(msgspec.Struct, kw_only=True, frozen=True):
    """The promise 'a contact offered to this queue is answered within `target_ms`'."""

    id: str = "answer-within-default"
    version: int = 1
    target_ms: int = 20 * SECOND
    at_risk_share: float = 0.8

    @property
    def at_risk_ms(self) -> int:
        """Time after the offer at which the promise is at risk."""
        return round(self.target_ms * self.at_risk_share)


class QueuePolicy(msgspec.Struct, kw_only=True, frozen=True):
    """What holds for one queue. `answer_within` None: no promise."""

    answer_within: AnswerWithin | None = AnswerWithin()
    max_wait_ms: int = 24 * HOUR


class Target(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What one clock is to keep. `target`: seconds, LONGEST_TARGET at most, 0: nothing is promised. `at_risk`: shares
    of it, ascending, at which the clock is told to be at risk. `calendar`: id of the calendar whose open time counts;
    None: round the clock."""

    target: Seconds
    at_risk: tuple[float, ...] = (0.8,)
    calendar: str | None = None


class Filter(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Which contacts a policy is for: of each kind one of those named, of a kind that names none any. A contact has one
    of the `tags` when one of its tags is among them."""

    channels: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class SlaPolicy(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One version of a policy. Policies are tried by `rank`, then id; the first that fits holds. `effective_from`: the
    instant from which this version holds (None: always did). `retired`: from then on there is no such policy. A policy
    that says nothing of `answer_within` leaves it to the queue's ([queues], [sla])."""

    id: str
    version: int = 1
    rank: int = 0
    effective_from: Instant | None = None
    retired: bool = False
    applies: Filter = Filter()
    targets: dict[ClockName, Target] = {}
    calendar_mode: CalendarMode = "piecewise"


class CalendarTerms(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """One version of a calendar. `hours`: weekly, as in schemas.opening_hours ('Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00').
    `holidays`: country, or country and region ('DE', 'DE-BE') whose public holidays are closed; `closed`: more closed
    dates (ISO). `open`: local date -> hours of that date ('09:00-12:00, 13:00-14:00'; '' is closed), stronger than a
    holiday, which is stronger than the weekly hours. `effective_from`: as in SlaPolicy."""

    id: str
    version: int = 1
    effective_from: Instant | None = None
    timezone: str = "UTC"
    hours: str = "Mo-Su 00:00-24:00"
    holidays: str | None = None
    closed: tuple[str, ...] = ()
    open: dict[str, str] = {}


class Policies(msgspec.Struct, kw_only=True, frozen=True):
    """All that the settings promise: of every queue, by name, else the default one; policies and calendars."""

    default: QueuePolicy = QueuePolicy()
    queues: dict[str, QueuePolicy] = {}
    sla: tuple[SlaPolicy, ...] = ()
    calendars: tuple[CalendarTerms, ...] = ()

    def of(self, queue: str | None) -> QueuePolicy:
        """The policy of a queue (None: a contact offered without naming one)."""
        return self.queues.get(queue, self.default) if queue is not None else self.default


class PolicyRecord(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="policy"):
    """Record of the topic policies: every version of one policy, ascending, so that compaction loses none."""

    id: str
    versions: tuple[SlaPolicy, ...]


class CalendarRecord(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", tag="calendar"):
    """Record of the topic policies: every version of one calendar, ascending."""

    id: str
    versions: tuple[CalendarTerms, ...]


AnyPolicyRecord = PolicyRecord | CalendarRecord

POLICY_KEY = b"policies"
"""Key of the records of contacts.events that tell every contacts task of a record of the topic policies."""


class MetricSettings(msgspec.Struct, kw_only=True, frozen=True):
    """What the metric definitions leave open.

    `thresholds_ms`: the X of every service level, inclusive; `short_abandon_ms`: an abandon that waited no longer
    is short; `timezone`: whose midnight starts a day.
    """

    thresholds_ms: tuple[int, ...] = (20 * SECOND,)
    short_abandon_ms: int = 5 * SECOND
    timezone: str = "UTC"


class TrendSettings(msgspec.Struct, kw_only=True, frozen=True):
    """When a number that leaves its own past is told.

    `learn_days`: whole days that a series must have before anything is said of it. `false_alarms_per_day`: of all
    series together. `high`, `low`: how many times the usual arrivals are to be found. `silent_after_ms`: by source
    that is expected to speak, after how long without a record it is silent; None: learnt from its past. `wall`: the
    clock is the wall's, so that where it leaps, or where a task takes over, nobody was watching.
    """

    learn_days: int = 7
    false_alarms_per_day: float = 1.0
    high: float = 2.0
    low: float = 0.5
    silent_after_ms: dict[str, int | None] = {}
    wall: bool = False


encode_policy = msgspec.json.Encoder().encode
decode_policy = msgspec.json.Decoder(AnyPolicyRecord).decode
