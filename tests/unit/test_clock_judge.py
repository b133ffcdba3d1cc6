"""What is said of a clock: the decisions, one by one."""

import pytest

from agents.contacts.judge import KEPT_EVENTS, course_of
from agents.contacts.run import End, Run, Span
from agents.contacts.runs import runs_of
from agents.contacts.stopwatch import NEVER
from schemas.calendars import Calendar
from schemas.instants import MINUTE
from schemas.policies import CalendarMode, CalendarTerms
from tests.unit.clock_stories import at, fact, local, only, status, steps_of, story, term, told

CREATED = fact(8, "10:00", "created")
HELLO = fact(8, "10:00", "customer")
ACTIVATED = ("activated", "Mon 10:00", "Mon 11:00")
HOUR = term(60, calendar=None)


def work(*facts: tuple[str, str]) -> Run:
    """Time to the solution, Monday from 10:00, through statuses."""
    return only("agent_work", [CREATED, *(status(8, time, name) for time, name in facts)])


def test_a_breach_bears_its_due_instant_and_needs_no_event() -> None:
    assert story(work(), HOUR, judged=at(8, "11:00") - 1) == [ACTIVATED]
    assert story(work(), HOUR, judged=at(8, "11:00")) == [ACTIVATED, ("breached", "Mon 11:00", "Mon 11:00")]
    late = steps_of(work(), (HOUR,), at(9, "11:00"))[-1]
    assert (local(late.at), local(late.known), late.elapsed) == ("Mon 11:00", "Mon 11:00", 60 * MINUTE)


def test_what_comes_after_the_due_instant_breaches_it_before_the_clock_says_so() -> None:
    assert story(work(("11:01", "pending")), HOUR, judged=0) == [
        ACTIVATED,
        ("breached", "Mon 11:00", "Mon 11:00"),
        ("paused", "Mon 11:01", "Mon 11:00"),
    ]


def test_a_pause_at_the_due_instant_is_no_breach_and_it_is_due_again_when_it_resumes() -> None:
    paused = [ACTIVATED, ("paused", "Mon 11:00", "Mon 11:00")]
    assert story(work(("11:00", "pending")), HOUR) == paused
    assert story(work(("11:00", "pending"), ("12:00", "solved")), HOUR)[2:] == [
        ("fulfilled attained", "Mon 12:00", "Mon 11:00")
    ]
    assert story(work(("11:00", "pending"), ("12:00", "open")), HOUR)[2:] == [
        ("resumed", "Mon 12:00", "Mon 12:00"),
        ("breached", "Mon 12:00", "Mon 12:00"),
    ]


def test_a_cancellation_at_the_due_instant_is_no_breach_and_a_later_one_lapses() -> None:
    at_due = only("first_reply", [HELLO, status(8, "11:00", "solved")])
    assert story(at_due, HOUR) == [ACTIVATED, ("cancelled solved_without_reply", "Mon 11:00", "Mon 11:00")]
    later = only("first_reply", [HELLO, status(8, "11:01", "solved")])
    assert story(later, HOUR)[1:] == [
        ("breached", "Mon 11:00", "Mon 11:00"),
        ("lapsed solved_without_reply", "Mon 11:01", "Mon 11:00"),
    ]


def test_a_merge_cancels() -> None:
    run = only("total_resolution", [CREATED, fact(8, "10:30", "merged")])
    assert story(run, HOUR) == [ACTIVATED, ("cancelled merged", "Mon 10:30", "Mon 11:00")]


def test_a_reopened_clock_goes_on_with_what_was_used_and_may_then_be_late() -> None:
    run = work(("10:40", "solved"), ("12:00", "open"), ("12:30", "solved"))
    assert story(run, HOUR) == [
        ACTIVATED,
        ("fulfilled attained", "Mon 10:40", "Mon 11:00"),
        ("resumed", "Mon 12:00", "Mon 12:20"),
        ("breached", "Mon 12:20", "Mon 12:20"),
        ("fulfilled late", "Mon 12:30", "Mon 12:20"),
    ]


def test_each_share_is_told_once_for_each_due_instant() -> None:
    risky = term(60, calendar=None, at_risk=(0.5, 0.8))
    run = work(("10:35", "pending"), ("12:00", "open"))
    assert story(run, risky, judged=at(8, "12:24")) == [
        ACTIVATED,
        ("at_risk 0.5", "Mon 10:30", "Mon 11:00"),
        ("paused", "Mon 10:35", "Mon 11:00"),
        ("resumed", "Mon 12:00", "Mon 12:25"),
        ("at_risk 0.5", "Mon 12:00", "Mon 12:25"),
        ("at_risk 0.8", "Mon 12:13", "Mon 12:25"),
    ]


def test_a_share_in_business_time_is_reached_in_business_time() -> None:
    run = only("agent_work", [fact(9, "16:40", "created")])
    assert story(run, term(60, at_risk=(0.8,)), judged=at(10, "09:28"))[1] == ("at_risk 0.8", "Wed 09:28", "Wed 09:40")


