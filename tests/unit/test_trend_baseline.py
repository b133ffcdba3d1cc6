"""The past of a series: local slots, shrinkage, steps, incidents left out, dispersion, days that differ."""

from datetime import datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from agents.metrics.baseline import Baseline, Day
from agents.metrics.past import Pasts
from agents.metrics.slots import SLOTS, Slots, is_weekend, weekday
from tests.unit.trend_floor import MONDAY, variate

FIRST = MONDAY // 1440
BERLIN = Slots("Europe/Berlin")


def minute_of(zone: str, *local: int, fold: int = 0) -> int:
    return round(datetime(*local, tzinfo=ZoneInfo(zone), fold=fold).timestamp()) // 60  # type: ignore[misc,arg-type]


def date_of(*date: int) -> int:
    return (datetime(*date) - datetime(1970, 1, 1)).days  # type: ignore[arg-type]  # noqa: DTZ001 - a local date


def past(days: dict[int, dict[int, int]], slots: Slots | None = None) -> Baseline:
    """A past whose first day (which does not count) is the day before the first one given."""
    days = {min(days) - 1: {0: 1}, **days}
    baseline = Baseline(slots or Slots("UTC"), set(days))
    baseline.days.update({date: Day(dict(counts)) for date, counts in days.items()})
    return baseline


def rate(baseline: Baseline, date: int, slot: int) -> float:
    expected = baseline.expected(date, slot)
    assert expected is not None
    return expected.rate * 15


def test_a_slot_is_a_quarter_of_an_hour_of_the_local_clock() -> None:
    assert BERLIN.place(minute_of("Europe/Berlin", 2026, 7, 1, 0, 0)) == (date_of(2026, 7, 1), 0)
    assert BERLIN.place(minute_of("Europe/Berlin", 2026, 1, 1, 23, 59)) == (date_of(2026, 1, 1), 95)
    kathmandu = Slots("Asia/Kathmandu")
    assert kathmandu.place(minute_of("Asia/Kathmandu", 2026, 1, 1, 9, 30)) == (date_of(2026, 1, 1), 38)
    assert weekday(date_of(2026, 3, 2)) == 0
    assert [is_weekend(date_of(2026, 3, day)) for day in (6, 7, 8, 9)] == [False, True, True, False]


def test_a_repeated_hour_counts_twice_and_a_skipped_one_not_at_all() -> None:
    autumn, spring = BERLIN.exposure(date_of(2026, 10, 25)), BERLIN.exposure(date_of(2026, 3, 29))
    assert sum(autumn) == 25 * 60
    assert autumn[8:12] == (30, 30, 30, 30)
    assert sum(spring) == 23 * 60
    assert spring[8:12] == (0, 0, 0, 0)
    assert BERLIN.exposure(date_of(2026, 10, 26)) == (15,) * SLOTS


def test_the_rate_is_the_same_when_the_clocks_change() -> None:
    sundays = {date_of(2026, 10, day): dict.fromkeys(range(SLOTS), 15) for day in (4, 11, 18)}
    autumn = date_of(2026, 10, 25)
    sundays[autumn] = {slot: BERLIN.exposure(autumn)[slot] for slot in range(SLOTS)}
    baseline = past(sundays, BERLIN)
    for slot in (7, 8, 11, 12, 50):
        assert rate(baseline, date_of(2026, 11, 1), slot) == pytest.approx(15)


def test_a_slot_that_the_spring_skipped_was_not_seen_that_day() -> None:
    days = {date_of(2026, 3, 22): {9: 10}, date_of(2026, 3, 29): {}}
    assert past(days, BERLIN).expected(date_of(2026, 4, 5), 9) is None
    assert past(days, BERLIN).expected(date_of(2026, 4, 5), 20) is not None


def test_fewer_than_four_of_a_weekday_are_shrunk_towards_all_weekdays() -> None:
    weeks = {FIRST + week * 7 + day: {40: 60 if day == 0 else 40} for week in range(4) for day in range(5)}
    after = {n: {date: counts for date, counts in weeks.items() if date < FIRST + 7 * n} for n in (1, 2, 3, 4)}
    mondays = [rate(past(after[n]), FIRST + 7 * n, 40) for n in (1, 2, 3, 4)]
    assert mondays == sorted(mondays)
    assert mondays[0] == pytest.approx(0.25 * 60 + 0.75 * 44, rel=0.02)
    assert mondays[3] == pytest.approx(60)
    assert rate(past(weeks), FIRST + 29, 40) == pytest.approx(40)


