"""The truth of clocks, by hand. Urgent: 2 s to the first reply, 4 s of the customer's waiting; normal: 4 s and 6 s."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.chaos.clock_truth import Stated, stated_of
from tests.chaos.floor import Telling
from tests.chaos.promise_truth import promises_of
from tests.chaos.story import Event, Story
from tests.chaos.tickets import TICKETS, Step, perform


def created(at: int = 0, priority: str = "urgent") -> Event:
    return Event("made", "contact.created", at, at, 0, {"priority": priority, "tags": ["ticket"]})


def said(author: str, at: int, *, public: bool = True) -> Event:
    return Event(f"{author} {at}", "message.posted", at, at, 0, {"author": author, "public": public})


def status(at: int, name: str) -> Event:
    return Event(f"{name} {at}", "contact.status_changed", at, at, 0, {"status": name})


def ranked(at: int, priority: str) -> Event:
    return Event(f"{priority} {at}", "contact.updated", at, at, 0, {"priority": priority})


def course(clock: str, *events: Event) -> list[tuple[Any, ...]]:
    """What is stated of the instances of a clock: transition, instant, detail, due."""
    return [each[:4] for (name, _), stated in stated_of(events).items() if name == clock for each in stated]


ASKED = said("customer", 100)


def test_a_first_reply_at_the_due_instant_is_attained_and_one_a_millisecond_later_is_late() -> None:
    start = [("activated", 100, None, 2_100), ("at_risk", 1_700, None, 2_100)]
    kept = course("first_reply", created(), ASKED, said("agent", 2_100))
    assert kept == [*start, ("fulfilled", 2_100, "attained", 2_100)]
    late = course("first_reply", created(), ASKED, said("agent", 2_101))
    assert late == [*start, ("breached", 2_100, None, 2_100), ("fulfilled", 2_101, "late", 2_100)]


def test_notes_and_machines_answer_nobody() -> None:
    events = (created(), ASKED, said("agent", 500, public=False), said("bot", 600), said("agent", 900))
    assert course("first_reply", *events)[-1] == ("fulfilled", 900, "attained", 2_100)


def test_without_a_reply_the_clock_is_given_up_with_the_solve_before_it_is_due_and_lapses_after() -> None:
    assert course("first_reply", created(), ASKED, status(2_100, "solved"))[-1][:3] == (
        "cancelled",
        2_100,
        "solved_without_reply",
    )
    assert [each[:3] for each in course("first_reply", created(), ASKED, status(2_101, "solved"))[-2:]] == [
        ("breached", 2_100, None),
        ("lapsed", 2_101, "solved_without_reply"),
    ]


def test_the_next_reply_is_waited_for_from_the_oldest_question_once_the_first_reply_came() -> None:
    events = (created(), ASKED, said("agent", 1_000), said("customer", 1_200), said("customer", 1_500))
    found = stated_of((*events, said("agent", 3_800)))
    assert [key for key in found if key[0] == "next_reply"] == [("next_reply", "customer 1200")]
    assert [each[:4] for each in found["next_reply", "customer 1200"]] == [
        ("activated", 1_200, None, 3_700),
        ("at_risk", 3_200, None, 3_700),
        ("breached", 3_700, None, 3_700),
        ("fulfilled", 3_800, "late", 3_700),
    ]


def test_what_waits_for_the_customer_pauses_and_is_due_later_and_a_pause_at_the_due_instant_is_no_breach() -> None:
    pending, opened = status(1_000, "pending"), status(6_000, "open")
    assert course("requester_wait", created(), pending, opened, status(8_500, "solved")) == [
        ("activated", 0, None, 4_000),
        ("paused", 1_000, None, 4_000),
        ("resumed", 6_000, None, 9_000),
        ("at_risk", 8_200, None, 9_000),
        ("fulfilled", 8_500, "attained", 9_000),
    ]
    at_due = course("requester_wait", created(), status(4_000, "pending"), status(5_000, "solved"))
    assert [each[0] for each in at_due] == ["activated", "at_risk", "paused", "fulfilled"]
    used_up = course("requester_wait", created(), status(4_000, "pending"), opened, status(6_500, "solved"))
    assert ("breached", 6_000, None, 6_000) in used_up


def test_on_hold_pauses_the_work_of_agents_and_not_the_customers_wait() -> None:
    events = (created(), status(1_000, "on_hold"), status(2_000, "solved"))
    assert "paused" not in [each[0] for each in course("requester_wait", *events)]
    assert ("paused", 1_000, None, 3_000) in course("agent_work", *events)


def test_reopened_it_goes_on_with_what_was_used_and_a_breach_stays_one() -> None:
    events = (created(), status(1_000, "solved"), status(5_000, "open"), status(9_000, "solved"))
    assert course("requester_wait", *events) == [
        ("activated", 0, None, 4_000),
        ("fulfilled", 1_000, "attained", 4_000),
        ("resumed", 5_000, None, 8_000),
        ("at_risk", 7_200, None, 8_000),
        ("breached", 8_000, None, 8_000),
        ("fulfilled", 9_000, "late", 8_000),
    ]
    again = course("requester_wait", *events, status(10_000, "open"), status(10_100, "solved"))
    assert again[-2:] == [("resumed", 10_000, None, 8_000), ("fulfilled", 10_100, "late", 8_000)]


def test_another_priority_is_another_promise_from_the_clocks_own_start_on() -> None:
    events = (created(priority="normal"), ASKED, ranked(3_000, "urgent"), said("agent", 3_500))
    assert course("first_reply", *events) == [
        ("activated", 100, None, 4_100),
        ("retargeted", 3_000, None, 2_100),
        ("breached", 2_100, None, 2_100),
        ("fulfilled", 3_500, "late", 2_100),
    ]


def test_a_priority_without_a_policy_ends_the_promise_and_one_with_a_policy_makes_one() -> None:
    events = (created(), ASKED, ranked(500, "low"), ranked(1_500, "normal"), said("agent", 2_000))
    assert stated_of(events)["first_reply", "customer 100"] == [
        ("activated", 100, None, 2_100, "urgent"),
        ("cancelled", 500, "no_policy", 2_100, "urgent"),
        ("activated", 1_500, None, 4_100, "normal"),
        ("fulfilled", 2_000, "attained", 4_100, "normal"),
    ]


def test_updates_run_from_one_reply_to_the_next_and_only_one_of_them_pauses() -> None:
    events = (created(priority="normal"), ASKED, said("agent", 1_000), status(1_500, "pending"))
    over = status(5_000, "solved")
    assert course("periodic_update", *events, over) == [
        ("activated", 1_000, None, 4_000),
        ("at_risk", 3_400, None, 4_000),
        ("breached", 4_000, None, 4_000),
        ("lapsed", 5_000, "solved", 4_000),
    ]
    assert course("pausable_update", *events, over) == [
        ("activated", 1_000, None, 3_500),
        ("paused", 1_500, None, 3_500),
        ("cancelled", 5_000, "solved", 3_500),
    ]


def test_nothing_is_promised_to_who_bears_no_tag() -> None:
    bare = Event("made", "contact.created", 0, 0, 0, {"priority": "urgent", "tags": []})
    assert stated_of((bare, ASKED, ranked(200, "normal"))) == {}


def known_of(*steps: Step) -> dict[tuple[str, str], list[int | None]]:
    """By clock and instance, when it was known to be broken, after record and record."""
    told = Story(Random(1), "one", "email", "mailto:a@floor.example", "Tom", 60_000)
    perform(told, steps)
    tellings = [Telling(each.told, "email", told.contact, told, each) for each in told.events]
    events = [(index, each.event) for index, each in enumerate(tellings) if each.event is not None]
    return {
        (each["clock"], each["instance"]): [reading["breach"] for reading in each["known"]]
        for each in promises_of(told, [], events, 0)
    }


def test_what_was_known_of_a_clock_follows_what_was_told() -> None:
    made = Step(0, "contact.created", {"priority": "urgent", "tags": ["ticket"]})
    ask = Step(100, "message.posted", {"author": "customer", "public": True})
    reply = Step(1_500, "message.posted", {"author": "agent", "public": True}, told=4_000)
    older = Step(50, "message.posted", {"author": "customer", "public": True}, told=3_000)
    first = [known for (clock, _), known in known_of(made, ask, reply).items() if clock == "first_reply"]
    assert first == [[2_100, None]]
    both = [known for (clock, _), known in known_of(made, ask, older, reply).items() if clock == "first_reply"]
    assert both == [[2_100, None], [2_050, None]]


@pytest.mark.parametrize("plot", [plot for plot, _ in TICKETS])
def test_no_two_events_of_a_ticket_bear_one_instant_and_it_ends_solved(plot: Any) -> None:
    for seed in range(20):
        told = Story(Random(seed), str(seed), "email", "mailto:a@floor.example", "Tom", 60_000)
        plot(told)
        instants = [(each.id, each.at) for each in told.events]
        assert len({at for _, at in instants}) == len(set(instants))
        last = max(told.final().values(), key=lambda each: each.at)
        assert last.fields.get("status") == "solved"


def test_a_statement_is_as_the_judge_reads_it() -> None:
    stated: list[Stated] = stated_of((created(), status(100, "solved")))["agent_work", "made"]
    assert stated == [("activated", 0, None, 3_000, "urgent"), ("fulfilled", 100, "attained", 3_000, "urgent")]
