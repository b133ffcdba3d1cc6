"""The catalogue says what is published, and no more."""

import pytest

from agents.metrics.processor import Metrics
from schemas.definitions import CATALOGUE, definition_of
from schemas.durations import OF_CLOCKS
from schemas.live import Scope
from schemas.partials import AgentNow
from schemas.policies import MetricSettings
from schemas.service_levels import SERVICE_LEVELS, TERMS
from tests.unit.metric_kit import Board, clocks, durations, facts, feed, solves, survey, tick

AT = 1_790_000_000


def test_everything_published_is_defined_and_everything_defined_is_published() -> None:
    metrics, board = Metrics(MetricSettings(thresholds_ms=(20_000, 30_000))), Board()
    feed(
        metrics,
        board,
        [
            *facts(AT, ("offered", 0), ("waiting", 0)),
            *survey(AT, "csat", 5, 4),
            *survey(AT, "nps", 10, 4),
            *survey(AT, "ces", 7, 4),
            *solves(("solved", AT, 0), *((f"{each}_resolution", AT, 60) for each in ("first", "full"))),
            *solves(*((f"{each}_resolution_business", AT, 60) for each in ("first", "full"))),
        ],
        agents=[AgentNow("ana", "support", "away", None, AT)],
        calls=[(("ana", AT * 1000, None), 1)],
        clocks=[*clocks(("attained", AT)), *(took for clock in OF_CLOCKS for took in durations(AT, 60, clock=clock))],
    )
    tick(metrics, board, AT + 5)
    published = {metric: shown for window in board.windows() for metric, shown in window.metrics.items()}
    assert {definition_of(metric).id for metric in published} == set(CATALOGUE)
    assert all(definition_of(metric).version == shown.version for metric, shown in published.items())


def test_metrics_as_of_the_clock_stand_on_all_and_on_rolling_windows_only() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(
        metrics,
        board,
        facts(AT, ("offered", 0), ("waiting", 0)),
        agents=[AgentNow("ana", "support", "away", None, AT)],
        calls=[(("ana", AT * 1000, None), 1)],
    )
    tick(metrics, board, AT + 5)
    for window in board.windows():
        shown = {definition_of(metric).shown for metric in window.metrics}
        assert ("live" in shown) == (window.window.kind == "all" or window.window.kind.startswith("rolling"))
        assert ("without_queue" in shown) == (window.scope.queue is None)
        assert ("staffed" in shown) == ("live" in shown and window.scope.channel is None)
        assert ("floor" in shown) == (window.scope == Scope())


def test_every_term_is_in_use() -> None:
    used = {term for level in SERVICE_LEVELS for term in (*level.numerator, *level.denominator)}
    assert used == set(TERMS)


@pytest.mark.parametrize(
    "metric",
    [
        "service_level.mine@20",
        "contacts_offered@20",
        "agents_by_state",
        "sla_met",
        "sla_met.lunch",
        "nps.first_reply",
        "",
        "nothing.at.all",
    ],
)
def test_an_id_that_nobody_publishes_has_no_definition(metric: str) -> None:
    with pytest.raises(KeyError):
        definition_of(metric)
