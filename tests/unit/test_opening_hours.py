"""Opening hours: what is written, and when it is open, by local time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schemas.instants import from_ms, to_ms
from schemas.opening_hours import BadOpeningHours, OpeningHours


def local(text: str, zone: str, fold: int = 0) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC))


@pytest.mark.parametrize(
    ("text", "at", "is_open"),
    [
        ("Mo-Fr 08:00-18:00", "2026-06-08 07:59:59", False),
        ("Mo-Fr 08:00-18:00", "2026-06-08 08:00", True),
        ("Mo-Fr 08:00-18:00", "2026-06-12 17:59:59", True),
        ("Mo-Fr 08:00-18:00", "2026-06-12 18:00", False),
        ("Mo-Fr 08:00-18:00", "2026-06-13 12:00", False),
        ("Mo-Fr 08:00-18:00, Sa 09:00-13:00", "2026-06-13 12:00", True),
        ("Mo-Fr 09:00-12:00,Mo-Fr 13:00-17:00", "2026-06-10 12:30", False),
        ("Fr 22:00-06:00", "2026-06-12 23:00", True),
        ("Fr 22:00-06:00", "2026-06-13 05:59", True),
        ("Fr 22:00-06:00", "2026-06-13 06:00", False),
        ("Fr 22:00-06:00", "2026-06-12 05:00", False),
        ("Sa-Mo 10:00-12:00", "2026-06-15 11:00", True),
        ("Sa-Mo 10:00-12:00", "2026-06-16 11:00", False),
        ("mo-su 00:00-24:00", "2026-06-16 23:59:59", True),
    ],
)
def test_a_queue_is_open_from_its_first_minute_to_before_its_last(text: str, at: str, is_open: bool) -> None:
    assert OpeningHours(text, "Europe/Berlin").is_open(local(at, "Europe/Berlin")) is is_open


def test_hours_follow_the_local_clock_when_it_changes() -> None:
    hours = OpeningHours("Mo-Su 08:00-18:00", "Europe/Berlin")
    winter, summer = datetime(2026, 3, 28, 7, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)
    assert hours.is_open(to_ms(winter))
    assert not hours.is_open(to_ms(winter) - 1)
    assert hours.is_open(to_ms(summer))
    assert not hours.is_open(to_ms(summer) - 1)


def test_an_opening_in_the_skipped_hour_moves_on_by_the_skipped_time() -> None:
    zone = "America/New_York"
    hours = OpeningHours("Su 02:30-05:00", zone)
    assert not hours.is_open(local("2026-03-08 03:29:59", zone))
    assert hours.is_open(local("2026-03-08 03:30", zone))


def test_a_span_that_the_clock_leaves_nothing_of_is_never_open() -> None:
    zone = "America/New_York"
    hours = OpeningHours("Su 02:00-03:00", zone)
    assert not any(hours.is_open(local("2026-03-08 00:00", zone) + minute * 60_000) for minute in range(24 * 60))


def test_a_close_in_the_repeated_hour_is_the_first_of_the_two() -> None:
    zone = "America/New_York"
    hours = OpeningHours("Su 00:00-01:30", zone)
    assert hours.is_open(local("2026-11-01 01:29", zone))
    assert not hours.is_open(local("2026-11-01 01:29", zone, fold=1))


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-06-08 06:00", "2026-06-08 08:00"),
        ("2026-06-12 18:00", "2026-06-15 08:00"),
        ("2026-03-28 12:00", "2026-03-30 08:00"),
    ],
)
def test_a_closed_queue_says_when_it_opens(at: str, opens: str) -> None:
    zone = "Europe/Berlin"
    found = OpeningHours("Mo-Fr 08:00-18:00", zone).opens_at(local(at, zone))
    assert found is not None
    assert from_ms(found).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == datetime.fromisoformat(opens)


def test_hours_of_one_day_a_week_open_again_a_week_later() -> None:
    zone = "Europe/Berlin"
    assert OpeningHours("Mo 08:00-09:00", zone).opens_at(local("2026-06-08 08:30", zone)) == local(
        "2026-06-15 08:00", zone
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'' is not days and hours"),
        ("08:00-18:00", "is not days and hours"),
        ("Mo-Fr 08:00-18:00,", "'' is not days and hours"),
        ("Mon-Fri 08:00-18:00", "'Mon' is no day: they are Mo, Tu"),
        ("Mo 8-18", "'8' is no time of day"),
        ("Mo 08:00-25:00", "'25:00' is no time of day"),
        ("Mo 08:61-09:00", "'08:61' is no time of day"),
        ("Mo 08:00-08:00", "open for no time"),
        ("Mo 24:00-06:00", "open for no time"),
    ],
)
def test_what_is_wrong_with_hours_is_said(text: str, says: str) -> None:
    with pytest.raises(BadOpeningHours) as error:
        OpeningHours(text, "UTC")
    assert says in str(error.value)
