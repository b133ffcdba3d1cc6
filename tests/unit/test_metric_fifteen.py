"""The data set "fifteen": every service level that tools print for the same fifteen calls."""

import pytest

from agents.metrics.processor import Metrics
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, Facts, facts, feed, tick

# id, entered, wait, measure of the end (None: still waiting), handle time once handled
FIFTEEN: list[tuple[str, int, int, str | None, int | None]] = [
    ("c01", 0, 4, "answered", 210),
    ("c02", 30, 12, "answered", 345),
    ("c03", 60, 20, "answered", 115),  # exactly on X
    ("c04", 100, 21, "answered", 390),
    ("c05", 200, 47, "answered", 150),
    ("c06", 260, 95, "answered", 630),  # transferred at its end
    ("c07", 300, 3, "left:abandoned", None),
    ("c08", 330, 5, "left:abandoned", None),  # exactly on the short limit
    ("c09", 400, 18, "left:abandoned", None),
    ("c10", 450, 64, "left:abandoned", None),
    ("c11", 520, 15, "left:callback", None),
    ("c12", 600, 60, "left:timeout", None),
    ("c13", 1661, 9, "answered", None),  # still talking
    ("c14", 1758, 42, None, None),  # waits
    ("c15", 1793, 7, None, None),  # waits
]
START = 1_790_000_100 // 3600 * 3600
NOW = START + 1800


def fifteen() -> Facts:
    told: Facts = []
    for _, entered, wait, end, handled in FIFTEEN:
        said = [("offered", 0.0)]
        if end is None:
            said.append(("waiting", 0.0))
        else:
            said.append((end, wait))
        if handled is not None:
            said += [("completed", wait), ("handled", handled)]
        told += facts(START + entered, *said)
    return told


@pytest.fixture
def board() -> Board:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, fifteen())
    tick(metrics, board, NOW)
    return board


@pytest.mark.parametrize(
    ("metric", "part", "whole"),
    [
        ("service_level.connect@20", 8, 13),
        ("service_level.connect_live@20", 8, 14),
        ("service_level.connect_live_low@20", 8, 15),
        ("service_level.connect_live_high@20", 9, 15),
        ("service_level.genesys@20", 4, 11),
        ("service_level.genesys_flowouts@20", 4, 13),
        ("service_level.genesys_no_short@20", 4, 9),
        ("service_level.genesys_flowouts_no_short@20", 4, 11),
        ("service_level.genesys_no_abandons@20", 4, 7),
        ("service_level.genesys_flowouts_no_abandons@20", 4, 9),
        ("service_level.talkdesk_contacts@20", 4, 12),
        ("service_level.talkdesk_contacts_no_short@20", 4, 10),
        ("service_level.talkdesk_calls@20", 4, 7),
        ("service_level.asterisk_perf@20", 3, 6),
        ("service_level.asterisk_perf2@20", 6, 11),
        ("service_level.answered_over_offered@20", 4, 13),
        ("service_level.answered_over_offered_live@20", 4, 14),
        ("service_level.answered_over_offered_live_low@20", 4, 15),
        ("service_level.answered_over_offered_live_high@20", 5, 15),
        ("service_level.answered_over_answered@20", 4, 7),
        ("service_level.excl_short@20", 4, 11),
        ("service_level.removed_erlang@20", 7, 13),
        ("abandonment_rate", 4, 13),
        ("abandonment_rate_excl_short", 2, 11),
        ("answer_rate", 7, 13),
        ("average_speed_of_answer", 208, 7),
        ("average_handle_time", 1840, 6),
        ("average_abandon_time", 90, 4),
        ("mean_patience", 422, 4),
    ],
)
def test_every_ratio_has_the_numerator_and_denominator_of_its_definition(
    board: Board, metric: str, part: float, whole: float
) -> None:
    found = board.metrics("all")[metric]
    assert (found.numerator, found.denominator, found.n) == (part, whole, whole)
    assert found.value == pytest.approx(part / whole)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("contacts_offered", 15),
        ("contacts_answered", 7),
        ("contacts_abandoned", 4),
        ("contacts_short_abandoned", 2),
        ("contacts_flow_out", 2),
        ("contacts_left_in_ivr", 0),
        ("contacts_in_queue", 2),
        ("oldest_waiting", 42),
        ("longest_wait", 95),
    ],
)
def test_every_count_and_extreme_is_that_of_the_table(board: Board, metric: str, value: float) -> None:
    assert board.value(metric) == value


def test_a_proportion_carries_its_wilson_interval_and_a_duration_none(board: Board) -> None:
    rate = board.metrics("all")["abandonment_rate"]
    assert rate.interval == pytest.approx((0.126807, 0.576307), abs=1e-6)
    assert board.metrics("all")["average_speed_of_answer"].interval is None


def test_a_callback_and_a_key_exit_differ_for_connect_and_not_for_asterisk() -> None:
    """The wish to be called back is a key exit in Asterisk; only a callback counts as served by Connect."""
    values = {}
    for end in ("left:callback", "left:key_exit"):
        metrics, board = Metrics(MetricSettings()), Board()
        feed(metrics, board, facts(START, ("offered", 0), (end, 15)))
        feed(metrics, board, facts(START, ("offered", 0), ("answered", 30), ("completed", 30), ("handled", 60)))
        tick(metrics, board, NOW)
        values[end] = [
            board.metrics("all")[f"service_level.{variant}@20"].numerator for variant in ("connect", "asterisk_perf2")
        ]
    assert values == {"left:callback": [1, 0], "left:key_exit": [0, 0]}


def test_a_caller_is_overdue_only_after_x() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, facts(START, ("offered", 0), ("waiting", 0)))
    tick(metrics, board, START + 20)
    assert board.metrics("all")["service_level.answered_over_offered_live@20"].denominator == 0
    tick(metrics, board, START + 21)
    assert board.metrics("all")["service_level.answered_over_offered_live@20"].denominator == 1


def test_nothing_over_nothing_is_no_number(board: Board) -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, facts(START, ("left_ivr", 0), queue=None))
    tick(metrics, board, NOW)
    shown = board.metrics("all")
    assert shown["contacts_left_in_ivr"].value == 1
    for metric in ("service_level.connect@20", "abandonment_rate", "average_speed_of_answer", "longest_wait"):
        assert shown[metric].value is None
    assert shown["oldest_waiting"].value is None
    assert shown["contacts_in_queue"].value == 0


def test_several_thresholds_stand_side_by_side() -> None:
    metrics, board = Metrics(MetricSettings(thresholds_ms=(10_000, 20_000, 7_500))), Board()
    feed(metrics, board, fifteen())
    tick(metrics, board, NOW)
    level = {x: board.metrics("all")[f"service_level.answered_over_offered@{x}"].numerator for x in ("7.5", "10", "20")}
    assert level == {"7.5": 1, "10": 2, "20": 4}
