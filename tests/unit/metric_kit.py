"""What the tests of the metrics share: a record, an outbox that keeps the last word, and facts in seconds."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.metrics.processor import Metrics
from schemas import live, partials
from schemas.live import PIPELINE_KEY, TRENDS_KEY, LiveMetrics, Metric, Pipeline
from schemas.partials import TOOK, AgentNow, CallKey, ClockKey, FactKey, Partial, SplitOutcome, StateKey

NO_WINDOWS = {PIPELINE_KEY, TRENDS_KEY}
Facts = list[tuple[FactKey, int]]


@dataclass
class PartialRecord:
    """A record of metrics.partials."""

    value: bytes | None
    topic: str = "metrics.partials"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = b"contacts-0"
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass
class Board:
    """What a reader of metrics.live holds: the last record of every key, and all of them in order."""

    last: dict[bytes, bytes] = field(default_factory=dict)
    sent: list[tuple[bytes, bytes]] = field(default_factory=list)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        assert topic == "metrics.live"
        assert key is not None
        assert value is not None
        self.last[key] = value
        self.sent.append((key, value))

    def take_sent(self) -> list[LiveMetrics]:
        """The window records since the last call."""
        sent, self.sent = self.sent, []
        return [live.decode(value) for key, value in sent if key not in NO_WINDOWS]

    def windows(self) -> list[LiveMetrics]:
        return [live.decode(value) for key, value in self.last.items() if key not in NO_WINDOWS]

    def of(self, kind: str, channel: str | None = None, queue: str | None = None, **promised: str) -> list[LiveMetrics]:
        """The windows of a kind and scope, by start. `promised`: policy or segment."""
        scope = live.Scope(channel, queue, **promised)
        found = [w for w in self.windows() if w.window.kind == kind and w.scope == scope]
        return sorted(found, key=lambda w: str(w.window.start))

    def metrics(
        self, kind: str, channel: str | None = None, queue: str | None = None, **promised: str
    ) -> dict[str, Metric]:
        (window,) = self.of(kind, channel, queue, **promised)
        return window.metrics

    def value(
        self, metric: str, kind: str = "all", channel: str | None = None, queue: str | None = None, **promised: str
    ) -> float | None:
        return self.metrics(kind, channel, queue, **promised)[metric].value

    @property
    def pipeline(self) -> Pipeline:
        return live.decode_pipeline(self.last[PIPELINE_KEY])


def facts(offered_at: float, *said: tuple[str, float], queue: str | None = "support", channel: str = "phone") -> Facts:
    """Facts about one offer at `offered_at` seconds: (measure, seconds). 'waiting' takes the offer's instant."""
    at = round(offered_at * 1000)
    return [
        ((channel, queue, at // 60_000, measure, at if measure == "waiting" else round(value * 1000)), 1)
        for measure, value in said
    ]


Clocks = list[tuple[ClockKey, int]]


def clocks(
    *said: tuple[str, float],
    n: int = 1,
    policy: str = "gold",
    clock: str = "first_reply",
    channel: str = "email",
    queue: str | None = "support",
    segment: str | None = None,
) -> Clocks:
    """Signed counts of one clock: (measure, instant in seconds)."""
    return [
        ((policy, clock, channel, queue, segment, measure, _clock_value(measure, round(at * 1000))), n)
        for measure, at in said
    ]


def _clock_value(measure: str, at: int) -> int:
    return at // 60_000 if measure in ("attained", "breached") else at


def durations(at: float, *seconds: float, n: int = 1, **of: str) -> Clocks:
    """Signed counts of how long one clock took that ended at `at` seconds, as `clocks` otherwise."""
    return [
        ((*key[:5], f"{TOOK}{round(each * 1000)}", round(at) // 60), times)
        for each in seconds
        for key, times in clocks(("attained", at), n=n, **of)
    ]


def survey(at: float, kind: str, scale: int, *scores: float, queue: str | None = "support") -> Facts:
    """Answers of a survey at `at` seconds."""
    said = Counter(round(score * 100) for score in scores)
    return [(("email", queue, round(at) // 60, f"survey:{kind}:{scale}", value), n) for value, n in said.items()]


def solves(*said: tuple[str, float, float], n: int = 1, queue: str | None = "support") -> Facts:
    """Facts about contacts that were solved: (measure, instant, seconds)."""
    return [(("email", queue, round(at) // 60, measure, round(value * 1000)), n) for measure, at, value in said]


def taken_back(wrong: Facts) -> Facts:
    return [(key, -n) for key, n in wrong]


def feed(
    metrics: Metrics,
    board: Board,
    some: Facts,
    *,
    agents: Sequence[AgentNow] = (),
    busy: dict[str, int] | None = None,
    outcomes: dict[str, int] | None = None,
    split: Sequence[SplitOutcome] = (),
    calls: Sequence[tuple[CallKey, int]] = (),
    states: Sequence[tuple[StateKey, int]] = (),
    clocks: Sequence[tuple[ClockKey, int]] = (),
) -> None:
    """One partial."""
    partial = Partial(
        task="contacts-0",
        facts=some,
        agents=list(agents),
        busy=busy or {},
        outcomes=outcomes or {},
        split=list(split),
        calls=list(calls),
        states=list(states),
        clocks=list(clocks),
    )
    metrics.take(PartialRecord(partials.encode(partial)), board)


def tick(metrics: Metrics, board: Board, seconds: float, *, ended: bool = False) -> list[LiveMetrics]:
    """The clock moves on, then a flush; returns the windows that were sent."""
    board.take_sent()
    metrics.advance(round(seconds * 1000), board)
    metrics.before_flush(board, ended=ended)
    return board.take_sent()


def restart(metrics: Metrics, changelog: dict[bytes, bytes | None], fresh: Metrics) -> Metrics:
    """What a takeover sees: `changelog` with the changes of this flush, restored into `fresh`."""
    changelog.update(metrics.changes())
    for key, value in changelog.items():
        fresh.restore(key, value)
    fresh.restored()
    return fresh
