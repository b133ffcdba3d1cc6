"""Calendars by what must hold of all of them: over every change of every clock, and beside a plain count of minutes."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.calendars import Calendar
from schemas.instants import DAY, HOUR, MINUTE, SECOND, from_ms, to_ms
from tests.unit.calendar_desk import B24, BER, BERLIN, LUNCH, NIGHT, NYN, calendar, local, utc

_FROM, _UNTIL = utc("2020-01-01"), utc("2031-01-01")
_GRID = range(_FROM, _UNTIL, 4 * DAY)
_AROUND = (-9 * HOUR, -HOUR, -30 * MINUTE, -1, 0, 1, 29 * MINUTE, HOUR)
_TARGETS = (1, 59 * SECOND, HOUR, 3 * HOUR, 8 * HOUR, 20 * HOUR)
_NIGHTS = "Mo-Su 22:00-06:00"
_OTHERS = (
    "Mo-Su 00:00-24:00",
    "Mo-Su 00:00-06:00, Mo-Su 22:00-24:00",
    "Mo-Su 01:15-02:45, Mo-Su 03:00-03:30, Mo-Su 23:30-00:30",
    "Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00, Sa 22:00-02:15",
)


class Clock(NamedTuple):
    """A zone and when its clock changed, 2020 to 2030 (ms)."""

    zone: str
    changes: tuple[int, ...]


def _offset(zone: ZoneInfo, at: int) -> timedelta | None:
    return from_ms(at).astimezone(zone).utcoffset()


@cache
def _clocks() -> tuple[Clock, ...]:
    """One zone of each kind of clock that changed at all: many zones are names of one and the same."""
    found: dict[tuple[object, ...], Clock] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        changes = tuple(_changes(zone))
        if changes:
            found.setdefault((_offset(zone, _FROM), *((at, _offset(zone, at)) for at in changes)), Clock(name, changes))
    return tuple(found.values())


def _changes(zone: ZoneInfo) -> Iterator[int]:
    offsets = [_offset(zone, at) for at in _GRID]
    for at, before, after in zip(_GRID[1:], offsets, offsets[1:], strict=False):
        if before != after:
            span = range(at - 4 * DAY, at + 1)
            yield span[bisect_left(span, True, key=lambda ms: _offset(zone, ms) != before)]


def _intervals(spans: list[tuple[time, time]], zone: ZoneInfo, days: list[date]) -> list[tuple[int, int]]:
    """What a calendar of the same hours every day must have open: each boundary asked of the clock by itself."""
    found = []
    for day in days:
        for opens, closes in spans:
            end = datetime.combine(day + timedelta(days=closes <= opens), closes, zone)
            start = datetime.combine(day, opens, zone)
            found.append((to_ms(start.astimezone(UTC)), to_ms(end.astimezone(UTC))))
    return found


def _check_inverse(reckoned: Calendar, start: int, target: int) -> None:
    due = reckoned.due(start, target)
    assert due > start
    assert reckoned.elapsed(start, due) == target
    assert reckoned.elapsed(start, due - 1) == target - 1


def test_over_every_change_of_every_clock_due_and_elapsed_are_inverse_and_nights_as_long_as_they_are() -> None:
    chance = Random(2030)
    touched = 0
    for name, changes in _clocks():
        reckoned, zone = calendar(_NIGHTS, name), ZoneInfo(name)
        for change in changes:
            touched += 1
            for start in chance.sample(_AROUND, 3):
                _check_inverse(reckoned, change + start, chance.choice(_TARGETS))
            today = from_ms(change).astimezone(zone).date()
            days = [today + timedelta(days=step) for step in (-2, -1, 0, 1, 2)]
            begin, end = change - DAY, change + DAY
            nights = _intervals([(time(22), time(6))], zone, days)
            assert reckoned.elapsed(begin, end) == sum(max(0, min(b, end) - max(a, begin)) for a, b in nights), name
    assert touched > 700


@pytest.mark.slow
@pytest.mark.parametrize("hours", [_NIGHTS, *_OTHERS])
def test_over_every_change_of_every_clock_any_start_and_target_are_inverse(hours: str) -> None:
    for name, changes in _clocks():
        reckoned = calendar(hours, name)
        for change in changes:
            for start in _AROUND:
                for target in _TARGETS:
                    _check_inverse(reckoned, change + start, target)


def test_over_some_changes_of_clocks_calendars_of_all_kinds_are_inverse() -> None:
    chance = Random(2020)
    for name, changes in chance.sample(_clocks(), 20):
        for hours in _OTHERS:
            reckoned = calendar(hours, name)
            change = chance.choice(changes)
            for start in _AROUND:
                for target in _TARGETS:
                    _check_inverse(reckoned, change + start, target)


@pytest.mark.parametrize("monday", ["2026-03-23", "2026-10-19"])
def test_minutes_counted_one_by_one_are_the_elapsed_time_and_lead_to_the_due_instant(monday: str) -> None:
    reckoned = calendar("Mo-Su 01:30-02:30, Mo-Su 12:00-13:00, Mo-Su 21:00-01:00")
    days = [date.fromisoformat(monday) + timedelta(days=step) for step in range(-1, 10)]
    spans = [(time(1, 30), time(2, 30)), (time(12), time(13)), (time(21), time(1))]
    intervals = _intervals(spans, ZoneInfo(BERLIN), days)
    start = local(f"{monday} 00:00")
    counted = 0
    for minute in range(start, start + 8 * DAY, MINUTE):
        assert reckoned.elapsed(start, minute) == counted
        is_open = any(a <= minute < b for a, b in intervals)
        assert reckoned.is_open(minute) is is_open
        if is_open:
            counted += MINUTE
            assert reckoned.due(start, counted) == minute + MINUTE
    assert counted > 40 * HOUR


INSTANTS = st.integers(utc("2024-12-20"), utc("2027-01-10"))
SPANS = st.integers(0, 60 * HOUR)
CALENDARS = st.sampled_from(
    [BER, NYN, B24, LUNCH, NIGHT, calendar("Mo-Sa 07:00-23:00, Sa 23:00-03:00", "Africa/Casablanca", holidays="MA")]
)


@given(CALENDARS, INSTANTS, SPANS)
def test_due_is_the_earliest_instant_at_which_the_target_has_elapsed(reckoned: Calendar, start: int, more: int) -> None:
    _check_inverse(reckoned, start, more + 1)


@given(CALENDARS, INSTANTS, INSTANTS, SPANS, SPANS)
def test_due_is_never_earlier_for_a_later_start_or_a_larger_target(
    reckoned: Calendar, one: int, other: int, target: int, more: int
) -> None:
    first, second = sorted((one, other))
    assert reckoned.due(first, target) <= reckoned.due(second, target)
    assert reckoned.due(first, target) < reckoned.due(first, target + more + 1)


@given(CALENDARS, st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_elapsed_time_adds_up_and_is_never_more_than_what_passed(reckoned: Calendar, instants: list[int]) -> None:
    start, between, end = instants
    assert reckoned.elapsed(start, between) + reckoned.elapsed(between, end) == reckoned.elapsed(start, end)
    assert 0 <= reckoned.elapsed(start, end) <= end - start


@given(CALENDARS, INSTANTS)
def test_it_is_open_exactly_where_time_passes(reckoned: Calendar, at: int) -> None:
    is_open = reckoned.is_open(at)
    assert reckoned.elapsed(at, at + 1) == is_open
    closes, opens = reckoned.closes_at(at), reckoned.opens_at(at)
    assert (closes is not None) is (is_open and reckoned is not B24)
    if closes is not None:
        assert reckoned.elapsed(at, closes) == closes - at
        assert not reckoned.is_open(closes)
    if opens is not None:
        assert reckoned.is_open(opens)
        assert not reckoned.is_open(opens - 1)
        assert reckoned.elapsed(at, opens) == (0 if closes is None else closes - at)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(["Mo", "Tu-Th", "Fr-Mo"]), st.integers(0, 1_439), st.integers(0, 1_440)), min_size=1
    ),
    st.sampled_from(["America/St_Johns", "Asia/Gaza", "Antarctica/Troll", "Pacific/Chatham", "Europe/Dublin"]),
    st.sets(st.dates(date(2026, 1, 1), date(2026, 12, 31))),
    st.integers(utc("2026-01-01"), utc("2027-01-01")),
    st.integers(1, 30 * HOUR),
)
def test_whatever_the_hours_due_and_elapsed_are_inverse(
    spans: list[tuple[str, int, int]], zone: str, closed: set[date], start: int, target: int
) -> None:
    parts = [f"{days} {_time(opens)}-{_time(closes)}" for days, opens, closes in spans if opens != closes]
    reckoned = calendar(", ".join(parts or ["Mo 09:00-10:00"]), zone, closed=tuple(map(str, closed)))
    _check_inverse(reckoned, start, target)


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


class Counted(int):
    """A number that counts how often it, or what is reckoned from it, is compared."""

    comparisons = 0

    def __lt__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) < int(other)

    def __gt__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) > int(other)

    def __add__(self, other: int) -> "Counted":
        return Counted(int(self) + int(other))

    __radd__ = __add__

    def __sub__(self, other: int) -> "Counted":
        return Counted(int(self) - int(other))

    def __rsub__(self, other: int) -> "Counted":
        return Counted(int(other) - int(self))


def test_over_a_hundred_years_as_few_intervals_are_looked_at_as_a_bisection_takes() -> None:
    reckoned = calendar("Mo-Su 09:00-12:00, Mo-Su 13:00-17:00", "UTC")
    start, end = utc("2000-01-01 00:00"), utc("2100-01-01 00:00")
    intervals = 2 * 36_525
    assert reckoned.elapsed(start, end) == intervals // 2 * 7 * HOUR
    Counted.comparisons = 0
    due = reckoned.due(Counted(start), Counted(intervals // 2 * 7 * HOUR))
    assert due == end - 7 * HOUR
    assert 2 * 16 <= Counted.comparisons <= 2 * (intervals.bit_length() + 5)
    Counted.comparisons = 0
    assert reckoned.elapsed(Counted(start), Counted(end)) == intervals // 2 * 7 * HOUR
    assert 2 * 16 <= Counted.comparisons <= 2 * (intervals.bit_length() + 5)
