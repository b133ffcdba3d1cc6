"""The worked examples of the clocks, to the second, with the due instant at every stage."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from agents.contacts.run import Fact, Run, Term
from agents.contacts.runs import runs_of
from schemas.calendars import Calendar
from schemas.instants import MINUTE
from schemas.policies import CalendarMode, CalendarTerms, ClockName
from tests.unit.clock_stories import BER, BER_TERMS, at, fact, local, only, status, steps_of, story, term, used

CHICAGO = ZoneInfo("America/Chicago")
CREATED = fact(8, "10:00", "created")
TO_SOLVE = (
    CREATED,
    status(8, "10:00", "new"),
    status(8, "10:20", "open"),
    status(8, "10:45", "pending"),
    status(9, "16:30", "open"),
    status(10, "09:20", "on_hold"),
    status(10, "14:00", "open"),
    status(10, "14:35", "solved"),
)
TO_SECOND_SOLVE = (*TO_SOLVE, status(11, "11:00", "open"), status(11, "11:50", "solved"))
STATUS_CLOCKS: tuple[ClockName, ...] = ("requester_wait", "agent_work", "total_resolution")


def waiting_for_a_reply(day: int, time: str, *more: Fact) -> Run:
    return only("first_reply", (fact(day, time, "customer"), *more))


def test_a_reply_exactly_at_its_due_instant_is_attained() -> None:
    run = waiting_for_a_reply(10, "10:00", fact(10, "10:15", "agent"))
    steps = steps_of(run, (term(15),), 0)
    assert story(run, term(15)) == [
        ("activated", "Wed 10:00", "Wed 10:15"),
        ("fulfilled attained", "Wed 10:15", "Wed 10:15"),
    ]
    assert steps[-1].elapsed == 900_000


def test_a_reply_a_second_after_its_due_instant_is_late_and_breached_at_the_due_instant() -> None:
    run = waiting_for_a_reply(10, "10:00", fact(10, "10:15:01", "agent"))
    assert story(run, term(15)) == [
        ("activated", "Wed 10:00", "Wed 10:15"),
        ("breached", "Wed 10:15", "Wed 10:15"),
        ("fulfilled late", "Wed 10:15:01", "Wed 10:15"),
    ]


def test_a_target_used_up_at_close_makes_a_reply_after_close_late() -> None:
    run = waiting_for_a_reply(8, "20:00", fact(9, "17:30", "agent"))
    assert story(run, term(480)) == [
        ("activated", "Mon 20:00", "Tue 17:00"),
        ("breached", "Tue 17:00", "Tue 17:00"),
        ("fulfilled late", "Tue 17:30", "Tue 17:00"),
    ]
    assert steps_of(run, (term(480),), 0)[-1].elapsed == 480 * MINUTE


def test_the_next_reply_counts_from_the_oldest_message_without_an_answer() -> None:
    facts = [fact(8, time, "customer") for time in ("09:00", "11:05", "11:40")]
    facts += [fact(8, time, "agent") for time in ("09:05", "12:10")]
    run = [run for run in runs_of(facts) if run.clock == "next_reply"][1]
    assert story(run, term(60)) == [
        ("activated", "Mon 11:05", "Mon 12:05"),
        ("breached", "Mon 12:05", "Mon 12:05"),
        ("fulfilled late", "Mon 12:10", "Mon 12:05"),
    ]
    assert used(run, BER) == 65


def test_the_first_reply_of_a_contact_that_an_agent_opened_is_the_second_message_of_an_agent() -> None:
    run = only("first_reply", [fact(8, "09:00", "agent"), fact(8, "10:30", "agent")])
    assert (local(run.start), used(run, BER)) == ("Mon 09:00", 90)


def test_business_minutes_to_the_first_solve() -> None:
    runs = {run.clock: run for run in runs_of(TO_SOLVE)}
    assert [used(runs[clock], BER) for clock in STATUS_CLOCKS] == [410, 130, 1235]


def test_business_and_calendar_minutes_to_the_second_solve_go_on_from_what_was_used() -> None:
    runs = {run.clock: run for run in runs_of(TO_SECOND_SOLVE)}
    assert [used(runs[clock], BER) for clock in STATUS_CLOCKS] == [460, 180, 1285]
    assert [used(runs[clock], None) for clock in STATUS_CLOCKS] == [1420, 1140, 3205]


def test_the_first_resolution_is_the_time_to_the_first_solve() -> None:
    run = only("total_resolution", TO_SECOND_SOLVE)
    first = steps_of(run, (term(10_000),), 0)[1]
    assert (first.transition, local(first.at), first.elapsed) == ("fulfilled", "Wed 14:35", 1235 * MINUTE)


def test_requester_wait_pauses_while_pending_and_not_while_on_hold() -> None:
    run = only("requester_wait", TO_SOLVE)
    assert story(run, term(240)) == [
        ("activated", "Mon 10:00", "Mon 14:00"),
        ("paused", "Mon 10:45", "Mon 14:00"),
        ("resumed", "Tue 16:30", "Wed 11:45"),
        ("breached", "Wed 11:45", "Wed 11:45"),
        ("fulfilled late", "Wed 14:35", "Wed 11:45"),
    ]
    assert [step.elapsed // MINUTE for step in steps_of(run, (term(240),), 0)] == [0, 45, 45, 240, 410]


def test_agent_work_pauses_while_pending_and_while_on_hold() -> None:
    assert story(only("agent_work", TO_SOLVE), term(120)) == [
        ("activated", "Mon 10:00", "Mon 12:00"),
        ("paused", "Mon 10:45", "Mon 12:00"),
        ("resumed", "Tue 16:30", "Wed 09:45"),
        ("paused", "Wed 09:20", "Wed 09:45"),
        ("resumed", "Wed 14:00", "Wed 14:25"),
        ("breached", "Wed 14:25", "Wed 14:25"),
        ("fulfilled late", "Wed 14:35", "Wed 14:25"),
    ]


def test_a_tightened_target_that_was_used_up_before_is_breached_in_the_past_and_known_by_the_change() -> None:
    run = only("total_resolution", [fact(8, "09:00", "created")])
    terms = (term(480), term(60, at(8, "11:00"), version=2, event="urgent"))
    assert story(run, *terms, judged=at(8, "11:00")) == [
        ("activated", "Mon 09:00", "Mon 17:00"),
        ("retargeted", "Mon 11:00", "Mon 10:00"),
        ("breached", "Mon 10:00", "Mon 10:00"),
    ]
    breach = steps_of(run, terms, at(8, "11:00"))[-1]
    assert (local(breach.known), breach.cause, breach.elapsed) == ("Mon 11:00", "policy_changed", 120 * MINUTE)
    assert breach.events[-1] == ("urgent", at(8, "11:00"), "changed")


def test_a_target_relaxed_before_the_breach_prevents_it() -> None:
    run = only("total_resolution", [fact(8, "09:00", "created")])
    relaxed = term(240, at(8, "09:30"), version=2)
    assert story(run, term(60), relaxed, judged=at(8, "12:59")) == [
        ("activated", "Mon 09:00", "Mon 10:00"),
        ("retargeted", "Mon 09:30", "Mon 13:00"),
    ]


def test_a_target_relaxed_after_the_breach_leaves_it_and_breaches_no_second_time() -> None:
    run = only("total_resolution", [fact(8, "09:00", "created"), status(8, "12:00", "solved")])
    assert story(run, term(60), term(240, at(8, "10:05"), version=2)) == [
        ("activated", "Mon 09:00", "Mon 10:00"),
        ("breached", "Mon 10:00", "Mon 10:00"),
        ("retargeted", "Mon 10:05", "Mon 13:00"),
        ("fulfilled late", "Mon 12:00", "Mon 13:00"),
    ]
    still_open = only("total_resolution", [fact(8, "09:00", "created")])
    assert len(story(still_open, term(60), term(240, at(8, "10:05"), version=2))) == 3


def test_from_calendar_to_business_hours_counts_on_from_the_start() -> None:
    run = only("total_resolution", [fact(8, "15:00", "created")])
    terms = (term(240, calendar=None), term(240, at(8, "16:00"), version=2))
    assert story(run, *terms) == [
        ("activated", "Mon 15:00", "Mon 19:00"),
        ("retargeted", "Mon 16:00", "Tue 11:00"),
        ("breached", "Tue 11:00", "Tue 11:00"),
    ]


@dataclass
class Move:
    """A contact whose calendar moves from Chicago to Tokyo while it waits for a reply."""

    run: Run
    terms: tuple[Term, Term]


def moved(mode: CalendarMode, *, replied: bool) -> Move:
    chicago = Calendar(CalendarTerms(id="desk", version=1, timezone="America/Chicago", hours="Mo-Fr 08:00-17:00"))
    tokyo = Calendar(CalendarTerms(id="desk", version=2, timezone="Asia/Tokyo", hours="Mo-Fr 09:00-18:00"))
    replies = [Fact(at(9, "21:30", CHICAGO), "reply", "agent")] if replied else []
    run = only("first_reply", [Fact(at(9, "13:00", CHICAGO), "message", "customer"), *replies])
    move = term(360, at(9, "16:00", CHICAGO), tokyo, mode=mode)
    return Move(run, (term(360, 0, chicago, mode=mode), move))


def test_a_schedule_that_moved_is_measured_as_the_mode_says() -> None:
    modes: tuple[CalendarMode, ...] = ("piecewise", "last_schedule", "first_schedule", "at_status_change")
    moves = [moved(mode, replied=True) for mode in modes]
    assert [steps_of(each.run, each.terms, 0)[-1].elapsed // MINUTE for each in moves] == [330, 150, 240, 240]


def test_a_schedule_that_moved_moves_the_due_instant() -> None:
    move = moved("piecewise", replied=False)
    assert story(move.run, *move.terms, zone=ZoneInfo("UTC")) == [
        ("activated", "Tue 18:00", "Wed 15:00"),
        ("retargeted", "Tue 21:00", "Wed 03:00"),
        ("breached", "Wed 03:00", "Wed 03:00"),
    ]
    assert steps_of(move.run, move.terms, at(9, "23:00"))[-1].cause == "calendar_changed"


def test_longer_hours_from_now_on_bring_the_due_instant_forward() -> None:
    longer = Calendar(CalendarTerms(id="BER", version=2, timezone="Europe/Berlin", hours="Mo-Fr 09:00-19:00"))
    run = only("total_resolution", [fact(9, "16:00", "created")])
    assert story(run, term(90), term(90, at(9, "16:30"), longer)) == [
        ("activated", "Tue 16:00", "Wed 09:30"),
        ("retargeted", "Tue 16:30", "Tue 17:30"),
        ("breached", "Tue 17:30", "Tue 17:30"),
    ]


def test_a_holiday_declared_today_counts_from_now_on() -> None:
    holiday = Calendar(
        CalendarTerms(id="BER", version=2, timezone="Europe/Berlin", hours=BER_TERMS.hours, closed=("2026-06-10",))
    )
    run = only("total_resolution", [fact(9, "15:00", "created")])
    assert story(run, term(240), term(240, at(10, "10:00"), holiday)) == [
        ("activated", "Tue 15:00", "Wed 11:00"),
        ("retargeted", "Wed 10:00", "Thu 10:00"),
        ("breached", "Thu 10:00", "Thu 10:00"),
    ]
    whole = (term(240, mode="last_schedule"), term(240, at(10, "10:00"), holiday, mode="last_schedule"))
    assert story(run, *whole)[-1] == ("breached", "Thu 11:00", "Thu 11:00")


def test_updates_are_measured_from_message_to_message_and_the_pausable_one_without_pending() -> None:
    facts = [
        fact(8, "09:30", "agent"),
        status(8, "11:00", "pending"),
        fact(8, "15:00", "agent"),
        status(8, "16:00", "open"),
        fact(9, "10:00", "agent"),
    ]
    runs = runs_of(facts)
    periodic = [used(run, BER) for run in runs if run.clock == "periodic_update" and run.ends]
    pausable = [used(run, BER) for run in runs if run.clock == "pausable_update" and run.ends]
    assert (periodic, pausable) == ([330, 180], [90, 120])
    second = [run for run in runs if run.clock == "pausable_update"][1]
    assert story(second, term(150)) == [
        ("activated", "Mon 15:00", "Tue 09:30"),
        ("paused", "Mon 15:00", "Tue 09:30"),
        ("resumed", "Mon 16:00", "Tue 10:30"),
        ("fulfilled attained", "Tue 10:00", "Tue 10:30"),
    ]
