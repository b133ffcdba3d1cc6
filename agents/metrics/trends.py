"""Trends: arrivals that leave their own past, sources that fall silent; what is told of them, and how all stand."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agents.metrics.arrivals import Arrivals
from agents.metrics.scopes import Leaf
from agents.metrics.silence import Silence
from agents.metrics.slots import Slots
from schemas import live, trends
from schemas.instants import from_ms
from schemas.live import TRENDS_KEY, SourceSeen, TrendState
from schemas.policies import TrendSettings
from schemas.topics import ALERTS_TRENDS, METRICS_LIVE
from schemas.trends import TrendTransition
from streams.processor import Outbox
from streams.store import Store

LARGEST = 512 * 1024
"""Bytes of the record of all series. There may be thousands of queues with long names on several channels, and a topic
takes records of up to a MiB."""

_AROUND = 1_024
_ONE = "one"


class Reached(msgspec.Struct, array_like=True):
    """First minute whose arrivals were not looked at, and the minute that sources were last looked at."""

    ticked: int | None = None
    watched: int | None = None


class Trends:
    """The part of the metrics that compares with the past. `timezone`: whose hours and weekdays are compared."""

    def __init__(self, settings: TrendSettings, timezone: str) -> None:
        slots = Slots(timezone)
        self._arrivals = Arrivals(settings, slots)
        self._silence = Silence(settings, slots)
        self._reached: Store[Reached] = Store(b"k", Reached)
        self._clock: int | None = None
        self._news = False
        self.stores: tuple[Store[Any], ...] = (*self._arrivals.stores, *self._silence.stores, self._reached)

    def add(self, leaf: Leaf, minute: int, n: int) -> None:
        """Count `n` arrivals (signed) of a minute."""
        self._arrivals.add(leaf, minute, n)

    def hear(self, sources: Mapping[str, int]) -> None:
        """Records came: source -> how many."""
        self._silence.hear(sources)

    def advance(self, clock: int, out: Outbox) -> None:
        """Move the clock (ms), and tell what began or ended."""
        before = self._arrivals.ticked, self._silence.watched
        self._clock = clock
        found = self._arrivals.advance(clock) + self._silence.advance(clock)
        for transition in found:
            self._tell(transition, out)
        reached = self._arrivals.ticked, self._silence.watched
        if reached != before:
            self._reached.put(_ONE, Reached(*reached))
        self._news = self._news or bool(found) or reached[0] != before[0]

    def before_flush(self, out: Outbox) -> None:
        """Send how all series stand, each minute and when one of them changes: those that a record has room for."""
        if not self._news or self._clock is None:
            return
        self._news = False
        series = self._silence.states() + self._arrivals.states()
        if series:
            told = _fitting(series)
            record = live.Trends(watermark=from_ms(self._clock), series=told, left_out=len(series) - len(told))
            out.send(METRICS_LIVE.name, TRENDS_KEY, live.encode(record))

    def sources(self) -> dict[str, SourceSeen]:
        """What was heard of every source."""
        return self._silence.seen()

    def restored(self) -> None:
        """Rebuild what is derived."""
        reached = self._reached.get(_ONE) or Reached()
        self._arrivals.ticked, self._silence.watched = reached.ticked, reached.watched
        self._arrivals.restored()
        self._silence.restored()

    def _tell(self, transition: TrendTransition, out: Outbox) -> None:
        out.send(ALERTS_TRENDS.name, transition.trend.encode(), trends.encode(transition))


def _fitting(series: list[TrendState]) -> list[TrendState]:
    """As many as one record has room for, those that are open first."""
    room = LARGEST - _AROUND
    fitting: list[TrendState] = []
    for state in sorted(series, key=lambda each: each.state != "open"):
        room -= len(live.encode(state)) + 1
        if room < 0:
            break
        fitting.append(state)
    return fitting
