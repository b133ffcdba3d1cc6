"""When the clocks of a contact run, pause and end."""

import pytest

from agents.contacts.run import Fact, Run
from agents.contacts.runs import runs_of
from schemas.policies import ClockName
from tests.unit.clock_stories import fact, local, only, status

CREATED = fact(8, "10:00", "created")
HELLO = fact(8, "10:00", "customer")
REPLY = fact(8, "11:00", "agent")
SOLVED = status(8, "12:00", "solved")


def course(run: Run) -> str:
    """When an instance ran, when it ended and how: 'Mon 10:00-Mon 11:00 | fulfilled Mon 11:00'."""
    spans = ", ".join(f"{local(each.start)}-{'' if each.end is None else local(each.end)}" for each in run.spans)
    ends = ", ".join(f"{each.reason or each.how} {local(each.at)}" for each in run.ends)
    return f"{spans} | {ends}"


def courses(clock: ClockName, *facts: Fact) -> list[str]:
    return [course(run) for run in runs_of(facts) if run.clock == clock]


def test_nothing_is_known_of_a_contact_without_facts() -> None:
    assert runs_of([]) == []


def test_a_contact_without_a_status_is_open_until_it_ends() -> None:
    ended = fact(8, "10:30", "ended")
    for clock in ("requester_wait", "agent_work", "total_resolution"):
        assert courses(clock, CREATED, ended) == ["Mon 10:00-Mon 10:30 | fulfilled Mon 10:30"]


def test_a_status_after_its_end_reopens_a_contact() -> None:
    facts = (CREATED, fact(8, "10:30", "ended"), status(8, "10:40", "open"))
    assert courses("agent_work", *facts) == ["Mon 10:00-Mon 10:30, Mon 10:40- | fulfilled Mon 10:30"]


@pytest.mark.parametrize(
    ("clock", "running"),
    [
        ("requester_wait", {"new", "open", "on_hold"}),
        ("agent_work", {"new", "open"}),
        ("total_resolution", {"new", "open", "pending", "on_hold"}),
    ],
)
def test_a_status_clock_runs_in_its_statuses_and_ends_with_the_solve(clock: ClockName, running: set[str]) -> None:
    for name in ("new", "open", "pending", "on_hold"):
        expected = "Mon 10:00- | " if name in running else "Mon 10:00-Mon 10:10 | "
        assert courses(clock, CREATED, status(8, "10:10", name)) == [expected]
    for name in ("solved", "closed"):
        assert courses(clock, CREATED, status(8, "10:10", name)) == ["Mon 10:00-Mon 10:10 | fulfilled Mon 10:10"]


def test_a_status_clock_starts_at_the_first_fact_whatever_it_is() -> None:
    assert local(only("total_resolution", [HELLO, status(8, "10:05", "new")]).start) == "Mon 10:00"


def test_a_reopened_contact_goes_on_in_the_same_instance_and_closing_what_is_solved_changes_nothing() -> None:
    facts = (CREATED, SOLVED, status(8, "13:00", "open"), status(8, "14:00", "solved"), status(8, "15:00", "closed"))
    assert courses("total_resolution", *facts) == [
        "Mon 10:00-Mon 12:00, Mon 13:00-Mon 14:00 | fulfilled Mon 12:00, fulfilled Mon 14:00"
    ]


def test_a_contact_reopened_as_pending_waits_again_without_running() -> None:
    facts = (CREATED, SOLVED, status(8, "13:00", "pending"), status(8, "14:00", "open"))
    assert courses("agent_work", *facts) == [
        "Mon 10:00-Mon 12:00, Mon 13:00-Mon 13:00, Mon 14:00- | fulfilled Mon 12:00"
    ]


def test_a_status_that_flaps_within_an_instant_neither_pauses_nor_resumes() -> None:
    back = (CREATED, status(8, "10:30", "pending"), status(8, "10:30", "open"))
    assert courses("requester_wait", *back) == ["Mon 10:00- | "]
    forth = (CREATED, status(8, "10:30", "pending"), status(8, "10:50", "open"), status(8, "10:50", "pending"))
    assert courses("requester_wait", *forth) == ["Mon 10:00-Mon 10:30 | "]
    over = (*back[:2], status(8, "10:50", "open"), status(8, "10:50", "solved"))
    assert courses("requester_wait", *over) == ["Mon 10:00-Mon 10:30 | fulfilled Mon 10:50"]


def test_the_first_reply_runs_from_the_first_message_of_the_customer_to_the_next_of_an_agent() -> None:
    facts = (CREATED, HELLO, fact(8, "10:20", "customer"), REPLY, fact(8, "11:30", "customer"))
    assert courses("first_reply", *facts) == ["Mon 10:00-Mon 11:00 | fulfilled Mon 11:00"]


def test_the_first_reply_of_a_contact_that_an_agent_opened_ends_with_their_second_message() -> None:
    facts = (REPLY, fact(8, "11:10", "customer"), fact(8, "11:30", "agent"))
    assert courses("first_reply", *facts) == ["Mon 11:00-Mon 11:30 | fulfilled Mon 11:30"]


