"""Calendars: worked examples to the second, what holds on which date, and what is refused."""

import pytest

from schemas.calendars import BadCalendar, Calendar, NeverDue
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from schemas.policies import CalendarTerms
from tests.unit.calendar_desk import B24, BER, BERLIN, LUNCH, NEW_YORK, NIGHT, NYN, calendar, local, shown, utc


@pytest.mark.parametrize(
    ("reckoned", "start", "target", "due"),
    [
        pytest.param(BER, local("2026-06-09 16:40"), 60 * MINUTE, "2026-06-10 09:40:00 CEST", id="overnight"),
        pytest.param(BER, local("2026-06-09 16:40"), 48 * MINUTE, "2026-06-10 09:28:00 CEST", id="overnight at risk"),
        pytest.param(BER, local("2026-06-12 15:30"), 4 * HOUR, "2026-06-15 11:30:00 CEST", id="weekend"),
        pytest.param(BER, local("2026-04-02 16:00"), 2 * HOUR, "2026-04-07 10:00:00 CEST", id="Easter"),
        pytest.param(BER, local("2026-06-14 13:00"), 30 * MINUTE, "2026-06-15 09:30:00 CEST", id="starts while closed"),
        pytest.param(BER, local("2026-12-23 16:30"), 4 * HOUR, "2026-12-28 09:30:00 CET", id="half day and holiday"),
        pytest.param(BER, local("2026-06-08 17:00"), MINUTE, "2026-06-09 09:01:00 CEST", id="starts at close"),
        pytest.param(LUNCH, local("2026-06-08 11:30"), 60 * MINUTE, "2026-06-08 13:30:00 CEST", id="over lunch"),
        pytest.param(LUNCH, local("2026-06-08 11:00"), 60 * MINUTE, "2026-06-08 12:00:00 CEST", id="until lunch"),
        pytest.param(B24, local("2026-03-28 12:00"), DAY, "2026-03-29 13:00:00 CEST", id="spring, round the clock"),
        pytest.param(B24, local("2026-10-24 12:00"), DAY, "2026-10-25 11:00:00 CET", id="autumn, round the clock"),
        pytest.param(BER, local("2026-06-10 10:00"), 15 * MINUTE, "2026-06-10 10:15:00 CEST", id="within a day"),
        pytest.param(BER, local("2026-06-08 20:00"), 8 * HOUR, "2026-06-09 17:00:00 CEST", id="used up at close"),
    ],
)
def test_a_target_is_due_when_so_much_open_time_has_passed(
    reckoned: Calendar, start: int, target: int, due: str
) -> None:
    found = reckoned.due(start, target)
    assert shown(found) == due
    assert reckoned.elapsed(start, found) == target
    assert reckoned.elapsed(start, found - 1) == target - 1


@pytest.mark.parametrize(
    ("start", "due", "night"),
    [
        ("2026-03-07 23:00", "2026-03-08 06:00:00 EDT", 360),
        ("2026-10-31 23:00", "2026-11-01 04:00:00 EST", 480),
    ],
)
def test_a_night_in_new_york_is_as_long_as_its_clock_makes_it(start: str, due: str, night: int) -> None:
    at = local(start, NEW_YORK)
    assert shown(NYN.due(at, 6 * HOUR), NEW_YORK) == due
    assert NYN.elapsed(at, local(due[:10] + " 06:00", NEW_YORK)) == night * MINUTE


