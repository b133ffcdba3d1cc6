"""Calendars for tests, and instants as people write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.calendars import Calendar
from schemas.instants import from_ms, to_ms
from schemas.policies import CalendarTerms

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def calendar(hours: str, timezone: str = BERLIN, **terms: object) -> Calendar:
    """A calendar of the given terms."""
    return Calendar(CalendarTerms(id="desk", timezone=timezone, hours=hours, **terms))  # type: ignore[arg-type]


def local(text: str, zone: str = BERLIN, fold: int = 0) -> int:
    """The instant (ms) of a local time; `fold` 1: the second of two."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC))


def utc(text: str) -> int:
    """The instant (ms) of a time in UTC."""
    return local(text, "UTC")


def shown(at: int | None, zone: str = BERLIN) -> str | None:
    """An instant (ms) as local time, to the second."""
    if at is None:
        return None
    assert at % 1_000 == 0
    return f"{from_ms(at).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"


BER = calendar(
    "Mo-Fr 09:00-17:00", closed=("2026-04-03", "2026-04-06", "2026-12-25"), open={"2026-12-24": "09:00-12:00"}
)
NYN = calendar("Mo-Su 00:00-06:00, Mo-Su 22:00-24:00", NEW_YORK)
B24 = calendar("Mo-Su 00:00-24:00")
LUNCH = calendar("Mo-Fr 09:00-12:00, Mo-Fr 13:00-17:00")
NIGHT = calendar("Mo-Su 22:00-06:00")
