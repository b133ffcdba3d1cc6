"""Opening hours: when a queue is served, by local time. Pure; written like 'Mo-Fr 08:00-18:00, Sa 09:00-13:00'."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schemas.instants import from_ms, to_ms

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_MINUTES_A_DAY = 1_440
_PART = re.compile(r"([A-Za-z]+)(?:\s*-\s*([A-Za-z]+))?\s+(\S+)\s*-\s*(\S+)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_LOOK_AHEAD_DAYS = 8


class BadOpeningHours(ValueError):
    """A text that says no opening hours: what is wrong with it."""


class OpeningHours:
    """Weekly hours in one time zone: half open, [opens, closes); a span that ends before it begins runs overnight.

    A boundary that the clock skips is moved on by the skipped time; one that it repeats means the first. `text`:
    parts with commas between, each days ('Mo', 'Mo-Fr', 'Sa-Mo') and a span ('08:00-18:00', '22:00-06:00',
    '00:00-24:00'). Raises BadOpeningHours.

    >>> hours = OpeningHours("Mo-Fr 08:00-18:00", "Europe/Berlin")
    >>> hours.is_open(to_ms(datetime(2026, 3, 2, 7, 0, tzinfo=UTC)))
    True
    """

    def __init__(self, text: str, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._spans: list[list[tuple[int, int]]] = [[] for _ in DAYS]
        for part in text.split(","):
            days, opens, closes = _parse(part.strip())
            for day in days:
                self._spans[day].append((opens, closes))

    def is_open(self, at: int) -> bool:
        """Whether it is open at an instant (ms)."""
        today = from_ms(at).astimezone(self._zone).date()
        return any(
            start <= at < end for day in (today - timedelta(days=1), today) for start, end in self._instants(day)
        )

    def opens_at(self, at: int) -> int | None:
        """When it opens next after an instant (ms) at which it is closed; None where it never does."""
        today = from_ms(at).astimezone(self._zone).date()
        starts = [
            start
            for ahead in range(_LOOK_AHEAD_DAYS)
            for start, _ in self._instants(today + timedelta(days=ahead))
            if start > at
        ]
        return min(starts, default=None)

    def _instants(self, day: date) -> list[tuple[int, int]]:
        """The spans that begin on a local date, as instants; what the clock left nothing of is left out."""
        spans = [
            (self._instant(day, opens), self._instant(day, closes)) for opens, closes in self._spans[day.weekday()]
        ]
        return [(start, end) for start, end in spans if start < end]

    def _instant(self, day: date, minute: int) -> int:
        days, minute = divmod(minute, _MINUTES_A_DAY)
        local = datetime.combine(day + timedelta(days=days), time(*divmod(minute, 60)), self._zone)
        return to_ms(local.astimezone(UTC))


def _parse(part: str) -> tuple[list[int], int, int]:
    found = _PART.fullmatch(part)
    if found is None:
        raise BadOpeningHours(f"{part!r} is not days and hours, such as 'Mo-Fr 08:00-18:00'")
    first, last = _day(found[1]), _day(found[2] or found[1])
    days = [(first + step) % len(DAYS) for step in range((last - first) % len(DAYS) + 1)]
    opens, closes = _minute(found[3]), _minute(found[4])
    if opens in (closes, _MINUTES_A_DAY):
        raise BadOpeningHours(f"{part!r} is open for no time; all day is '00:00-24:00'")
    return days, opens, closes if closes > opens else closes + _MINUTES_A_DAY


def _day(word: str) -> int:
    name = word.capitalize()
    if name not in DAYS:
        raise BadOpeningHours(f"{word!r} is no day: they are {', '.join(DAYS)}")
    return DAYS.index(name)


def _minute(word: str) -> int:
    found = _TIME.fullmatch(word)
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else None
    if minute is None or minute > _MINUTES_A_DAY:
        raise BadOpeningHours(f"{word!r} is no time of day from 00:00 to 24:00")
    return minute
