"""Slots: the quarter hours of a local day, by which the past of a series is kept."""

from datetime import timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from schemas.instants import DAY, MINUTE, from_ms

SLOTS = 96
"""Quarter hours of a local day. One that the clock skips has no minutes, one that it repeats has 30."""

SLOT_MINUTES = 15
_DAY_MINUTES = DAY // MINUTE
_USUAL = (SLOT_MINUTES,) * SLOTS
_CACHED = 20_000


class Slots:
    """Local dates (days since 1970-01-01) and slots of one time zone.

    Zones change their offset at quarters of an hour of UTC and are off it by whole quarters, so that a quarter of an
    hour of UTC lies within one slot.
    """

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._places: dict[int, tuple[int, int]] = {}
        self.exposure = lru_cache(maxsize=512)(self._exposure)

    def place(self, minute: int) -> tuple[int, int]:
        """Local date and slot of a minute (since the epoch)."""
        quarter = minute // SLOT_MINUTES
        found = self._places.get(quarter)
        if found is None:
            if len(self._places) >= _CACHED:
                self._places.clear()
            start = quarter * SLOT_MINUTES
            date, local = divmod(start + self._offset(start), _DAY_MINUTES)
            found = self._places[quarter] = (date, local // SLOT_MINUTES)
        return found

    def _offset(self, minute: int) -> int:
        offset = from_ms(minute * MINUTE).astimezone(self._zone).utcoffset()
        return 0 if offset is None else offset // timedelta(minutes=1)

    def _exposure(self, date: int) -> tuple[int, ...]:
        """The minutes of every slot of a local date."""
        noon = date * _DAY_MINUTES
        if self._offset(noon - _DAY_MINUTES) == self._offset(noon) == self._offset(noon + 2 * _DAY_MINUTES):
            return _USUAL
        minutes = [0] * SLOTS
        for start in range(noon - _DAY_MINUTES, noon + 2 * _DAY_MINUTES, SLOT_MINUTES):
            day, slot = self.place(start)
            if day == date:
                minutes[slot] += SLOT_MINUTES
        return tuple(minutes)


def is_weekend(date: int) -> bool:
    """Whether a local date is a Saturday or a Sunday."""
    return weekday(date) >= 5


def weekday(date: int) -> int:
    """Day of the week of a local date, Monday is 0."""
    return (date + 3) % 7
