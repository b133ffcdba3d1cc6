"""Past values, one a minute."""

from collections.abc import Iterable

from schemas.instants import MINUTE, to_ms
from schemas.live import LiveMetrics, Scope, WindowKind

LENGTH = 60
_DIGITS = 4

Followed = tuple[Scope, WindowKind, str]
"""Scope, kind of window and metric of one series."""


class Series:
    """The last value of each minute (of the watermark), for what is followed. An unchanged number is not sent again,
    so a value stands until the next one - in the minutes in which the pipeline was heard of at all."""

    def __init__(self) -> None:
        self._heard: set[int] = set()
        self._points: dict[Followed, dict[int, float | None]] = {}
        self._metrics: dict[tuple[Scope, WindowKind], list[str]] = {}

    def follow(self, wanted: Iterable[Followed]) -> None:
        """Follow these from now on, and no others; what is known of them stays."""
        chosen = set(wanted)
        self._points = {name: self._points.get(name, {}) for name in chosen}
        self._metrics = {}
        for scope, kind, metric in chosen:
            self._metrics.setdefault((scope, kind), []).append(metric)

    def follows(self, scope: Scope, kind: WindowKind) -> bool:
        """Whether any metric of this window is followed."""
        return (scope, kind) in self._metrics

    def hear(self, watermark: int) -> None:
        """The pipeline got to this time (ms)."""
        minute = watermark // MINUTE
        if minute not in self._heard:
            self._heard.add(minute)
            if len(self._heard) > 2 * LENGTH:
                self._heard = {each for each in self._heard if each > minute - LENGTH}

    def take(self, live: LiveMetrics) -> None:
        """Note the values of a record; not those of a window that is over: they are of no minute of now."""
        if live.watermark is None or live.closed:
            return
        minute = to_ms(live.watermark) // MINUTE
        self.hear(minute * MINUTE)
        for metric in self._metrics.get((live.scope, live.window.kind), ()):
            points = self._points[live.scope, live.window.kind, metric]
            found = live.metrics.get(metric)
            value = None if found is None else found.value
            points[minute] = None if value is None else round(value, _DIGITS)
            if len(points) > 2 * LENGTH:
                self._prune(points, minute)

    def of(self, name: Followed, watermark: int | None, since: int = 0) -> tuple[float | None, ...]:
        """One value a minute, of those since an instant up to the watermark (ms), the newest last; None where there
        was none."""
        known = self._points.get(name, {})
        points = {minute: value for minute, value in known.items() if minute * MINUTE >= since}
        if not points or watermark is None:
            return ()
        last = max(watermark // MINUTE, max(points))
        first = max(last - LENGTH + 1, min(points))
        value = points[max((minute for minute in points if minute <= first), default=first)]
        values = []
        for minute in range(first, last + 1):
            value = points.get(minute, value)
            values.append(value if minute in self._heard else None)
        return tuple(values)

    @staticmethod
    def _prune(points: dict[int, float | None], minute: int) -> None:
        before = minute - LENGTH
        standing = max((each for each in points if each <= before), default=None)
        for each in [each for each in points if each <= before and each != standing]:
            del points[each]
