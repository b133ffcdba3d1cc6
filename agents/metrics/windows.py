"""Which windows a minute belongs to: spans between instants, aligned to the local clock."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.instants import HOUR, MINUTE, from_ms, to_ms
from schemas.live import WindowKind

_CACHED_MINUTES = 50_000


class Span(NamedTuple):
    """One window, [start, end) in ms since the epoch. Rolling windows and 'all' have neither as their name."""

    kind: WindowKind
    start: int | None = None
    end: int | None = None

    @property
    def minutes(self) -> range:
        """The minutes (since the epoch) that begin in it; none for a window without ends."""
        if self.start is None or self.end is None:
            return range(0)
        return range(-(-self.start // MINUTE), -(-self.end // MINUTE))


ALL = Span("all")
ROLLING: tuple[tuple[Span, int], ...] = (
    (Span("rolling15min"), 15),
    (Span("rolling30min"), 30),
    (Span("rolling60min"), 60),
)
"""Rolling windows: the last so many whole minutes and the running one."""

LONGEST_ROLLING = 60
_TUMBLING: tuple[tuple[WindowKind, int], ...] = (
    ("15min", 15 * MINUTE),
    ("30min", 30 * MINUTE),
    ("60min", HOUR),
)


class Calendar:
    """Windows of one time zone. Raises zoneinfo.ZoneInfoNotFoundError for a zone that does not exist.

    A day goes from local midnight to local midnight, so it has 23 or 25 hours when the clocks change. A quarter,
    half or whole hour follows the local clock too (zones are off UTC by 30 and 45 minutes), is an hour of its own
    when the clock repeats it, and ends early where a change of less than an hour cuts it.
    """

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._cache: dict[int, tuple[Span, Span, Span, Span]] = {}

    def spans(self, minute: int) -> tuple[Span, Span, Span, Span]:
        """The quarter, half, whole hour and day that a minute (since the epoch) begins in."""
        found = self._cache.get(minute)
        if found is None:
            if len(self._cache) >= _CACHED_MINUTES:
                self._cache.clear()
            at = minute * MINUTE
            quarter, half, hour = (self._tumbling(kind, size, at) for kind, size in _TUMBLING)
            found = self._cache[minute] = (quarter, half, hour, self._day(at))
        return found

    def hour(self, minute: int) -> Span:
        """The whole hour that a minute begins in: the largest of the windows below the day."""
        return self.spans(minute)[2]

    def _offset(self, at: int) -> int:
        offset = from_ms(at).astimezone(self._zone).utcoffset()
        return 0 if offset is None else offset // timedelta(milliseconds=1)

    def _tumbling(self, kind: WindowKind, size: int, at: int) -> Span:
        offset = self._offset(at)
        start = (at + offset) // size * size - offset
        end = start + size
        if self._offset(start) != offset:
            start = self._change(start, at)
        if self._offset(end - 1) != offset:
            end = self._change(at, end - 1)
        return Span(kind, start, end)

    def _change(self, before: int, after: int) -> int:
        """The first instant in (before, after] with the offset of `after`."""
        offset = self._offset(after)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == offset:
                after = middle
            else:
                before = middle
        return after

    def _day(self, at: int) -> Span:
        date = from_ms(at).astimezone(self._zone).replace(tzinfo=None)
        midnight = datetime(date.year, date.month, date.day)  # noqa: DTZ001 - a local date, zoned in _midnight
        start = self._midnight(midnight)
        end = self._midnight(midnight + timedelta(days=1))
        # Clocks that go back across midnight show yesterday's date again after today has begun.
        if at >= end:
            start, end = end, self._midnight(midnight + timedelta(days=2))
        return Span("day", start, end)

    def _midnight(self, local: datetime) -> int:
        return to_ms(local.replace(tzinfo=self._zone, fold=0).astimezone(UTC))