def test_a_pause_at_the_at_risk_instant_comes_first() -> None:
    risky = term(60, calendar=None, at_risk=(0.5,))
    assert story(work(("10:30", "pending")), risky) == [ACTIVATED, ("paused", "Mon 10:30", "Mon 11:00")]


def test_what_is_already_breached_by_a_change_is_not_told_to_be_at_risk() -> None:
    changed = term(20, at(8, "10:30"), None, version=2, at_risk=(0.5,))
    assert [step[0] for step in story(work(), HOUR, changed)] == ["activated", "retargeted", "breached"]


def test_a_target_changed_back_and_forth_is_told_each_time_and_breached_once() -> None:
    terms = (HOUR, term(120, at(8, "10:30"), None, version=2), term(60, at(8, "10:50"), None, version=3))
    assert story(work(), *terms, term(120, at(8, "11:30"), None, version=4)) == [
        ACTIVATED,
        ("retargeted", "Mon 10:30", "Mon 12:00"),
        ("retargeted", "Mon 10:50", "Mon 11:00"),
        ("breached", "Mon 11:00", "Mon 11:00"),
        ("retargeted", "Mon 11:30", "Mon 12:00"),
    ]


def test_a_term_that_changes_nothing_is_not_told() -> None:
    assert story(work(), HOUR, term(60, at(8, "10:30"), None), judged=at(8, "10:59")) == [ACTIVATED]


def test_a_policy_of_next_month_is_not_known_before_it_holds() -> None:
    terms = (term(600, calendar=None), term(60, at(8, "12:00"), None, version=2))
    assert len(steps_of(work(), terms, at(8, "12:00") - 1)) == 1
    assert course_of(work(), terms, at(8, "10:00")).next_deadline() == at(8, "12:00")
    assert [step.transition for step in steps_of(work(), terms, at(8, "12:00"))[1:]] == ["retargeted", "breached"]


def test_without_a_policy_it_is_cancelled_and_with_the_next_one_active_again_from_its_own_start() -> None:
    nothing, again = term(0, at(8, "10:20"), None, policy=None), term(120, at(8, "10:40"), None, version=3)
    assert story(work(), HOUR, nothing, again, judged=at(8, "10:40")) == [
        ACTIVATED,
        ("cancelled no_policy", "Mon 10:20", "Mon 11:00"),
        ("activated", "Mon 10:40", "Mon 12:00"),
    ]
    cancelled = steps_of(work(), (HOUR, nothing), at(8, "10:20"))[-1]
    assert (cancelled.term, cancelled.cause) == (HOUR, "policy_changed")


def test_without_a_policy_after_a_breach_it_lapses() -> None:
    nothing = term(0, at(8, "11:20"), None)
    assert story(work(), HOUR, nothing)[1:] == [
        ("breached", "Mon 11:00", "Mon 11:00"),
        ("lapsed no_policy", "Mon 11:20", "Mon 11:00"),
    ]


def test_without_a_policy_from_the_start_nothing_is_said() -> None:
    nothing = term(0, calendar=None)
    assert story(work(("11:00", "solved")), nothing) == []
    assert course_of(work(), (nothing,), 0).next_deadline() is None
    assert course_of(work(), (nothing,), 0).standing() is None


def test_a_policy_that_comes_while_it_pauses_finds_it_paused() -> None:
    terms = (term(0, calendar=None), term(60, at(8, "10:30"), None))
    assert story(work(("10:10", "pending")), *terms) == [
        ("activated", "Mon 10:30", "Mon 11:00"),
        ("paused", "Mon 10:30", "Mon 11:00"),
    ]


def test_more_than_a_calendar_will_ever_be_open_is_never_due() -> None:
    hour_a_week = Calendar(CalendarTerms(id="rare", hours="Mo 09:00-10:00"))
    long = term(60 * 24 * 365 * 10, calendar=hour_a_week)
    assert [step.due for step in steps_of(work(), (long,), at(9, "10:00"))] == [NEVER]


@pytest.mark.parametrize(
    ("judged", "state", "due", "remaining"),
    [
        ("10:10", "open", "11:00", 50),
        ("10:35", "at_risk", "11:00", 25),
        ("11:10", "breached", "11:00", -10),
    ],
)
def test_how_a_running_clock_stands(judged: str, state: str, due: str, remaining: int) -> None:
    now = course_of(work(), (term(60, calendar=None, at_risk=(0.5,)),), at(8, judged)).standing()
    assert now is not None
    assert (now.state, now.due, now.remaining, now.is_over) == (state, at(8, due), remaining * MINUTE, False)


