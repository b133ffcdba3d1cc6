"""States of human agents: the last by the time of the event, per queue; repeated events are duplicates."""

from itertools import permutations

import msgspec
import pytest

from agents.contacts.memory import digest
from agents.metrics.roster import Roster
from schemas.events import AgentSchedulePublished
from schemas.instants import from_ms
from schemas.partials import AgentNow
from tests.unit.contact_bench import Floor, agent_state, at


def test_the_last_state_of_a_flush_is_sent_once_per_queue() -> None:
    floor = Floor()
    floor.hear(agent_state(0, "available"))
    floor.hear(agent_state(5, "away", reason="lunch"))
    floor.hear(agent_state(6, "available", queue="sales"))
    floor.flush()
    floor.flush()
    assert floor.agents == [
        AgentNow("mia", None, "away", "lunch", at(5)),
        AgentNow("mia", "sales", "available", None, at(6)),
    ]
    assert floor.outcomes == {"accepted": 3}


def test_a_state_from_before_the_present_one_is_accepted_and_changes_nothing() -> None:
    floor = Floor()
    floor.hear(agent_state(50, "away"))
    floor.hear(agent_state(40, "available"))
    floor.flush()
    assert floor.agents == [AgentNow("mia", None, "away", None, at(50))]
    assert floor.outcomes == {"accepted": 2}


def test_states_are_told_by_their_instants_however_late_they_come() -> None:
    floor = Floor()
    floor.hear(agent_state(50, "away"))
    floor.hear(agent_state(40, "available", queue="sales"))
    floor.hear(agent_state(40, "available", queue="sales"))
    floor.flush()
    assert floor.states == {("mia", None, at(50), "away"): 1, ("mia", "sales", at(40), "available"): 1}


def test_a_correction_takes_back_what_was_said_of_a_state_that_is_long_over() -> None:
    floor = Floor()
    floor.hear(agent_state(10, "available", id="e"))
    floor.hear(agent_state(50, "away"))
    floor.flush()
    floor.crash()
    floor.hear(agent_state(20, "offline", id="e", revision=1))
    floor.hear(agent_state(10, "available", id="e"))
    floor.flush()
    assert +floor.states == {("mia", None, at(20), "offline"): 1, ("mia", None, at(50), "away"): 1}
    assert [now.state for now in floor.agents] == ["away"]
    assert floor.outcomes == {"accepted": 3, "duplicate": 1}


def test_of_two_states_of_one_instant_the_later_told_takes_the_earlier_back() -> None:
    floor = Floor()
    floor.hear(agent_state(50, "away"))
    floor.flush()
    floor.hear(agent_state(50, "available", id="e"))
    floor.flush()
    assert +floor.states == {("mia", None, at(50), "available"): 1}
    floor.hear(agent_state(60, "available", id="e", revision=1))
    floor.flush()
    assert +floor.states == {("mia", None, at(50), "away"): 1, ("mia", None, at(60), "available"): 1}


def test_an_agent_that_was_stored_without_past_states_is_read() -> None:
    stored = msgspec.msgpack.encode([{"": ["away", None, at(5), "mia/away/5", 0]}, digest("mia/away/5")])
    floor = Floor(changelog={b"amia": b"\x01" + stored})
    floor.crash()
    floor.hear(agent_state(5, "away"))
    floor.hear(agent_state(9, "available"))
    floor.flush()
    assert floor.outcomes == {"duplicate": 1, "accepted": 1}
    assert floor.states == {("mia", None, at(9), "available"): 1}


def test_of_two_states_of_one_second_the_later_told_holds() -> None:
    floor = Floor()
    floor.hear(agent_state(50, "away"))
    floor.hear(agent_state(50, "available"))
    floor.flush()
    assert [now.state for now in floor.agents] == ["available"]


def test_a_state_that_is_said_again_holds_since_it_was_first_said() -> None:
    floor = Floor()
    for second in range(10, 10 + 70 * 10, 10):
        floor.hear(agent_state(second, "away", reason="lunch"))
        floor.hear(agent_state(second, "available", queue="sales"))
    floor.flush()
    floor.crash()
    floor.hear(agent_state(800, "away", reason="lunch"), agent_state(810, "away", reason="training"))
    floor.flush()
    assert floor.agents == [
        AgentNow("mia", None, "away", "lunch", at(10), at(700)),
        AgentNow("mia", "sales", "available", None, at(10), at(700)),
        AgentNow("mia", None, "away", "training", at(810)),
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_since_when_a_state_holds_does_not_hang_on_the_order_in_which_it_is_told(order: tuple[int, ...]) -> None:
    floor = Floor()
    said = (agent_state(10, "available"), agent_state(20, "away"), agent_state(30, "away"))
    for place in order:
        floor.hear(said[place])
    floor.flush()
    assert floor.agents == [AgentNow("mia", None, "away", None, at(20), at(30))]


def test_a_late_state_in_between_ends_the_time_of_the_first() -> None:
    floor = Floor()
    floor.hear(agent_state(10, "away"), agent_state(30, "away"))
    floor.hear(agent_state(20, "available"))
    floor.flush()
    assert floor.agents == [AgentNow("mia", None, "away", None, at(30))]


def test_a_state_said_again_of_a_queue_still_overrides_an_older_one_of_everywhere() -> None:
    roster = Roster()
    roster.apply([AgentNow("mia", None, "away", None, at(5)), AgentNow("mia", "sales", "available", None, at(0))], {})
    assert roster.counts(None) == {"away": 1}
    roster.apply([AgentNow("mia", "sales", "available", None, at(0), at(9))], {})
    assert roster.counts(None) == {"available": 1}


def test_a_repeated_event_is_a_duplicate_after_a_restart_too() -> None:
    floor = Floor()
    floor.hear(agent_state(0, "available"))
    floor.hear(agent_state(9, "away"))
    floor.flush()
    floor.crash()
    floor.hear(agent_state(0, "available"))
    floor.hear(agent_state(9, "away"))
    floor.flush()
    assert floor.outcomes == {"accepted": 2, "duplicate": 2}
    assert len(floor.agents) == 1


def test_a_higher_revision_corrects_the_present_state() -> None:
    floor = Floor()
    floor.hear(agent_state(9, "away", id="e"))
    floor.hear(agent_state(9, "offline", id="e", revision=1))
    floor.hear(agent_state(9, "away", id="e"))
    floor.flush()
    assert [now.state for now in floor.agents] == ["offline"]
    assert floor.outcomes == {"accepted": 2, "duplicate": 1}


def test_the_last_64_events_of_an_agent_are_remembered() -> None:
    floor = Floor()
    for number in range(65):
        floor.hear(agent_state(number, "available"))
    floor.hear(agent_state(1, "available"))
    floor.hear(agent_state(0, "available"))
    floor.flush()
    assert floor.outcomes == {"accepted": 66, "duplicate": 1}
    ((_, value),) = floor.changelog.items()
    assert len(value) < 3_000


def test_a_published_schedule_is_counted_and_is_no_state() -> None:
    floor = Floor()
    for _ in range(2):
        floor.hear(AgentSchedulePublished(id="s", time=from_ms(at(0)), channel="phone", source="wfm", agent="mia"))
    floor.flush()
    assert floor.agents == []
    assert floor.outcomes == {"accepted": 1, "duplicate": 1}