@pytest.mark.parametrize(("evening", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-09", 8)])
def test_a_night_shift_in_berlin_is_an_hour_shorter_in_spring_and_longer_in_autumn(evening: str, hours: int) -> None:
    noon = local(f"{evening} 12:00")
    assert NIGHT.elapsed(noon, noon + DAY) == hours * HOUR


@pytest.mark.parametrize(
    ("hours", "date", "opens", "minutes"),
    [
        ("Su 00:00-01:30", "2026-11-01", "2026-11-01 00:00:00 EDT", 90),
        ("Su 02:30-05:00", "2026-03-08", "2026-03-08 03:30:00 EDT", 90),
        ("Su 02:00-03:00", "2026-03-08", "2026-03-15 02:00:00 EDT", 0),
    ],
)
def test_a_boundary_that_is_repeated_is_the_first_and_one_that_is_skipped_moves_on(
    hours: str, date: str, opens: str, minutes: int
) -> None:
    reckoned = calendar(hours, NEW_YORK)
    start = local(f"{date} 00:00", NEW_YORK)
    assert shown(reckoned.opens_at(start - 1), NEW_YORK) == opens
    assert reckoned.elapsed(start, start + DAY) == minutes * MINUTE


@pytest.mark.parametrize(("date", "due", "minutes"), [("2026-10-04", "04:30:00", 330), ("2026-04-05", "03:30:00", 390)])
def test_where_the_clock_moves_by_half_an_hour_so_does_the_day(date: str, due: str, minutes: int) -> None:
    zone = "Australia/Lord_Howe"
    reckoned = calendar("Mo-Su 00:00-06:00", zone)
    start = local(f"{date} 00:00", zone)
    found = shown(reckoned.due(start, 4 * HOUR), zone)
    assert found is not None
    assert found.startswith(f"{date} {due}")
    assert reckoned.elapsed(start, local(f"{date} 12:00", zone)) == minutes * MINUTE


@pytest.mark.parametrize(
    ("hours", "noon", "opens", "length"),
    [
        ("Su 00:00-08:00", "2026-09-05 12:00", "2026-09-06 01:00:00 -03", 7),
        ("Sa 20:00-24:00", "2026-09-05 12:00", "2026-09-05 20:00:00 -04", 4),
        ("Sa 20:00-24:00", "2026-04-04 12:00", "2026-04-04 20:00:00 -03", 5),
    ],
)
def test_where_midnight_is_skipped_or_repeated_hours_up_to_it_and_from_it_are_right(
    hours: str, noon: str, opens: str, length: int
) -> None:
    zone = "America/Santiago"
    reckoned = calendar(hours, zone)
    start = local(noon, zone)
    assert shown(reckoned.opens_at(start), zone) == opens
    assert reckoned.elapsed(start, start + DAY) == length * HOUR


@pytest.mark.parametrize(("fold", "due"), [(0, "2026-10-25 03:30:00 CET"), (1, "2026-10-25 04:30:00 CET")])
def test_each_of_two_equal_local_times_has_its_own_due_instant(fold: int, due: str) -> None:
    assert shown(NIGHT.due(local("2026-10-25 02:30", fold=fold), 2 * HOUR)) == due


def test_time_does_not_pass_between_close_and_opening() -> None:
    close = local("2026-06-08 17:00")
    assert BER.elapsed(close, local("2026-06-09 09:00")) == 0
    assert BER.elapsed(local("2026-06-08 20:00"), local("2026-06-09 17:30")) == 8 * HOUR


def test_a_reply_a_second_after_the_due_instant_took_a_second_too_long() -> None:
    start = local("2026-06-10 10:00")
    due = BER.due(start, 15 * MINUTE)
    assert BER.elapsed(start, due) == 900 * SECOND
    assert BER.elapsed(start, due + SECOND) == 901 * SECOND


def test_a_target_of_nothing_is_due_at_once_also_while_it_is_closed() -> None:
    sunday = local("2026-06-14 13:00")
    assert BER.due(sunday, 0) == sunday


def test_no_time_passes_backwards() -> None:
    assert BER.elapsed(local("2026-06-09 12:00"), local("2026-06-09 11:00")) == 0


@pytest.mark.parametrize("zone", ["UTC", BERLIN, "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia"])
def test_round_the_clock_all_time_is_open_time(zone: str) -> None:
    reckoned = calendar("Mo-Su 00:00-24:00", zone)
    start, target = utc("2020-03-01 00:00"), 9 * 365 * DAY + 1
    assert reckoned.due(start, target) == start + target
    assert reckoned.elapsed(start, start + target) == target
    assert reckoned.closes_at(start) is None
    assert reckoned.opens_at(start) is None


def test_adjoining_and_overlapping_spans_count_once() -> None:
    reckoned = calendar("Mo 09:00-12:00, Mo 12:00-15:00, Mo 14:00-17:00")
    start = local("2026-06-08 00:00")
    assert reckoned.elapsed(start, start + DAY) == 8 * HOUR
    assert shown(reckoned.closes_at(local("2026-06-08 09:00"))) == "2026-06-08 17:00:00 CEST"


def test_a_holiday_is_closed_in_the_region_that_has_it() -> None:
    womens_day = local("2027-03-08 12:00")
    assert not calendar("Mo-Su 09:00-17:00", holidays="DE-BE").is_open(womens_day)
    assert calendar("Mo-Su 09:00-17:00", holidays="DE").is_open(womens_day)
    assert calendar("Mo-Su 09:00-17:00").is_open(womens_day)


def test_a_holiday_that_is_taken_on_another_day_is_closed_on_that_day_too() -> None:
    reckoned = calendar("Mo-Su 09:00-17:00", NEW_YORK, holidays="US")
    assert shown(reckoned.opens_at(local("2027-12-23 18:00", NEW_YORK)), NEW_YORK) == "2027-12-26 09:00:00 EST"


def test_hours_of_a_date_are_stronger_than_a_holiday_and_that_is_stronger_than_the_week() -> None:
    reckoned = calendar(
        "Mo-Fr 09:00-17:00",
        holidays="DE",
        closed=("2026-12-28",),
        open={"2026-12-25": "10:00-11:00", "2026-12-27": "12:00-14:00"},
    )
    start = local("2026-12-24 17:00")
    found = [reckoned.due(start, hours * HOUR) for hours in (1, 3, 4)]
    assert [shown(each) for each in found] == [
        "2026-12-25 11:00:00 CET",
        "2026-12-27 14:00:00 CET",
        "2026-12-29 10:00:00 CET",
    ]


def test_a_date_with_hours_of_its_own_may_be_a_closed_one_or_have_a_lunch() -> None:
    reckoned = calendar("Mo-Fr 09:00-17:00", open={"2026-06-09": "", "2026-06-10": "09:00-12:00, 13:00-14:00"})
    assert shown(reckoned.due(local("2026-06-08 17:00"), 4 * HOUR)) == "2026-06-10 14:00:00 CEST"


def test_a_closed_date_closes_what_begins_on_it_and_not_the_night_that_began_before() -> None:
    reckoned = calendar("Mo-Su 22:00-06:00", closed=("2026-06-10",))
    assert shown(reckoned.closes_at(local("2026-06-09 23:00"))) == "2026-06-10 06:00:00 CEST"
    assert shown(reckoned.opens_at(local("2026-06-10 06:00"))) == "2026-06-11 22:00:00 CEST"


def test_what_an_override_opens_overnight_goes_on_into_the_next_date() -> None:
    reckoned = calendar("Mo-Fr 09:00-17:00", open={"2026-06-14": "22:00-02:00"})
    assert shown(reckoned.closes_at(local("2026-06-14 23:00"))) == "2026-06-15 02:00:00 CEST"


@pytest.mark.parametrize(
    ("hours", "at", "is_open"),
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
def test_it_is_open_from_the_first_minute_to_before_the_last(hours: str, at: str, is_open: bool) -> None:
    assert calendar(hours).is_open(local(at)) is is_open


@pytest.mark.parametrize(("at", "is_open"), [("2026-03-28 07:00", True), ("2026-03-29 06:00", True)])
def test_hours_follow_the_local_clock_when_it_changes(at: str, is_open: bool) -> None:
    reckoned = calendar("Mo-Su 08:00-18:00")
    assert reckoned.is_open(utc(at)) is is_open
    assert not reckoned.is_open(utc(at) - 1)


def test_a_close_in_the_repeated_hour_is_the_first_of_the_two() -> None:
    reckoned = calendar("Su 00:00-01:30", NEW_YORK)
    assert reckoned.is_open(local("2026-11-01 01:29", NEW_YORK))
    assert not reckoned.is_open(local("2026-11-01 01:29", NEW_YORK, fold=1))


@pytest.mark.parametrize(
    ("hours", "at", "opens"),
    [
        ("Mo-Fr 08:00-18:00", "2026-06-08 06:00", "2026-06-08 08:00:00 CEST"),
        ("Mo-Fr 08:00-18:00", "2026-06-12 18:00", "2026-06-15 08:00:00 CEST"),
        ("Mo-Fr 08:00-18:00", "2026-03-28 12:00", "2026-03-30 08:00:00 CEST"),
        ("Mo 08:00-09:00", "2026-06-08 08:30", "2026-06-15 08:00:00 CEST"),
        ("Mo 08:00-09:00", "2026-12-28 08:30", "2027-01-04 08:00:00 CET"),
    ],
)
def test_it_says_when_it_opens_next(hours: str, at: str, opens: str) -> None:
    assert shown(calendar(hours).opens_at(local(at))) == opens


def test_it_says_when_it_closes_and_nothing_while_it_is_closed() -> None:
    assert shown(BER.closes_at(local("2026-12-24 11:00"))) == "2026-12-24 12:00:00 CET"
    assert BER.closes_at(local("2026-12-24 12:00")) is None


def test_a_span_over_new_year_is_one() -> None:
    reckoned = calendar("Th 22:00-06:00")
    eve = local("2026-12-31 22:00")
    assert shown(reckoned.closes_at(eve)) == "2027-01-01 06:00:00 CET"
    assert reckoned.due(eve, 8 * HOUR) == local("2027-01-01 06:00")


def test_an_earlier_year_that_is_asked_for_later_changes_no_answer() -> None:
    reckoned = calendar("Mo-Fr 09:00-17:00")
    asked = [(utc(f"{year}-06-09 14:00"), 100 * HOUR) for year in (2026, 2028, 2021, 2026)]
    found = [reckoned.due(*each) for each in asked]
    assert found == [calendar("Mo-Fr 09:00-17:00").due(*each) for each in asked]
    assert reckoned.elapsed(asked[2][0], asked[1][0]) == 1_827 * 8 * HOUR


def test_before_1970_nothing_is_open() -> None:
    reckoned = calendar("Mo-Su 00:00-24:00", "UTC")
    assert reckoned.elapsed(utc("0001-01-01 00:00"), utc("1970-01-02 00:00")) == DAY
    assert reckoned.due(utc("0001-01-01 00:00"), HOUR) == HOUR
    assert reckoned.opens_at(utc("0001-01-01 00:00")) == 0


def test_after_2199_nothing_is_open() -> None:
    reckoned = calendar("Mo-Su 00:00-24:00", "UTC")
    assert reckoned.elapsed(utc("2199-12-31 00:00"), utc("9999-12-31 23:59")) == DAY
    assert not reckoned.is_open(utc("2200-01-01 00:00"))
    assert reckoned.opens_at(utc("9999-12-31 23:59")) is None
    assert reckoned.closes_at(utc("2199-12-31 23:59")) is None


@pytest.mark.parametrize(
    ("start", "target"), [("2026-06-08 09:00", 10**15), ("2198-06-08 09:00", 100 * HOUR), ("9999-12-31 09:00", 1)]
)
def test_what_is_never_due_is_said_and_not_looked_for_for_ever(start: str, target: int) -> None:
    with pytest.raises(
        NeverDue, match=f"calendar 'desk', version 1, is not open for {target} ms after .* promise less"
    ):
        calendar("Su 09:00-10:00").due(utc(start), target)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ({"timezone": "Europe/Berln"}, "timezone: no such time zone, did you mean 'Europe/Berlin'?"),
        ({"timezone": "../../etc/passwd"}, "timezone: no such time zone"),
        ({"hours": ""}, "hours: '' is not days and hours, such as 'Mo-Fr 08:00-18:00'"),
        ({"holidays": "de"}, "holidays: no holidays are known of a country 'de', did you mean 'DE'?"),
        ({"holidays": ""}, "holidays: no holidays are known of a country '', such as 'DE' or 'DE-BE'"),
        ({"holidays": "DE-be"}, "holidays: no holidays are known of a region 'DE-be', did you mean 'DE-BE'?"),
        ({"holidays": "DE-"}, "holidays: no holidays are known of a region 'DE-', did you mean 'DE-"),
        ({"holidays": "SM-1"}, "holidays: no holidays are known of a region 'SM-1', it has no regions: 'SM'"),
        ({"closed": ("20260101",)}, "closed: '20260101' is no date, such as 2026-12-24"),
        ({"closed": ("2026-02-29",)}, "closed: '2026-02-29' is no date"),
        ({"open": {"24.12.2026": ""}}, "open: '24.12.2026' is no date"),
        ({"open": {"2026-12-24": "9-12"}}, "open, 2026-12-24: '9' is no time of day from 00:00 to 24:00"),
    ],
)
def test_terms_that_say_no_calendar_are_refused_with_what_is_wrong(terms: dict[str, object], says: str) -> None:
    with pytest.raises(BadCalendar) as error:
        Calendar(CalendarTerms(id="support", **terms))  # type: ignore[arg-type]
    assert str(error.value).startswith(f"calendar 'support', {says}")


def test_years_of_which_only_some_holidays_are_known_are_no_failure() -> None:
    assert (
        calendar("Mo-Su 09:00-17:00", "Asia/Kolkata", holidays="IN").elapsed(utc("2050-06-06"), utc("2050-06-07")) > 0
    )
