"""What a queue promises: targets in milliseconds, versioned."""

import msgspec

from schemas.instants import HOUR, SECOND


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


class Policies(msgspec.Struct, kw_only=True, frozen=True):
    """The policy of every queue: by name, else the default one."""

    default: QueuePolicy = QueuePolicy()
    queues: dict[str, QueuePolicy] = {}

    def of(self, queue: str | None) -> QueuePolicy:
        """The policy of a queue (None: a contact offered without naming one)."""
        return self.queues.get(queue, self.default) if queue is not None else self.default


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
