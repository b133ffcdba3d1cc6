"""What customers answered: every score counts, and what follows from the scores is as defined."""

import pytest

from agents.metrics.processor import Metrics
from schemas.policies import MetricSettings
from schemas.statistics import net_interval
from tests.unit.metric_kit import Board, feed, survey, taken_back, tick

NINE = 1_792_400_400
CSAT = (5, 4, 5, 3, 1, 4, 5, 2, 4, 5, 5, 4)
NPS = (10, 9, 9, 8, 7, 6, 10, 3, 9, 8, 10, 5)
CES = (7, 6, 5, 7, 2, 4, 6, 7, 5, 3)


def told(kind: str, scale: int, *scores: float) -> Board:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, survey(NINE, kind, scale, *scores))
    tick(metrics, board, NINE + 10)
    return board


def test_satisfaction_is_the_share_of_the_two_best_of_five_and_its_mean() -> None:
    shown = told("csat", 5, *CSAT).metrics("day")
    assert (shown["csat"].numerator, shown["csat"].denominator, shown["csat"].value) == (9, 12, 0.75)
    assert shown["csat"].interval == (0.467695, 0.911058)
    assert shown["csat_mean"].value == pytest.approx(3.9167, abs=5e-5)
    assert (shown["csat_mean"].n, shown["surveys_answered"].value) == (12, 12)


def test_good_or_bad_is_satisfaction_without_a_mean() -> None:
    shown = told("csat", 1, 1, 1, 0, 1).metrics("all")
    assert (shown["csat"].numerator, shown["csat"].denominator) == (3, 4)
    assert "csat_mean" not in shown


def test_recommendation_is_promoters_less_detractors_in_points() -> None:
    shown = told("nps", 10, *NPS).metrics("all")["nps"]
    assert (shown.value, shown.numerator, shown.denominator, shown.n) == (25.0, 3, 12, 12)
    assert shown.interval == pytest.approx((-21.1126, 61.1126), abs=5e-5)


def test_effort_is_a_mean_a_share_and_an_index() -> None:
    shown = told("ces", 7, *CES).metrics("all")
    assert (shown["ces_mean"].value, shown["ces_agree"].value, shown["ces_index"].value) == (5.2, 0.7, 30.0)


@pytest.mark.parametrize(
    ("kind", "scale", "score"),
    [("csat", 7, 6), ("csat", 5, 0), ("csat", 1, 0.5), ("nps", 5, 5), ("ces", 5, 2), ("fun", 3, 1)],
)
def test_answers_on_other_scales_are_counted_and_no_more(kind: str, scale: int, score: float) -> None:
    shown = told(kind, scale, score, score).metrics("all")
    assert shown["surveys_answered"].value == 2
    assert not {"csat", "csat_mean", "nps", "ces_mean", "ces_agree", "ces_index"} & set(shown)


def test_answers_stand_beside_what_was_promised_in_the_scopes_of_offers_alone() -> None:
    board = told("nps", 10, 9)
    scopes = {(w.scope.channel, w.scope.queue, w.scope.policy, w.scope.segment) for w in board.windows()}
    assert scopes == {
        (None, None, None, None),
        ("email", None, None, None),
        (None, "support", None, None),
        ("email", "support", None, None),
    }
    assert set(board.metrics("15min", "email", "support")) == {"surveys_answered", "nps"}


def test_an_answer_that_is_taken_back_leaves_the_window_and_an_empty_rolling_one_says_so() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, survey(NINE, "csat", 5, 5, 1))
    tick(metrics, board, NINE + 10)
    feed(metrics, board, taken_back(survey(NINE, "csat", 5, 1)))
    tick(metrics, board, NINE + 20)
    assert [board.value("csat", kind) for kind in ("15min", "day", "all", "rolling15min")] == [1.0] * 4
    tick(metrics, board, NINE + 20 * 60)
    empty = board.metrics("rolling15min")
    assert (empty["csat"].value, empty["csat"].denominator, empty["csat"].n) == (None, 0, 0)
    assert (empty["surveys_answered"].value, board.value("csat", "rolling30min")) == (0, 1.0)


@pytest.mark.parametrize(
    ("up", "down", "n", "low", "high"),
    [(50, 20, 100, 14.05, 44.20), (11, 5, 20, -7.93, 60.10), (5, 0, 5, 17.49, 100.0), (550, 180, 1000, 32.12, 41.66)],
)
def test_the_interval_of_a_difference_is_that_of_the_tables(
    up: int, down: int, n: int, low: float, high: float
) -> None:
    assert net_interval(up, down, n) == pytest.approx((low, high), abs=5e-3)


@pytest.mark.parametrize(("up", "down", "n"), [(0, 0, 0), (-1, 0, 3), (2, 2, 3)])
def test_no_whole_no_interval(up: int, down: int, n: int) -> None:
    assert net_interval(up, down, n) is None
