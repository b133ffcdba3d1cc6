"""Arrivals against their own past: learning, incidents, nights, late facts, clocks that leap, takeovers."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.metrics.chart import PAUSE_MINUTES
from agents.metrics.trends import Trends
from schemas.instants import MINUTE, SECOND, to_ms
from schemas.policies import TrendSettings
from schemas.trends import TrendTransition
from tests.unit.trend_floor import (
    DAY_MINUTES,
    MONDAY,
    Profile,
    Site,
    Told,
    flat,
    metrics_of,
    office,
    partial_of,
    poisson,
    round_the_clock,
    variate,
)

LEARNT = 14


def opened(said: list[TrendTransition]) -> list[TrendTransition]:
    return [each for each in said if each.transition == "opened"]


def minutes_after(start: int, said: TrendTransition) -> float:
    return (to_ms(said.detected_at) / MINUTE) - start


@pytest.fixture(scope="module")
def learnt() -> Site:
    """Two weeks of a steady queue, a large one, one that closes and one that sleeps."""
    site = Site({"steady": flat(1.0), "large": flat(6.0), "office": office(2.0), "tiny": round_the_clock(0.02)}, seed=3)
    site.days(LEARNT)
    return site


def test_nothing_is_said_before_there_are_days_enough_and_so_it_says() -> None:
    site = Site({"steady": flat(1.0)})
    assert site.days(7.9, steady=1.0) == []
    state = site.told.state("arrivals.high", "steady")
    assert (state.state, state.days, state.needed) == ("learning", 6, 7)
    assert opened(site.run(60, steady=8.0)) == []
    site.days(1)
    state = site.told.state("arrivals.high", "steady")
    assert (state.state, state.days) == ("quiet", 7)
    assert opened(site.run(60, steady=8.0)) != []


def test_five_times_the_calls_for_ten_minutes_are_a_trend_within_minutes_that_ends(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    start = site.minute
    (found,) = opened(site.run(10, steady=5.0))
    assert (found.rule, found.channel, found.queue) == ("arrivals.high", "phone", "steady")
    assert minutes_after(start, found) < 7
    assert abs(to_ms(found.since) / MINUTE - start) <= 3
    evidence = found.evidence
    assert evidence.observed > 2 * evidence.expected
    assert evidence.statistic >= evidence.threshold
    assert evidence.days == LEARNT - 1
    assert site.told.state("arrivals.high", "steady").state == "open"
    assert site.told.state("arrivals.high", "steady").ratio == pytest.approx(5, rel=0.5)
    assert site.told.state("arrivals.high", "large").state == "quiet"
    (closed,) = site.run(60)
    assert (closed.transition, closed.trend, closed.since) == ("closed", found.trend, found.since)
    assert closed.id != found.id
    assert site.told.state("arrivals.high", "steady").state == "quiet"


def test_a_queue_that_hears_nothing_any_more_has_too_few(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    start = site.minute
    (found,) = opened(site.run(15, large=0.0))
    assert (found.rule, found.queue, found.evidence.observed) == ("arrivals.low", "large", 0)
    assert minutes_after(start, found) < 9
    assert [each.transition for each in site.run(30)] == ["closed"]


def test_a_large_queue_at_twice_the_usual_is_found_soon(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    start = site.minute
    (found,) = opened(site.run(30, large=2.0))
    assert minutes_after(start, found) < 20


def test_calls_at_night_are_no_trend_but_a_night_like_a_day_is(learnt: Site) -> None:
    site = learnt.copy()
    site.run(2 * 60)
    for _ in range(4):
        site.trends.add(("phone", "office"), site.minute, 1)
        site.trends.add(("phone", "tiny"), site.minute, 1)
        assert site.run(20) == []
    site.profiles = {**site.profiles, "office": flat(1.0)}
    assert [(each.rule, each.queue) for each in opened(site.run(40))] == [("arrivals.high", "office")]


def test_what_is_open_when_a_queue_closes_is_over_soon_after(learnt: Site) -> None:
    site = learnt.copy()
    site.run(19 * 60 + 30)
    assert [each.rule for each in opened(site.run(30, office=0.0))] == ["arrivals.low"]
    (closed,) = site.run(45)
    assert closed.transition == "closed"


def quiet_nights(night: float) -> Profile:
    """A queue of two calls a minute from 8 to 18, and of few at any other time."""
    return lambda minute: 2.0 if 8 * 60 <= minute % DAY_MINUTES < 18 * 60 else night


@pytest.mark.parametrize("night", [0.03, 0.05])
def test_what_is_open_when_a_queue_goes_down_to_few_calls_is_over_after_a_pause(night: float) -> None:
    site = Site({"day": quiet_nights(night)}, seed=3)
    site.days(9)
    site.run(17 * 60 + 20)
    assert [each.rule for each in opened(site.run(40, day=4.0))] == ["arrivals.high"]
    assert site.run(PAUSE_MINUTES - 1, day=0.0) == []
    (closed,) = site.run(1, day=0.0)
    assert closed.transition == "closed"


def test_what_is_open_when_nothing_is_known_of_the_hours_to_come_is_over_after_a_pause() -> None:
    site = Site({"day": quiet_nights(0.08)}, seed=3, dispersion=2.0, settings=TrendSettings(learn_days=3))
    site.days(4)
    site.run(17 * 60 + 20)
    assert [each.rule for each in opened(site.run(40, day=4.0))] == ["arrivals.high"]
    assert site.run(15, day=10.0) == []
    assert site.told.state("arrivals.high", "day").state == "open"
    assert site.trends._arrivals._steps["phone\x1fday"] is None
    assert site.run(PAUSE_MINUTES - 1, day=0.0) == []
    assert [each.transition for each in site.run(1, day=0.0)] == ["closed"]


def test_a_trend_that_goes_on_into_quiet_hours_stays_open() -> None:
    site = Site({"day": quiet_nights(0.05)}, seed=3)
    site.days(9)
    site.run(17 * 60 + 20)
    assert len(opened(site.run(40, day=4.0))) == 1
    assert site.run(5 * 60, day=5.0) == []


def test_evidence_of_one_day_is_not_kept_for_the_next(learnt: Site) -> None:
    site = learnt.copy()
    site.run(19 * 60 + 54)
    site.run(6, office=0.0)
    site.run(12 * 60)
    start = site.minute
    (found,) = opened([each for each in site.run(60, office=0.0) if each.queue == "office"])
    assert to_ms(found.since) / MINUTE >= start


def test_the_last_whole_hour_stands_beside_what_was_to_be_expected(learnt: Site) -> None:
    site = learnt.copy()
    site.run(12 * 60 + 5)
    state = site.told.state("arrivals.high", "large")
    assert state.observed == pytest.approx(360, rel=0.2)
    assert state.expected == pytest.approx(360, rel=0.1)


def test_contacts_without_a_queue_and_facts_taken_back_are_no_arrivals(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    for _ in range(30):
        site.trends.add(("phone", None), site.minute, 40)
        site.trends.add(("phone", "steady"), site.minute, 40)
        site.trends.add(("phone", "steady"), site.minute, -40)
        assert site.run(1) == []


def test_late_facts_amend_the_past_and_open_nothing(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    baseline = site.trends._arrivals._pasts.of("phone\x1fsteady")
    today = site.minute // DAY_MINUTES
    before = baseline.expected(today, 50)
    for back in range(1, LEARNT):
        site.trends.add(("phone", "steady"), site.minute - back * DAY_MINUTES + 150, 4)
    site.trends.add(("phone", "steady"), site.minute - 30, 500)
    assert site.run(20) == []
    after = baseline.expected(today, 50)
    assert before is not None
    assert after is not None
    assert after.rate > before.rate


def test_history_that_comes_all_at_once_into_a_running_service_lets_it_speak_at_once() -> None:
    random, metrics, told = Random(5), metrics_of(), Told()
    now = MONDAY + 10 * DAY_MINUTES + 10 * 60
    metrics.advance(now * MINUTE, told)
    arrivals = {("steady", minute): poisson(random, 1.0) for minute in range(now - 10 * DAY_MINUTES, now)}
    for start in range(0, len(arrivals), 1000):
        metrics.take(partial_of(dict(list(arrivals.items())[start : start + 1000])), told)
    metrics.advance((now + 1) * MINUTE + 3 * SECOND, told)
    metrics.before_flush(told, ended=False)
    assert told.state("arrivals.high", "steady").state == "quiet"
    assert told.transitions == []
    for minute in range(now + 1, now + 10):
        metrics.take(partial_of({("steady", minute): 6}), told)
        metrics.advance((minute + 1) * MINUTE + 3 * SECOND, told)
    assert told.story() == [("arrivals.high", "opened", "steady")]


def test_a_clock_that_leaps_over_days_begins_anew_and_ends_what_was_open(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    assert opened(site.run(15, steady=6.0))
    site.trends.advance((site.minute + 3 * DAY_MINUTES) * MINUTE, site.told)
    assert [each.transition for each in site.told.transitions if each.rule == "arrivals.high"] == ["opened", "closed"]


def test_the_record_of_all_series_has_an_end_what_is_open_comes_first_then_large_queues() -> None:
    told, rules, longest = Told(), Trends(TrendSettings(learn_days=2), "UTC"), "q" * 250
    queues = {f"{longest}{number:04d}": number % 7 + 1 for number in range(1_000)}
    for day in range(4):
        for queue, n in queues.items():
            for channel in ("phone", "chat"):
                rules.add((channel, queue), MONDAY + day * DAY_MINUTES + 600, n)
    noon = MONDAY + 3 * DAY_MINUTES + 720
    small = f"{longest}0000"
    rules.advance((noon + 1) * MINUTE + 2 * SECOND, told)
    rules.add(("phone", small), noon + 1, 60)
    rules.hear({"pbx": 1})
    rules.advance((noon + 2) * MINUTE + 2 * SECOND, told)
    rules.before_flush(told)
    assert told.last is not None
    assert 400 * 1024 < told.largest <= 512 * 1024
    series = told.last.series
    assert len(series) + told.last.left_out == 2 * 2_000 + 1
    assert (series[0].state, series[0].queue, series[0].channel) == ("open", small, "phone")
    assert series[1].source == "pbx"
    sizes = [queues[each.queue or ""] for each in series[2:] if each.queue != small]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes) == {7, 6, 5}


def test_a_minute_is_looked_at_when_the_clock_has_passed_it_by_two_seconds(learnt: Site) -> None:
    site = learnt.copy()
    site.run(10 * 60)
    site.trends.add(("phone", "steady"), site.minute, 60)
    end = (site.minute + 1) * MINUTE
    site.trends.advance(end + 2 * SECOND - 1, site.told)
    assert site.told.transitions == []
    site.trends.advance(end + 2 * SECOND, site.told)
    assert site.told.story() == [("arrivals.high", "opened", "steady")]
    assert to_ms(site.told.transitions[0].detected_at) == end + 2 * SECOND


def test_days_of_23_and_25_hours_are_no_trend() -> None:
    local = office(3.0, opens=7, closes=19)
    berlin: Profile = lambda minute: local(minute + (60 if minute < SPRING else 120))  # noqa: E731
    site = Site({"office": berlin, "all day": flat(2.0)}, timezone="Europe/Berlin", seed=2)
    site.days(20)
    assert site.minute < SPRING
    assert site.days(20) == []
    assert site.told.state("arrivals.high", "office").state == "quiet"


SPRING = MONDAY + 27 * DAY_MINUTES + 60
"""2026-03-29 01:00 UTC, when clocks in Berlin go forward."""


@pytest.mark.parametrize(("dispersion", "level_spread"), [(1.0, 0.0), (1.8, 0.0), (1.8, 0.1)])
def test_false_alarms_stay_within_the_budget(dispersion: float, level_spread: float) -> None:
    profiles = {"office": office(2.0), "half past": office(0.7, opens=9), "night": round_the_clock(0.5)}
    site = Site(profiles, seed=8, dispersion=dispersion, level_spread=level_spread)
    site.days(28)
    days = 40
    assert len(opened(site.days(days))) <= 0.5 * days
    assert site.told.state("arrivals.high", "night").state == "quiet"


@settings(max_examples=25)
@given(cuts=st.sets(st.integers(0, 199), min_size=1, max_size=8), seed=st.integers(0, 1000))
def test_a_takeover_at_any_point_says_the_same(cuts: set[int], seed: int) -> None:
    random = Random(seed)
    start = MONDAY + 12 * DAY_MINUTES + 9 * 60
    past = {("steady", minute): 1 for minute in range(MONDAY, start) if minute % 3}
    steps = [
        {
            ("steady", start + step): variate(random, 5.0 if 60 < step < 90 else 0.7, 1.3),
            ("steady", start + step - random.choice((1, 3, 2000))): random.choice((0, 0, 1)),
        }
        for step in range(200)
    ]

    def run(cuts: set[int]) -> tuple[list[TrendTransition], object, dict[bytes, bytes | None]]:
        told, changelog = Told(), dict[bytes, bytes | None]()
        rules = Trends(TrendSettings(learn_days=5), "UTC")
        rules.advance(MONDAY * MINUTE + 3 * SECOND, told)
        for (queue, minute), n in past.items():
            rules.add(("phone", queue), minute, n)
        rules.advance(start * MINUTE + 3 * SECOND, told)
        for step, arrivals in enumerate(steps):
            for (queue, minute), n in arrivals.items():
                rules.add(("phone", queue), minute, n)
            if step < 100:
                rules.hear({"pbx": 1})
            if step % 3:
                rules.advance((start + step + 1) * MINUTE + 3 * SECOND, told)
            rules.before_flush(told)
            changelog.update(change for store in rules.stores for change in store.changes())
            if step in cuts:
                rules = Trends(TrendSettings(learn_days=5), "UTC")
                for key, value in changelog.items():
                    (store,) = [store for store in rules.stores if store.owns(key)]
                    store.restore(key, value)
                rules.restored()
        return told.transitions, told.last, changelog

    straight = run(set())
    assert [each.transition for each in straight[0]][:2] == ["opened", "closed"]
    assert run(cuts) == straight


def test_the_processor_tells_of_trends_each_minute_and_not_more_often() -> None:
    metrics, told = metrics_of(), Told()
    metrics.take(partial_of({("steady", MONDAY): 1}), told)
    for second in range(0, 181, 5):
        metrics.advance(MONDAY * MINUTE + second * SECOND, told)
        metrics.before_flush(told, ended=False)
    assert told.records == 4