def test_the_first_reply_of_a_contact_that_we_began_waits_for_the_customer() -> None:
    begun = CREATED._replace(status="outbound")
    mail = fact(8, "10:00", "agent")
    assert courses("first_reply", begun, mail, fact(8, "10:30", "agent")) == []
    answered = (begun, mail, fact(8, "11:10", "customer"), fact(8, "11:30", "agent"))
    assert courses("first_reply", *answered) == ["Mon 11:10-Mon 11:30 | fulfilled Mon 11:30"]


def test_the_next_reply_is_a_new_instance_for_every_cycle_and_the_first_is_marked() -> None:
    facts = (HELLO, fact(8, "10:20", "customer"), REPLY, fact(8, "11:30", "customer"), fact(8, "11:40", "agent"))
    assert courses("next_reply", *facts) == [
        "Mon 10:00-Mon 11:00 | fulfilled Mon 11:00",
        "Mon 11:30-Mon 11:40 | fulfilled Mon 11:40",
    ]
    assert [run.first_cycle for run in runs_of(facts) if run.clock == "next_reply"] == [True, False]


def test_a_reply_with_which_a_contact_is_solved_is_a_reply_whatever_the_order_of_the_two() -> None:
    solved = status(8, "11:00", "solved")
    assert courses("first_reply", HELLO, solved, REPLY) == ["Mon 10:00-Mon 11:00 | fulfilled Mon 11:00"]
    assert courses("first_reply", HELLO, REPLY, solved) == ["Mon 10:00-Mon 11:00 | fulfilled Mon 11:00"]


def test_a_solve_without_a_reply_cancels_the_replies() -> None:
    for clock in ("first_reply", "next_reply"):
        cancelled = ["Mon 10:00-Mon 12:00 | solved_without_reply Mon 12:00"]
        assert courses(clock, HELLO, SOLVED) == cancelled


def test_a_reopened_contact_waits_for_a_reply_only_to_a_message_since_the_solve() -> None:
    reopened = status(8, "14:00", "open")
    assert courses("next_reply", HELLO, SOLVED, reopened) == [
        "Mon 10:00-Mon 12:00 | solved_without_reply Mon 12:00"
    ]  # fmt: skip
    thanks = fact(8, "13:59", "customer")
    assert courses("next_reply", HELLO, SOLVED, thanks, reopened)[1:] == ["Mon 13:59- | "]
    assert courses("next_reply", HELLO, SOLVED, thanks)[1:] == []
    second = [run for run in runs_of([HELLO, SOLVED, thanks, reopened]) if run.clock == "next_reply"][1]
    assert (second.instance, second.first_cycle) == (thanks.event, False)


def test_the_first_reply_never_restarts() -> None:
    facts = (HELLO, SOLVED, fact(8, "13:00", "customer"), status(8, "13:00", "open"), fact(8, "14:00", "agent"))
    assert courses("first_reply", *facts) == ["Mon 10:00-Mon 12:00 | solved_without_reply Mon 12:00"]


def test_a_message_answered_while_it_was_solved_needs_no_first_reply_any_more() -> None:
    ended = fact(8, "09:00", "ended")
    facts = (fact(8, "08:00", "created"), ended, HELLO, REPLY, status(8, "11:30", "open"), fact(8, "11:40", "customer"))
    assert courses("first_reply", *facts) == []
    assert courses("next_reply", *facts) == ["Mon 11:40- | "]


def test_updates_run_from_each_message_of_an_agent_to_the_next_and_end_with_the_solve() -> None:
    facts = (HELLO, REPLY, fact(8, "11:30", "agent"), SOLVED, status(8, "13:00", "open"))
    for clock in ("periodic_update", "pausable_update"):
        assert courses(clock, *facts) == [
            "Mon 11:00-Mon 11:30 | fulfilled Mon 11:30",
            "Mon 11:30-Mon 12:00 | solved Mon 12:00",
        ]


def test_only_the_pausable_update_pauses_while_pending() -> None:
    facts = (REPLY, status(8, "11:10", "pending"), status(8, "11:20", "on_hold"))
    assert courses("periodic_update", *facts) == ["Mon 11:00- | "]
    assert courses("pausable_update", *facts) == ["Mon 11:00-Mon 11:10, Mon 11:20- | "]


def test_a_merge_cancels_all_that_is_not_over_and_nothing_starts_after_it() -> None:
    merged = fact(8, "11:15", "merged")
    runs = runs_of([HELLO, REPLY, fact(8, "11:10", "customer"), merged, fact(8, "11:20", "customer")])
    assert {(run.clock, end.reason) for run in runs for end in run.ends} == {
        ("first_reply", None),
        ("next_reply", None),
        ("next_reply", "merged"),
        ("periodic_update", "merged"),
        ("pausable_update", "merged"),
        ("requester_wait", "merged"),
        ("agent_work", "merged"),
        ("total_resolution", "merged"),
    }
    assert len(runs) == 8


def test_a_pause_and_a_resumption_name_the_events_that_made_them() -> None:
    pending, reopened = status(8, "10:30", "pending"), status(8, "10:50", "open")
    run = only("agent_work", [CREATED, pending, reopened, SOLVED])
    assert [(span.by, span.until) for span in run.spans] == [(CREATED.event, pending.event), (reopened.event, None)]
    assert [end.event for end in run.ends] == [SOLVED.event]
