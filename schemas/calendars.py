"""Business time: how much of it lies between two instants, and when so much of it has passed. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

from schemas.instants import DAY, from_ms, to_ms
from schemas.opening_hours import MINUTES_A_DAY, DayHours, day_hours, weekly_hours
from schemas.policies import CalendarTerms
from schemas.public_holidays import check_place, public_holidays
from schemas.zones import zone_of

_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_YEARS = 5 * 366 * DAY
"""How far it is looked for an opening or a close (ms)."""
_MARGIN = 3
"""Days: of a span that begins on a local date nothing lies farther from that date in UTC, whatever the zone."""

_T = TypeVar("_T")


class BadCalendar(ValueError):
    """Terms that say no calendar: which calendar, which field, and what is wrong with it."""


class NeverDue(ValueError):
    """A calendar is not open for so long: there is no due instant."""


class Calendar:
    """One version of a calendar, ready to reckon with. `id`, `version`: of its terms.

    Open are half-open intervals [open, close) in UTC. A local boundary that the clock skips is moved on by the skipped
    time, one that it repeats means the first. What holds on a date is about the spans that begin on it: one that began
    the evening before a holiday goes on. Nothing is open before 1970 and after 2199. Raises BadCalendar for terms that
    say no calendar.
    """

    def __init__(self, terms: CalendarTerms) -> None:
        self.terms = terms
        self.id = terms.id
        self.version = terms.version
        self._zone = self._read("timezone", zone_of, terms.timezone)
        self._week = self._read("hours", weekly_hours, terms.hours)
        if terms.holidays is not None:
            self._read("holidays", check_place, terms.holidays)
        self._dates: dict[date, DayHours] = {self._read("closed", _date, day): () for day in terms.closed}
        for day, hours in terms.open.items():
            self._dates[self._read("open", _date, day)] = self._read(f"open, {day}", day_hours, hours)
        # Open intervals of the years known, [_first, _end), and the open time before each of them.
        self._opens: list[int] = []
        self._closes: list[int] = []
        self._before: list[int] = []
        self._total = 0
        self._first, self._end = _LAST_YEAR + 1, _FIRST_YEAR
        self._since = self._until = 0

    def elapsed(self, start: int, end: int) -> int:
        """Open time in [start, end), ms; 0 where `end` is not after `start`."""
        if end <= start:
            return 0
        used = self._open_until(start)
        return self._open_until(end) - used

    def due(self, start: int, target: int) -> int:
        """The earliest instant (ms) by which `target` ms of open time have passed since `start`.

        `start` itself for a target of 0. Raises NeverDue where there is not so much open time up to the year 2200.
        """
        if target <= 0:
            return start
        goal = self._open_until(start) + target
        while goal > self._total:
            if start + target > _start_of(_LAST_YEAR + 1) or not self._add_year():
                raise NeverDue(
                    f"calendar {self.id!r}, version {self.version}, is not open for {target} ms after the instant "
                    f"{start} (ms) and before the year {_LAST_YEAR + 1}: promise less, or open it for longer"
                )
        found = bisect_left(self._before, goal) - 1
        return self._opens[found] + goal - self._before[found]

    def is_open(self, at: int) -> bool:
        """Whether it is open at an instant (ms)."""
        found = self._last_opening(at)
        return found >= 0 and at < self._closes[found]

    def opens_at(self, at: int) -> int | None:
        """When it opens next after an instant (ms); None where it does not for years."""
        following = self._last_opening(at) + 1
        while following == len(self._opens):
            if self._until > at + _YEARS or not self._add_year():
                return None
        return self._opens[following]

    def closes_at(self, at: int) -> int | None:
        """When the hours that an instant (ms) lies in are over; None where it is closed, or open for years."""
        if not self.is_open(at):
            return None
        found = self._last_opening(at)
        while self._closes[found] == self._until:
            if self._until > at + _YEARS or not self._add_year():
                return None
        return self._closes[found]

    def _open_until(self, at: int) -> int:
        """Open time (ms) from the first year known to an instant. An earlier year than that changes what this counts
        from, a later one does not: of two instants the earlier is to be asked first."""
        if not self._since <= at < self._until:
            self._reach(at)
        found = bisect_right(self._opens, at) - 1
        if found < 0:
            return 0
        closes = self._closes[found]
        return self._before[found] + (at if at < closes else closes) - self._opens[found]

    def _last_opening(self, at: int) -> int:
        """Index of the last interval that begins at an instant or before; -1: none does."""
        if not self._since <= at < self._until:
            self._reach(at)
        return bisect_right(self._opens, at) - 1

    def _reach(self, at: int) -> None:
        """Makes the year of an instant known, and the one after it."""
        year = from_ms(min(max(at, _start_of(_FIRST_YEAR)), _start_of(_LAST_YEAR))).year
        through = max(year + 1, self._end - 1)
        if year < self._first:
            for each in (self._opens, self._closes, self._before):
                each.clear()
            self._total = 0
            self._first = self._end = year
            self._since = self._until = _start_of(year)
        while self._end <= through and self._add_year():
            pass

    def _add_year(self) -> bool:
        """Adds the year after those known; False where that is too far."""
        if self._end > _LAST_YEAR:
            return False
        for opens, closes in self._intervals(self._end):
            if self._closes and self._closes[-1] == opens:
                self._closes[-1] = closes
            else:
                self._opens.append(opens)
                self._closes.append(closes)
                self._before.append(self._total)
            self._total += closes - opens
        self._end += 1
        self._until = _start_of(self._end)
        return True

    def _intervals(self, year: int) -> list[tuple[int, int]]:
        """When it is open in a year of UTC: ascending, with closed time between."""
        begin, end = _start_of(year), _start_of(year + 1)
        found = []
        for day in range(date(year, 1, 1).toordinal() - _MARGIN, date(year + 1, 1, 1).toordinal() + _MARGIN):
            local = date.fromordinal(day)
            for span in self._hours_of(local):
                opens, closes = (self._instant(local, minute) for minute in span)
                found.append((max(opens, begin), min(closes, end)))
        merged: list[tuple[int, int]] = []
        for opens, closes in sorted(each for each in found if each[0] < each[1]):
            if merged and opens <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
            else:
                merged.append((opens, closes))
        return merged

    def _hours_of(self, day: date) -> DayHours:
        own = self._dates.get(day)
        if own is not None:
            return own
        if self.terms.holidays is not None and day in public_holidays(self.terms.holidays, day.year):
            return ()
        return self._week[day.weekday()]

    def _instant(self, day: date, minute: int) -> int:
        days, minute = divmod(minute, MINUTES_A_DAY)
        local = datetime.combine(day + timedelta(days=days), time(*divmod(minute, 60)), self._zone)
        return to_ms(local.astimezone(UTC))

    def _read(self, field: str, read: Callable[[str], _T], text: str) -> _T:
        try:
            return read(text)
        except ValueError as error:
            raise BadCalendar(f"calendar {self.id!r}, {field}: {error}") from None


def _start_of(year: int) -> int:
    return to_ms(datetime(year, 1, 1, tzinfo=UTC))


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise ValueError(f"{text!r} is no date, such as 2026-12-24")
    return found