def test_how_a_paused_and_an_ended_clock_stand() -> None:
    paused = course_of(work(("10:20", "pending")), (HOUR,), at(8, "13:00")).standing()
    assert paused is not None
    assert (paused.state, paused.elapsed, paused.is_over) == ("paused", 20 * MINUTE, False)
    attained = course_of(work(("10:20", "solved")), (HOUR,), at(8, "13:00")).standing()
    assert attained is not None
    assert (attained.state, attained.elapsed, attained.is_over) == ("attained", 20 * MINUTE, True)
    merged = only("total_resolution", [CREATED, fact(8, "10:20", "merged")])
    assert course_of(merged, (HOUR,), at(8, "13:00")).standing() is None


def test_a_step_rests_on_the_events_that_started_paused_resumed_and_stopped_it() -> None:
    run = work(("10:10", "pending"), ("10:20", "open"), ("10:30", "solved"))
    assert [(event[2], local(event[1])) for event in steps_of(run, (HOUR,), 0)[-1].events] == [
        ("started", "Mon 10:00"),
        ("paused", "Mon 10:10"),
        ("resumed", "Mon 10:20"),
        ("stopped", "Mon 10:30"),
    ]


def test_a_flapping_status_is_counted_exactly_and_keeps_the_first_and_the_latest_events() -> None:
    flaps = [(f"{10 + minute // 60}:{minute % 60:02}", "pending" if minute % 2 else "open") for minute in range(1, 120)]
    run = work(*flaps, ("12:00", "solved"))
    steps = steps_of(run, (HOUR,), 0)
    assert (steps[-1].transition, steps[-1].detail, steps[-1].elapsed) == ("fulfilled", "attained", 60 * MINUTE)
    assert len(steps) == len(flaps) + 2
    assert len(steps[-1].events) == KEPT_EVENTS
    assert (steps[-1].events[0][2], steps[-1].events[-1][2]) == ("started", "stopped")


def test_late_facts_are_judged_as_if_they_had_come_in_time() -> None:
    facts = [HELLO, fact(8, "11:30", "agent"), fact(8, "10:50", "agent")]
    (first,) = [run for run in runs_of(facts) if run.clock == "first_reply"]
    assert story(first, HOUR) == [ACTIVATED, ("fulfilled attained", "Mon 10:50", "Mon 11:00")]


def test_an_offer_that_is_left_keeps_its_reason() -> None:
    run = Run("answer_within", "offer", (Span(1000, 3000, "offer"),), (End(3000, "cancelled", "left", "abandoned"),))
    steps = steps_of(run, (term(0, target=2000, calendar=None, at_risk=(0.8,)),), 0)
    assert [(step.transition, step.at, step.detail) for step in steps] == [
        ("activated", 1000, None),
        ("at_risk", 2600, None),
        ("cancelled", 3000, "abandoned"),
    ]


def test_a_calendar_that_begins_as_the_clock_ends_is_the_one_in_force_at_its_end() -> None:
    longer = Calendar(CalendarTerms(id="BER", version=2, timezone="Europe/Berlin", hours="Mo-Fr 08:00-17:00"))
    run = only("total_resolution", [fact(8, "08:00", "created"), status(8, "11:00", "solved")])

    def ended(mode: CalendarMode, target: int = 240) -> list[tuple[str, str, str]]:
        return story(run, term(target, mode=mode), term(target, at(8, "11:00"), longer, mode=mode))[1:]

    assert ended("last_schedule") == [
        ("retargeted", "Mon 11:00", "Mon 12:00"),
        ("fulfilled attained", "Mon 11:00", "Mon 12:00"),
    ]
    whole = (term(240, mode="last_schedule"), term(240, at(8, "11:00"), longer, mode="last_schedule"))
    assert steps_of(run, whole, 0)[-1].elapsed == 180 * MINUTE
    assert ended("last_schedule", 150)[1:] == [
        ("breached", "Mon 10:30", "Mon 10:30"),
        ("fulfilled late", "Mon 11:00", "Mon 10:30"),
    ]
    assert ended("piecewise") == [("fulfilled attained", "Mon 11:00", "Mon 13:00")]


def test_a_policy_that_changes_as_the_clock_ends_comes_too_late_for_it() -> None:
    terms = (term(240, mode="last_schedule"), term(30, at(8, "11:00"), version=2, mode="last_schedule"))
    assert story(work(("11:00", "solved")), *terms) == [
        ("activated", "Mon 10:00", "Mon 14:00"),
        ("fulfilled attained", "Mon 11:00", "Mon 14:00"),
    ]


def test_the_calendar_when_it_last_began_to_run_measures_until_it_next_does() -> None:
    short = Calendar(CalendarTerms(id="BER", version=2, timezone="Europe/Berlin", hours="Mo-Fr 09:00-12:00"))
    terms = (term(240, mode="at_status_change"), term(240, at(8, "11:00"), short, mode="at_status_change"))
    assert told(steps_of(work(), terms, at(8, "11:00")))[-1] == ("retargeted", "Mon 11:00", "Mon 14:00")
    resumed = work(("11:30", "pending"), ("11:45", "open"))
    assert told(steps_of(resumed, terms, at(8, "11:45")))[-1] == ("resumed", "Mon 11:45", "Tue 11:15")
