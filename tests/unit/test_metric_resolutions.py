"""How long it took until contacts were solved: sums and counts of the solves of a window, whatever is corrected."""

from __future__ import annotations

import pytest

from agents.metrics.processor import Metrics
from schemas.instants import DAY, SECOND
from schemas.live import Metric
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, clocks, facts, feed, restart, solves, survey, taken_back, tick

NINE = 1_792_400_400
FIRST, FULL = "first_resolution", "full_resolution"


def quotient(metric: Metric) -> tuple[float | None, float | None, float | None, int]:
    return metric.value, metric.numerator, metric.denominator, metric.n


def test_a_mean_is_published_with_its_sum_and_count_by_the_minute_of_the_solve() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, solves((FIRST, NINE, 74_100), (FIRST, NINE + 60, 900.5), (FULL, NINE + 900, 93_000)))
    tick(metrics, board, NINE + 905)
    first, second = (window.metrics for window in board.of("15min", queue="support"))
    assert quotient(first["first_resolution_time"]) == (37_500.25, 75_000.5, 2, 2)
    assert quotient(second["full_resolution_time"]) == (93_000, 93_000, 1, 1)
    assert first.keys() == {"first_resolution_time", "first_resolution_time_median", "first_resolution_time_p90"}
    assert quotient(board.metrics("day")["full_resolution_time"]) == (93_000, 93_000, 1, 1)


def test_time_by_the_clock_and_time_by_a_calendar_are_metrics_of_their_own() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, solves((FIRST, NINE, 7_200), (FIRST, NINE, 3_600), ("first_resolution_business", NINE, 60)))
    tick(metrics, board, NINE + 5)
    shown = board.metrics("all", queue="support")
    assert quotient(shown["first_resolution_time"]) == (5_400, 10_800, 2, 2)
    assert quotient(shown["first_resolution_time_business"]) == (60, 60, 1, 1)


def test_reopen_rate_is_times_reopened_by_times_solved() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, solves(*[("solved", NINE, 0)] * 4, ("reopened", NINE + 60, 0)))
    tick(metrics, board, NINE + 65)
    shown = board.metrics("all")["reopen_rate"]
    assert quotient(shown) == (0.25, 1, 4, 4)
    assert shown.interval == pytest.approx((0.0456, 0.6994), abs=5e-5)


def test_more_reopened_than_solved_in_a_window_is_no_proportion_and_has_no_interval() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, solves(("reopened", NINE, 0), ("reopened", NINE + 1, 0), ("solved", NINE + 2, 0)))
    feed(metrics, board, solves(("reopened", NINE + 900, 0)))
    tick(metrics, board, NINE + 905)
    first, second = (window.metrics["reopen_rate"] for window in board.of("15min"))
    assert (quotient(first), first.interval) == ((2.0, 2, 1, 1), None)
    assert (quotient(second), second.interval) == ((None, 1, 0, 0), None)


def test_a_contact_that_is_solved_again_moves_to_its_last_solve() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, solves((FULL, NINE, 74_100)))
    tick(metrics, board, NINE + 5)
    feed(metrics, board, [*solves((FULL, NINE, 74_100), n=-1), *solves((FULL, NINE + 3_600, 93_000))])
    tick(metrics, board, NINE + 3_605)
    before, after = board.of("60min", queue="support")
    assert before.metrics == {}
    assert quotient(after.metrics["full_resolution_time"]) == (93_000, 93_000, 1, 1)
    assert quotient(board.metrics("all")["full_resolution_time"]) == (93_000, 93_000, 1, 1)


def test_it_stands_by_floor_channel_queue_and_queue_on_a_channel_and_in_no_scope_of_policies() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [*solves((FIRST, NINE, 60)), *facts(NINE, ("offered", 0))], clocks=clocks(("attained", NINE)))
    feed(metrics, board, solves((FIRST, NINE, 60), queue=None))
    tick(metrics, board, NINE + 5)
    told = {
        (w.scope.channel, w.scope.queue): w.metrics["first_resolution_time"].n
        for w in board.windows()
        if w.window.kind == "day" and "first_resolution_time" in w.metrics
    }
    assert told == {(None, None): 2, ("email", None): 2, (None, "support"): 1, ("email", "support"): 1}
    assert "first_resolution_time" not in board.metrics("all", policy="gold")


def test_nothing_is_told_where_nothing_was_solved_and_what_leaves_a_rolling_window_says_so() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, survey(NINE, "csat", 5, 5))
    tick(metrics, board, NINE + 5)
    assert set(board.metrics("all")) & {"first_resolution_time", "reopen_rate"} == set()
    feed(metrics, board, solves((FIRST, NINE, 60), ("solved", NINE, 0)))
    tick(metrics, board, NINE + 20 * 60)
    empty = board.metrics("rolling15min")
    assert quotient(empty["first_resolution_time"]) == (None, 0, 0, 0)
    assert quotient(empty["first_resolution_time_median"]) == (None, None, None, 0)
    assert quotient(empty["reopen_rate"]) == (None, 0, 0, 0)


def test_sums_outlive_restarts_and_the_folding_of_old_hours() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, solves((FIRST, NINE, 74_100), ("solved", NINE, 0)))
    tick(metrics, board, NINE + 5)
    changelog: dict[bytes, bytes | None] = {}
    metrics = restart(metrics, changelog, Metrics(MetricSettings()))
    late = NINE + 5 * DAY // SECOND
    tick(metrics, board, late)
    feed(metrics, board, solves((FIRST, NINE + 1, 900)))
    tick(metrics, board, late + 5)
    metrics = restart(metrics, changelog, Metrics(MetricSettings()))
    feed(metrics, board, taken_back(solves((FIRST, NINE, 74_100))))
    tick(metrics, board, late + 10, ended=True)
    assert quotient(board.metrics("all")["first_resolution_time"]) == (900, 900, 1, 1)
    (day,) = (w for w in board.of("day") if "first_resolution_time" in w.metrics)
    assert quotient(day.metrics["first_resolution_time"]) == (900, 900, 1, 1)
