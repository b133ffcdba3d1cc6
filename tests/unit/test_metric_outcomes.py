"""Source records: read = accepted + ignored + failed + duplicates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metrics.outcomes import Outcomes, UnknownOutcome
from agents.metrics.processor import Metrics
from schemas.envelopes import OUTCOME_RANK
from schemas.partials import SplitOutcome
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, feed, restart, tick


def test_counts_of_all_tasks_add_up_with_their_reasons() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], outcomes={"accepted": 5, "ignored:PHANTOM": 2, "failed:not a time": 1})
    feed(metrics, board, [], outcomes={"accepted": 1, "duplicate": 3, "ignored:PHANTOM": 1, "ignored": 1})
    tick(metrics, board, 1)
    pipeline = board.pipeline
    assert (pipeline.read, pipeline.accepted, pipeline.duplicates) == (14, 6, 3)
    assert (pipeline.ignored, pipeline.ignored_by) == (4, {"PHANTOM": 3, "unspecified": 1})
    assert (pipeline.failed, pipeline.failed_by) == (1, {"not a time": 1})


def test_a_record_of_several_parts_counts_once_when_all_parts_have_come_also_over_a_restart() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    part = SplitOutcome("channel.chat/0/7", 3, "duplicate", None)
    feed(metrics, board, [], split=[part, SplitOutcome("channel.chat/0/7", 3, "ignored", "bot")])
    tick(metrics, board, 1)
    assert board.pipeline.read == 0
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    feed(metrics, board, [], split=[part])
    tick(metrics, board, 3)
    assert (board.pipeline.read, board.pipeline.duplicates) == (1, 1)


@given(st.lists(st.sampled_from(sorted(OUTCOME_RANK)), min_size=1, max_size=6).flatmap(
    lambda said: st.tuples(st.permutations(said), st.just(min(said, key=OUTCOME_RANK.__getitem__)))
))  # fmt: skip
def test_the_first_in_rank_decides_whatever_the_order(said: tuple[list[str], str]) -> None:
    parts, expected = said
    outcomes = Outcomes()
    outcomes.apply({}, [SplitOutcome("x/0/1", len(parts), outcome, None) for outcome in parts])
    by_outcome = outcomes.counted().by_outcome
    assert by_outcome[expected] == sum(by_outcome.values()) == 1
    assert len(outcomes.splits) == 0


def test_an_outcome_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(UnknownOutcome, match="vanished"):
        Outcomes().apply({"vanished": 1}, [])
    with pytest.raises(UnknownOutcome, match="x/0/1"):
        Outcomes().apply({}, [SplitOutcome("x/0/1", 2, "vanished", None)])