def test_younger_days_weigh_more() -> None:
    days = {FIRST + 7 * week: {40: 100 + 4 * week} for week in range(8)}
    assert 115 < rate(past(days), FIRST + 56, 40) < 128


def test_the_weekend_says_nothing_of_weekdays() -> None:
    days = {FIRST + day: {40: 30 if day % 7 < 5 else 2} for day in range(14)}
    baseline = past(days)
    assert rate(baseline, FIRST + 14, 40) > 25
    assert rate(baseline, FIRST + 19, 40) < 5


def test_opening_and_closing_are_not_smeared_and_neighbours_alike_are_shared() -> None:
    days = {FIRST + day: dict.fromkeys(range(34, 70), 20) for day in range(10)}
    baseline = past(days)
    assert [round(rate(baseline, FIRST + 10, slot)) for slot in (33, 34, 69, 70)] == [0, 20, 20, 0]
    inside, edge = baseline.expected(FIRST + 10, 50), baseline.expected(FIRST + 10, 34)
    assert inside is not None
    assert edge is not None
    assert inside.spread < edge.spread


def test_an_incident_or_an_outage_does_not_become_the_usual() -> None:
    usual = {FIRST + day: {40: 20} for day in range(10)}
    incident, outage = {**usual, FIRST + 8: {40: 400}}, {**usual, FIRST + 8: {}}
    assert rate(past(usual), FIRST + 11, 40) == pytest.approx(20)
    assert rate(past(incident), FIRST + 11, 40) == pytest.approx(20, rel=0.15)
    assert rate(past(outage), FIRST + 11, 40) == pytest.approx(20, rel=0.1)


def test_a_new_level_becomes_the_usual() -> None:
    days = {FIRST + day: {40: 20 if day < 28 else 60} for day in range(56) if day % 7 < 5}
    assert rate(past(days), FIRST + 56, 40) > 40


@pytest.mark.parametrize("dispersion", [1.0, 1.8, 4.0])
def test_dispersion_is_found_though_days_differ_and_one_hour_was_an_incident(dispersion: float) -> None:
    random = Random(3)
    days: dict[int, dict[int, int]] = {}
    for day in range(40):
        level = random.lognormvariate(0, 0.2)
        days[FIRST + day] = {slot: variate(random, 10 * level, dispersion) for slot in range(32, 80)}
    days[FIRST + 9] |= dict.fromkeys(range(40, 44), 60)
    baseline = past(days)
    assert baseline.dispersion(FIRST + 41) == pytest.approx(dispersion, rel=0.25)
    expected = baseline.expected(FIRST + 42, 50)
    assert expected is not None
    assert 0.12 < expected.spread < 0.35


def test_days_that_are_alike_have_no_spread_but_that_of_the_estimate() -> None:
    random = Random(4)
    days = {FIRST + day: {slot: variate(random, 10, 1.0) for slot in range(32, 80)} for day in range(40)}
    expected = past(days).expected(FIRST + 42, 50)
    assert expected is not None
    assert expected.spread < 0.12


def test_a_day_on_which_nobody_heard_anything_is_no_evidence_and_one_on_which_others_did_is() -> None:
    days = {FIRST + day: {40: 20} for day in range(5) if day != 2}
    assert past(days).learnt_days(FIRST + 7) == 4
    assert rate(past(days), FIRST + 7, 40) == pytest.approx(20)
    heard = past(days)
    heard._observed.add(FIRST + 2)
    assert heard.learnt_days(FIRST + 7) == 4
    assert rate(heard, FIRST + 7, 40) < 20


def test_the_days_before_a_date_alone_count() -> None:
    baseline = past({FIRST: {40: 20}, FIRST + 1: {40: 20}, FIRST + 2: {40: 500}})
    assert rate(baseline, FIRST + 2, 40) == pytest.approx(20)
    assert baseline.learnt_days(FIRST + 2) == 2


def test_old_days_are_let_go_and_come_back_from_the_changelog_as_they_are() -> None:
    pasts = Pasts(b"d", Slots("UTC"))
    for day in range(60):
        pasts.add("a", MONDAY + day * 1440, 3, FIRST + day)
    pasts.sweep(FIRST + 60)
    pasts.sweep(FIRST + 60)
    pasts.add("a", MONDAY, 3, FIRST + 60)
    other = Pasts(b"d", Slots("UTC"))
    for key, value in pasts.store.changes():
        other.store.restore(key, value)
    other.restored()
    assert min(pasts.of("a").days) == min(other.of("a").days) == FIRST + 4
    assert other.of("a").expected(FIRST + 60, 0) == pasts.of("a").expected(FIRST + 60, 0)
