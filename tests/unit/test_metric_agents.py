"""Agents by state: declared states, open conversations, several queues."""

from agents.metrics.processor import Metrics
from agents.metrics.roster import Roster
from schemas.partials import AgentNow
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, feed, restart, tick


def declared(agent: str, queue: str | None, state: str, since: int) -> AgentNow:
    return AgentNow(agent, queue, state, None, since)


def test_an_agent_in_several_queues_counts_once_on_the_floor() -> None:
    roster = Roster()
    roster.apply([declared("ana", "sales", "available", 1), declared("ana", "support", "away", 2)], {})
    roster.apply([declared("ben", "sales", "available", 3)], {})
    assert roster.counts(None) == {"available": 2}
    assert roster.counts("sales") == {"available": 2}
    assert roster.counts("support") == {"away": 1}


def test_an_open_conversation_puts_an_agent_on_contact_until_it_ends() -> None:
    roster = Roster()
    roster.apply([declared("ana", "sales", "available", 1)], {})
    assert roster.apply([], {"ana": 2}) == {None, "sales"}
    assert roster.apply([], {"ana": -1}) == set()
    assert roster.counts("sales") == {"on_contact": 1}
    roster.apply([], {"ana": -1})
    assert roster.counts("sales") == {"available": 1}


def test_whoever_is_offline_stays_so_in_a_conversation() -> None:
    roster = Roster()
    roster.apply([declared("ana", "sales", "offline", 1), declared("ana", "support", "available", 1)], {"ana": 1})
    assert roster.counts("sales") == {"offline": 1}
    assert roster.counts("support") == {"on_contact": 1}
    roster.apply([declared("ana", "support", "offline", 2)], {})
    assert roster.counts(None) == {"offline": 1}


def test_a_state_declared_everywhere_overrides_older_ones_but_brings_nobody_back_into_a_queue() -> None:
    roster = Roster()
    roster.apply([declared("ana", "sales", "available", 1), declared("ana", "support", "offline", 1)], {})
    roster.apply([declared("ana", None, "away", 5)], {})
    assert roster.counts("sales") == {"away": 1}
    assert roster.counts("support") == {"offline": 1}
    assert roster.counts(None) == {"away": 1}
    roster.apply([declared("ana", "support", "available", 6)], {})
    assert roster.counts("support") == {"available": 1}


def test_a_busy_agent_of_whom_no_state_is_known_is_on_contact_on_the_floor() -> None:
    roster = Roster()
    roster.apply([], {"ana": 1})
    assert roster.counts(None) == {"on_contact": 1}
    roster.apply([], {"ana": -1})
    assert roster.counts(None) == {}
    assert len(roster.store) == 0


def test_states_are_published_with_all_and_rolling_windows_of_the_floor_and_the_queue() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, 60_000)
    feed(metrics, board, [], agents=[declared("ana", "sales", "away", 1), declared("ben", "sales", "available", 1)])
    tick(metrics, board, 60_001)
    for kind in ("all", "rolling15min"):
        assert board.value("agents_by_state.away", kind) == 1
        assert board.value("agents_by_state.available", kind, queue="sales") == 1
        assert board.value("agents_by_state.offline", kind, queue="sales") == 0
    assert board.pipeline.agents_by_state == {"away": 1, "available": 1}


def test_the_roster_survives_a_restart() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], agents=[declared("ana", "sales", "available", 1)], busy={"ana": 1, "ben": 1})
    tick(metrics, board, 60)
    again, new_board = restart(metrics, {}, Metrics(MetricSettings())), Board()
    feed(again, new_board, [], busy={"ben": -1})
    tick(again, new_board, 61)
    assert new_board.pipeline.agents_by_state == {"on_contact": 1}
    assert new_board.value("agents_by_state.on_contact", "all") == 1
