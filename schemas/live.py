"""Records of metrics.live: all metrics of one scope and one window, how far the pipeline has got, and trends."""

from typing import Literal

import msgspec

from schemas.instants import Instant
from schemas.trends import TrendRule

WindowKind = Literal["15min", "30min", "60min", "day", "all", "rolling15min", "rolling30min", "rolling60min"]


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the numbers are of: the whole floor ({}), a channel, a queue, or a queue on a channel; of promises also a
    policy, a policy in a queue, or a segment of customers."""

    channel: str | None = None
    queue: str | None = None
    policy: str | None = None
    segment: str | None = None


class Window(msgspec.Struct, frozen=True):
    """[start, end) in UTC; kind 'all' has neither."""

    kind: WindowKind
    start: Instant | None = None
    end: Instant | None = None


class Metric(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One number by one definition. `value` null: there is none yet (never 0 for nothing).

    Ratios are fractions 0..1 with numerator and denominator; durations are seconds, their numerator a sum of
    seconds and their denominator a count; points are 100 times their quotient. `n` is the number of observations;
    `interval` the 95 % interval of a proportion (Wilson) or of a difference of two (points).
    """

    value: float | None
    n: int
    version: int = 1
    numerator: float | None = None
    denominator: float | None = None
    interval: tuple[float, float] | None = None


class LiveMetrics(msgspec.Struct, kw_only=True):
    """All metrics of one scope and window. `revision` grows with every record about them.

    `closed`: the clock has passed the window's end; a later revision amends it.
    """

    scope: Scope
    window: Window
    watermark: Instant | None
    revision: int
    closed: bool
    metrics: dict[str, Metric]


class TaskMark(msgspec.Struct, kw_only=True):
    """How far one task has got."""

    watermark: Instant
    ended: bool = False


class SourceSeen(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What was heard of one source. `last_seen`: the clock when its last record was counted; `silent_since`: set while
    it is silent for longer than it should be."""

    last_seen: Instant
    records: int
    silent_since: Instant | None = None


class Pipeline(msgspec.Struct, kw_only=True):
    """How far every task has got, and what became of the source records.

    read = accepted + ignored + failed + duplicates, always. `ignored_by` and `failed_by`: counts by reason.
    """

    tasks: dict[str, TaskMark]
    read: int
    accepted: int
    ignored: int
    failed: int
    duplicates: int
    ignored_by: dict[str, int] = {}
    failed_by: dict[str, int] = {}
    agents_by_state: dict[str, int] = {}
    sources: dict[str, SourceSeen] = {}
    kind: Literal["pipeline"] = "pipeline"


class TrendState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How one series stands against its own past.

    `state` learning: there is too little past to speak (`days` of `needed`). `observed`, `expected`: arrivals of the
    last whole hour; `since`, `ratio`: of an open trend.
    """

    rule: TrendRule
    state: Literal["learning", "quiet", "open"]
    days: int
    needed: int
    queue: str | None = None
    channel: str | None = None
    source: str | None = None
    observed: float | None = None
    expected: float | None = None
    since: Instant | None = None
    ratio: float | None = None


class Trends(msgspec.Struct, kw_only=True):
    """Every series that is watched for trends: those that are open first, then sources, then queues, large ones before
    small ones. `left_out`: how many more there are than the record has room for."""

    watermark: Instant
    series: list[TrendState]
    left_out: int = 0
    kind: Literal["trends"] = "trends"


PIPELINE_KEY = b"pipeline"
TRENDS_KEY = b"trends"

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(LiveMetrics).decode
decode_pipeline = msgspec.json.Decoder(Pipeline).decode
decode_trends = msgspec.json.Decoder(Trends).decode
