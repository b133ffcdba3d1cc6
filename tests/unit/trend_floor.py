"""What the tests of trends share: seeded queues whose days look like a call centre's, and what was told of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import exp, pi, sin
from random import Random

from agents.metrics.processor import Metrics
from agents.metrics.trends import Trends
from schemas import live, partials, trends
from schemas.instants import DAY, MINUTE, SECOND
from schemas.live import TRENDS_KEY, TrendState
from schemas.partials import FactKey, Partial
from schemas.policies import MetricSettings, TrendSettings
from schemas.trends import TrendTransition
from streams.processor import Headers
from tests.unit.metric_kit import PartialRecord

MONDAY = round(datetime(2026, 3, 2, tzinfo=UTC).timestamp() * 1000) // MINUTE
"""The first minute of the tests' past, a Monday in UTC."""

DAY_MINUTES = DAY // MINUTE
Profile = Callable[[int], float]
"""Mean arrivals of a minute (since the epoch)."""


def office(peak: float, *, opens: int = 8, closes: int = 20, weekend: float = 0.4) -> Profile:
    """A queue that is open from `opens` to `closes` (UTC), with two humps a day, and quieter at the weekend."""

    def rate(minute: int) -> float:
        day, at = divmod(minute, DAY_MINUTES)
        hour = at / 60
        if not opens <= hour < closes:
            return 0.0
        share = (hour - opens) / (closes - opens)
        level = weekend if (day + 3) % 7 >= 5 else 1.0
        return peak * level * (0.55 + 0.45 * abs(sin(2 * pi * share)))

    return rate


def round_the_clock(peak: float) -> Profile:
    """A queue that never closes; its nights are quiet."""

    def rate(minute: int) -> float:
        hour = minute % DAY_MINUTES / 60
        return peak * (0.15 + 0.85 * max(0.0, sin(pi * (hour - 6) / 16)) if 6 <= hour < 22 else 0.15)

    return rate


def flat(rate: float) -> Profile:
    return lambda _: rate


def poisson(random: Random, mean: float) -> int:
    """One Poisson variate, by multiplication of uniforms; large means in pieces."""
    n = 0
    while mean > 30:
        n += poisson(random, 30)
        mean -= 30
    limit, product = exp(-mean), random.random()
    while product > limit:
        n += 1
        product *= random.random()
    return n


def variate(random: Random, mean: float, dispersion: float) -> int:
    """A count of this mean whose variance is `dispersion` times as large: Poisson, or negative binomial."""
    if mean <= 0:
        return 0
    if dispersion > 1:
        mean = random.gammavariate(mean / (dispersion - 1), dispersion - 1)
    return poisson(random, mean)


@dataclass
class Told:
    """An outbox that keeps what is told of trends."""

    transitions: list[TrendTransition] = field(default_factory=list)
    last: live.Trends | None = None
    records: int = 0
    largest: int = 0

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        assert value is not None
        if topic == "alerts.trends":
            said = trends.decode(value)
            assert key == said.trend.encode()
            self.transitions.append(said)
        elif key == TRENDS_KEY:
            self.records += 1
            self.largest = max(self.largest, len(value))
            self.last = live.decode_trends(value)

    def state(self, rule: str, subject: str) -> TrendState:
        assert self.last is not None
        (found,) = [each for each in self.last.series if each.rule == rule and subject in (each.queue, each.source)]
        return found

    def story(self) -> list[tuple[str, str, str | None]]:
        return [(each.rule, each.transition, each.queue or each.source) for each in self.transitions]


@dataclass
class Site:
    """Queues on the phone by name, minute by minute, straight into the rules."""

    profiles: Mapping[str, Profile]
    seed: int = 1
    dispersion: float = 1.0
    level_spread: float = 0.0
    settings: TrendSettings = field(default_factory=TrendSettings)
    timezone: str = "UTC"
    minute: int = MONDAY
    told: Told = field(default_factory=Told)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.trends = Trends(self.settings, self.timezone)
        self.levels: dict[tuple[str, int], float] = {}

    def copy(self) -> "Site":
        """The same site as it stands, restored from its state; nothing was told yet."""
        other = Site(
            self.profiles, self.seed, self.dispersion, self.level_spread, self.settings, self.timezone, self.minute
        )
        for store, old in zip(other.trends.stores, self.trends.stores, strict=True):
            old._changed.update(old.data)
            for key, value in old.changes():
                store.restore(key, value)
        other.trends.restored()
        return other

    def counts(self, minute: int, factors: Mapping[str, float]) -> Iterator[tuple[str, int]]:
        for queue, profile in self.profiles.items():
            mean = profile(minute) * factors.get(queue, 1.0)
            if mean > 0 and self.level_spread:
                day = (queue, minute // DAY_MINUTES)
                if day not in self.levels:
                    self.levels[day] = self.random.lognormvariate(0.0, self.level_spread)
                mean *= self.levels[day]
            yield queue, variate(self.random, mean, self.dispersion)

    def run(self, minutes: int, **factors: float) -> list[TrendTransition]:
        """So many minutes pass, with arrivals at `factors` times the profile; returns what was told in them."""
        before = len(self.told.transitions)
        for _ in range(minutes):
            for queue, n in self.counts(self.minute, factors):
                if n:
                    self.trends.add(("phone", queue), self.minute, n)
            self.minute += 1
            self.trends.advance(self.minute * MINUTE + 2 * SECOND, self.told)
        self.trends.before_flush(self.told)
        return self.told.transitions[before:]

    def days(self, days: float, **factors: float) -> list[TrendTransition]:
        return self.run(round(days * DAY_MINUTES), **factors)


def metrics_of(settings: TrendSettings | None = None, timezone: str = "UTC") -> Metrics:
    return Metrics(MetricSettings(timezone=timezone), settings, keep_ms=None)


def partial_of(
    arrivals: Mapping[tuple[str, int], int] | None = None, sources: dict[str, int] | None = None
) -> PartialRecord:
    """A record of metrics.partials: arrivals by queue and minute, records by source."""
    facts: list[tuple[FactKey, int]] = [
        (("phone", queue, minute, "offered", 0), n) for (queue, minute), n in (arrivals or {}).items()
    ]
    return PartialRecord(partials.encode(Partial(task="contacts-0", facts=facts, sources=sources or {})))
