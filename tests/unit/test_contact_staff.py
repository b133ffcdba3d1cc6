"""States of human agents: the last by the time of the event, per queue; repeated events are duplicates."""

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


def test_of_two_states_of_one_second_the_later_told_holds() -> None:
    floor = Floor()
    floor.hear(agent_state(50, "away"))
    floor.hear(agent_state(50, "available"))
    floor.flush()
    assert [now.state for now in floor.agents] == ["available"]


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
    assert len(value) < 700


def test_a_published_schedule_is_counted_and_is_no_state() -> None:
    floor = Floor()
    for _ in range(2):
        floor.hear(AgentSchedulePublished(id="s", time=from_ms(at(0)), channel="phone", source="wfm", agent="mia"))
    floor.flush()
    assert floor.agents == []
    assert floor.outcomes == {"accepted": 1, "duplicate": 1}
