"""Windows follow the local clock, also when it jumps."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.metrics.windows import Calendar
from schemas.instants import HOUR, MINUTE, from_ms, to_ms


def minute(text: str) -> int:
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC)) // MINUTE


def told(calendar: Calendar, at: str) -> dict[str, tuple[str, str]]:
    """Kind -> start and end in UTC of the windows at an instant."""
    return {
        span.kind: (f"{from_ms(span.start or 0):%m-%d %H:%M}", f"{from_ms(span.end or 0):%m-%d %H:%M}")
        for span in calendar.spans(minute(at))
    }


def test_windows_in_utc_are_whole_quarters_halves_hours_and_days() -> None:
    assert told(Calendar("UTC"), "2026-10-20 09:44") == {
        "15min": ("10-20 09:30", "10-20 09:45"),
        "30min": ("10-20 09:30", "10-20 10:00"),
        "60min": ("10-20 09:00", "10-20 10:00"),
        "day": ("10-20 00:00", "10-21 00:00"),
    }


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [
        ("Asia/Kolkata", ("10-20 09:30", "10-20 10:30"), ("10-19 18:30", "10-20 18:30")),
        ("Asia/Kathmandu", ("10-20 09:15", "10-20 10:15"), ("10-19 18:15", "10-20 18:15")),
        ("America/St_Johns", ("10-20 09:30", "10-20 10:30"), ("10-20 02:30", "10-21 02:30")),
    ],
)
def test_hours_of_zones_off_by_half_and_quarter_hours_start_with_their_own_clock(
    zone: str, hour: tuple[str, str], day: tuple[str, str]
) -> None:
    spans = told(Calendar(zone), "2026-10-20 09:44")
    assert (spans["60min"], spans["day"]) == (hour, day)


@pytest.mark.parametrize(
    ("zone", "noon", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29 12:00", ("03-28 23:00", "03-29 22:00"), 23),
        ("Europe/Berlin", "2026-10-25 12:00", ("10-24 22:00", "10-25 23:00"), 25),
        # Midnight itself does not exist: the clocks go from 24:00 to 01:00.
        ("America/Sao_Paulo", "2018-11-04 15:00", ("11-04 03:00", "11-05 02:00"), 23),
        # The clocks go back from 24:00 to 23:00: Saturday has 25 hours.
        ("America/Sao_Paulo", "2018-02-17 15:00", ("02-17 02:00", "02-18 03:00"), 25),
        # Midnight happens twice: the first one starts the day.
        ("America/Havana", "2026-11-01 15:00", ("11-01 04:00", "11-02 05:00"), 25),
        # Half an hour is repeated.
        ("Australia/Lord_Howe", "2026-04-05 00:00", ("04-04 13:00", "04-05 13:30"), 24.5),
    ],
)
def test_a_day_goes_from_local_midnight_to_local_midnight(
    zone: str, noon: str, day: tuple[str, str], hours: float
) -> None:
    assert told(Calendar(zone), noon)["day"] == day
    span = Calendar(zone).spans(minute(noon))[3]
    assert (span.end or 0) - (span.start or 0) == hours * HOUR


def test_an_hour_that_the_clock_repeats_is_two_windows() -> None:
    berlin = Calendar("Europe/Berlin")
    first = told(berlin, "2026-10-25 00:30")["60min"]
    second = told(berlin, "2026-10-25 01:30")["60min"]
    assert (first, second) == (("10-25 00:00", "10-25 01:00"), ("10-25 01:00", "10-25 02:00"))


def test_a_half_hour_jump_cuts_an_hour_short() -> None:
    lord_howe = Calendar("Australia/Lord_Howe")
    # At 15:00 UTC 02:00 local becomes 01:30 again.
    assert told(lord_howe, "2026-04-04 14:59")["60min"] == ("04-04 14:00", "04-04 15:00")
    assert told(lord_howe, "2026-04-04 15:10")["60min"] == ("04-04 15:00", "04-04 15:30")


ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "America/Havana")


@given(
    st.sampled_from(ZONES),
    st.integers(minute("1995-01-01"), minute("2037-12-31")),
)
@example("America/St_Johns", minute("2005-10-30 02:45"))  # the clocks went back from 00:01 to 23:01
@example("Australia/Lord_Howe", minute("2026-04-04 15:10"))
def test_windows_of_a_kind_lie_side_by_side_and_nest(zone: str, at: int) -> None:
    calendar = Calendar(zone)
    spans = calendar.spans(at)
    for span in spans:
        assert span.start is not None
        assert span.end is not None
        assert at in span.minutes
        index = spans.index(span)
        assert calendar.spans(span.minutes[0])[index] == span
        assert calendar.spans(span.minutes[-1])[index] == span
        assert calendar.spans(span.minutes[-1] + 1)[index].start == span.end
    quarter, half, hour, day = spans
    for inner, outer in ((quarter, half), (half, hour), (hour, day)):
        assert set(inner.minutes) <= set(outer.minutes)


def test_a_day_is_a_date_of_the_zone() -> None:
    berlin = Calendar("Europe/Berlin")
    start = berlin.spans(minute("2026-07-01 22:30"))[3].start
    assert from_ms(start or 0) == datetime(2026, 7, 1, 22, tzinfo=UTC)
    assert from_ms(start or 0) + timedelta(hours=2) == datetime(2026, 7, 2, tzinfo=UTC)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        Calendar("Europe/Atlantis")
