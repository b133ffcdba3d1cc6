"""Opening hours as text: what is written, and what is wrong with it."""

import pytest

from schemas.opening_hours import BadOpeningHours, DayHours, day_hours, weekly_hours

NINE, NOON, ONE, FIVE, SIX, TEN_PM, MIDNIGHT = 540, 720, 780, 1_020, 360, 1_320, 1_440


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("Mo-Fr 09:00-17:00", [[(NINE, FIVE)]] * 5 + [[], []]),
        ("Mo-We 09:00-12:00, Mo-Tu 13:00-17:00", [[(NINE, NOON), (ONE, FIVE)]] * 2 + [[(NINE, NOON)]] + [[]] * 4),
        ("Fr 22:00-06:00", [[]] * 4 + [[(TEN_PM, MIDNIGHT + SIX)]] + [[]] * 2),
        ("Sa-Mo 09:00-12:00", [[(NINE, NOON)]] + [[]] * 4 + [[(NINE, NOON)]] * 2),
        ("mo-su 00:00-24:00", [[(0, MIDNIGHT)]] * 7),
        ("Su 22:00-00:00,SU 9:00 - 12:00", [[]] * 6 + [[(TEN_PM, MIDNIGHT), (NINE, NOON)]]),
    ],
)
def test_weekly_hours_are_spans_of_minutes_by_weekday(text: str, week: list[list[tuple[int, int]]]) -> None:
    assert weekly_hours(text) == tuple(tuple(day) for day in week)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("09:00-12:00", ((NINE, NOON),)),
        ("09:00-12:00, 13:00-17:00", ((NINE, NOON), (ONE, FIVE))),
        ("22:00-06:00", ((TEN_PM, MIDNIGHT + SIX),)),
        ("", ()),
        ("  ", ()),
    ],
)
def test_hours_of_a_date_are_its_spans_and_none_where_nothing_is_written(text: str, spans: DayHours) -> None:
    assert day_hours(text) == spans


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
        weekly_hours(text)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Mo 09:00-12:00", "'Mo 09:00-12:00' is not hours, such as '09:00-12:00'"),
        ("closed", "'closed' is not hours, such as '09:00-12:00'"),
        ("09:00-12:00,", "'' is not hours"),
        ("12:00-12:00", "open for no time"),
    ],
)
def test_what_is_wrong_with_hours_of_a_date_is_said(text: str, says: str) -> None:
    with pytest.raises(BadOpeningHours) as error:
        day_hours(text)
    assert says in str(error.value)
