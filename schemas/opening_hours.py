"""Opening hours as text, such as 'Mo-Fr 08:00-18:00, Sa 09:00-13:00'. Pure; schemas.calendars reckons with them."""

import re

DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MINUTES_A_DAY = 1_440

DayHours = tuple[tuple[int, int], ...]
"""Spans [opens, closes) of one date in minutes after its midnight; beyond 1,440 is the next date."""

_PART = re.compile(r"([A-Za-z]+)(?:\s*-\s*([A-Za-z]+))?\s+(\S+)\s*-\s*(\S+)")
_SPAN = re.compile(r"(\S+)\s*-\s*(\S+)")
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


class BadOpeningHours(ValueError):
    """A text that says no opening hours: what is wrong with it."""


def weekly_hours(text: str) -> tuple[DayHours, ...]:
    """The hours of each weekday, Monday first.

    Parts with commas between, each days ('Mo', 'Mo-Fr', 'Sa-Mo') and a span ('08:00-18:00', '00:00-24:00'); one that
    ends before it begins ('22:00-06:00') runs overnight. Raises BadOpeningHours.
    """
    week: list[list[tuple[int, int]]] = [[] for _ in DAYS]
    for part in (each.strip() for each in text.split(",")):
        found = _PART.fullmatch(part)
        if found is None:
            raise BadOpeningHours(f"{part!r} is not days and hours, such as 'Mo-Fr 08:00-18:00'")
        first, last = _day(found[1]), _day(found[2] or found[1])
        span = _span(part, found[3], found[4])
        for step in range((last - first) % len(DAYS) + 1):
            week[(first + step) % len(DAYS)].append(span)
    return tuple(tuple(day) for day in week)


def day_hours(text: str) -> DayHours:
    """The hours of one date: spans with commas between ('09:00-12:00, 13:00-14:00'), none where it is closed ('').

    Raises BadOpeningHours.
    """
    spans = []
    for part in (each.strip() for each in text.split(",")) if text.strip() else ():
        found = _SPAN.fullmatch(part)
        if found is None:
            raise BadOpeningHours(f"{part!r} is not hours, such as '09:00-12:00'")
        spans.append(_span(part, found[1], found[2]))
    return tuple(spans)


def _span(part: str, opens_at: str, closes_at: str) -> tuple[int, int]:
    opens, closes = _minute(opens_at), _minute(closes_at)
    if opens in (closes, MINUTES_A_DAY):
        raise BadOpeningHours(f"{part!r} is open for no time; all day is '00:00-24:00'")
    return opens, closes if closes > opens else closes + MINUTES_A_DAY


def _day(word: str) -> int:
    name = word.capitalize()
    if name not in DAYS:
        raise BadOpeningHours(f"{word!r} is no day: they are {', '.join(DAYS)}")
    return DAYS.index(name)


def _minute(word: str) -> int:
    found = _TIME.fullmatch(word)
    minute = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else None
    if minute is None or minute > MINUTES_A_DAY:
        raise BadOpeningHours(f"{word!r} is no time of day from 00:00 to 24:00")
    return minute
