"""Names from outside: so many queues, policies and segments have numbers of their own, and no more."""

from __future__ import annotations

import pytest

from agents.metrics import names
from agents.metrics.processor import Metrics
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, clocks, facts, feed, restart, tick

NINE = 1_792_400_400


@pytest.fixture(autouse=True)
def two_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", dict.fromkeys(names.MOST, 2))


def named(board: Board) -> set[tuple[str | None, str | None, str | None]]:
    return {(window.scope.queue, window.scope.policy, window.scope.segment) for window in board.windows()}


def test_a_name_too_many_counts_for_the_floor_and_its_channel_and_is_told() -> None:
    told: list[dict[str, int]] = []
    metrics, board = Metrics(MetricSettings(), counted=lambda refused: told.append(dict(refused))), Board()
    for name in ("a", "b", "c", "d"):
        feed(metrics, board, facts(NINE, ("offered", 0), ("answered", 3), queue=name))
        feed(metrics, board, [], clocks=clocks(("attained", NINE), queue=name, policy=name, segment=name))
    tick(metrics, board, NINE + 5)
    queues, policies, segments = ({each for each in column if each} for column in zip(*named(board), strict=True))
    assert (queues, policies, segments) == ({"a", "b"}, {"a", "b"}, {"a", "b"})
    assert board.value("contacts_offered") == board.value("contacts_offered", channel="phone") == 4
    assert board.value("sla_met.first_reply") == 4
    # Each of the two queues too many came with two offers' facts and one clock's.
    assert told == [{"queue": 6, "policy": 2, "segment": 2}]


def test_what_was_counted_without_its_name_is_taken_back_without_it_after_a_restart() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    for name in ("a", "b", "c"):
        feed(metrics, board, [], clocks=clocks(("open", NINE + 600), segment=name, queue=None))
    tick(metrics, board, NINE)
    assert (board.value("sla_open.first_reply"), board.value("sla_open.first_reply", segment="a")) == (3, 1)
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    for name in ("c", "a", "b"):
        feed(metrics, board, [], clocks=clocks(("open", NINE + 600), segment=name, queue=None, n=-1))
    feed(metrics, board, [], clocks=clocks(("attained", NINE + 1), segment="c", queue=None))
    tick(metrics, board, NINE + 2)
    assert board.value("sla_open.first_reply") == 0
    assert {segment for _, _, segment in named(board)} == {None, "a", "b"}
    assert board.value("sla_met.first_reply") == 1


def test_queues_that_had_numbers_before_names_were_remembered_keep_them() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    for name in ("a", "b"):
        feed(metrics, board, facts(NINE, ("offered", 0), queue=name))
    tick(metrics, board, NINE + 5)
    changelog = {key: value for key, value in metrics.changes() if key[:1] != b"b"}
    fresh = Metrics(MetricSettings())
    for key, value in changelog.items():
        fresh.restore(key, value)
    fresh.restored()
    for name in ("c", "b", "a"):
        feed(fresh, board, facts(NINE, ("offered", 0), queue=name))
    tick(fresh, board, NINE + 10)
    assert {queue for queue, _, _ in named(board)} == {None, "a", "b"}
    assert [board.value("contacts_offered", queue=name) for name in ("a", "b")] == [2, 2]
