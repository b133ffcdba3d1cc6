"""Clocks of contacts: any order of arrival, restarts anywhere, and many that lie open."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.contacts import processor
from agents.contacts.change import contact_change
from agents.contacts.stored import read_contact, write_contact
from schemas.alerts import SlaTransition
from schemas.events import (
    AnyEvent,
    ContactMerged,
    ContactStatusChanged,
    ContactUpdated,
    IdentityLinked,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import customer_ids
from schemas.instants import from_ms
from schemas.policies import CalendarTerms, Filter, Policies, PolicyRecord, QueuePolicy, SlaPolicy, Target
from schemas.policy_book import PolicyBook
from tests.unit.contact_bench import NAMESPACE, START, Floor, answered, created, ended, left, offered, other

CALENDAR = CalendarTerms(id="hours", hours="Mo-Su 00:00-23:40, Mo-Su 23:45-24:00")
TARGETS = {
    "first_reply": Target(target=40, at_risk=(0.5, 0.8)),
    "next_reply": Target(target=30),
    "periodic_update": Target(target=60),
    "pausable_update": Target(target=50),
    "requester_wait": Target(target=70, calendar="hours"),
    "agent_work": Target(target=55),
    "total_resolution": Target(target=110),
}
USUAL = SlaPolicy(id="usual", targets=TARGETS)  # type: ignore[arg-type]
URGENT = SlaPolicy(
    id="urgent",
    rank=-1,
    applies=Filter(priorities=("urgent",)),
    targets={"requester_wait": Target(target=20), "answer_within": Target(target=5)},
)
LATER = SlaPolicy(
    id="usual",
    version=2,
    effective_from=from_ms(START) + timedelta(seconds=90),
    targets={"requester_wait": Target(target=45), "next_reply": Target(target=90)},
)
POLICIES = Policies(default=QueuePolicy(max_wait_ms=90_000), sla=(USUAL, URGENT, LATER), calendars=(CALENDAR,))
LAST = 500
IDS = customer_ids(NAMESPACE)


def message(second: float, author: str, **more: Any) -> AnyEvent:
    return other(MessagePosted, second, author=author, **more)


@st.composite
def any_case(draw: st.DrawFn) -> list[AnyEvent]:
    """Events of one mail or chat in any order of time, sensible or not, many on one instant."""
    made = []
    for number in range(draw(st.integers(1, 10))):
        second, name = draw(st.integers(0, 200)), {"id": f"e{number}", "channel": "email"}
        made.append(
            draw(
                st.sampled_from(
                    [
                        created(second, priority="urgent", **name),
                        offered(second, "mail", **name),
                        answered(second, "mail", **name),
                        left(second, "withdrawn", "mail", **name),
                        message(second, "customer", **name),
                        message(second, "customer", **name),
                        message(second, "agent", agent="mia", **name),
                        message(second, "agent", agent="mia", **name),
                        message(second, "bot", **name),
                        other(ContactStatusChanged, second, status="pending", **name),
                        other(ContactStatusChanged, second, status="open", **name),
                        other(ContactStatusChanged, second, status="solved", **name),
                        other(ContactUpdated, second, priority="urgent", **name),
                        other(ContactUpdated, second, priority="low", segment="vip", tags=("a",), **name),
                        other(SurveyAnswered, second, kind="csat", score=4.0, scale=5, **name),
                        ended(second, **name),
                        other(ContactMerged, second, into="c2", **name),
                    ]
                )
            )
        )
    return made


def holding(said: list[SlaTransition]) -> set[tuple[object, ...]]:
    """What was said and not taken back."""
    gone = {one.corrects for one in said if one.transition == "corrected"}
    return {
        (one.clock, one.instance, one.transition, one.due_at, one.occurred_at, one.outcome, one.reason, one.policy)
        for one in said
        if one.transition != "corrected" and one.id not in gone
    }


@settings(max_examples=40)
@given(any_case(), st.randoms(use_true_random=False))
def test_what_is_said_and_counted_of_clocks_does_not_depend_on_arrival_batches_ticks_or_restarts(
    happened: list[AnyEvent], chance: random.Random
) -> None:
    in_order = Floor(policies=POLICIES)
    for event in sorted(happened, key=lambda event: event.time):
        in_order.hear(event)
    in_order.clock(LAST)
    in_order.flush()

    shuffled = Floor(policies=POLICIES)
    told = happened + chance.choices(happened, k=3)
    chance.shuffle(told)
    tick = 0
    while told:
        size = chance.randint(1, 3)
        batch, told = told[:size], told[size:]
        shuffled.hear(*batch)
        contact = shuffled.contacts.contact("c1")
        assert contact is not None
        book = PolicyBook.of(POLICIES)
        assert read_contact("c1", write_contact(contact, book), IDS, book) == contact
        if chance.random() < 0.5:
            tick += chance.randint(0, 120)
            shuffled.clock(min(tick, LAST))
        if chance.random() < 0.3:
            shuffled.flush()
            shuffled.crash()
    shuffled.clock(LAST)
    shuffled.flush()

    assert holding(shuffled.said) == holding(in_order.said)
    assert drop_zeros(shuffled.clocks) == drop_zeros(in_order.clocks)
    assert drop_zeros(shuffled.facts) == drop_zeros(in_order.facts)
    for floor in (shuffled, in_order):
        assert len({one.id for one in floor.said}) == len(floor.said)
    # Which telling is the first hangs on when the customer is told.
    assert replace(shuffled.customers[-1], first=True) == replace(in_order.customers[-1], first=True)


def drop_zeros(counted: Counter[Any]) -> dict[Any, int]:
    return {key: n for key, n in counted.items() if n}


@settings(max_examples=25)
@given(any_case(), st.lists(st.integers(0, 200), max_size=8), st.integers(0, 200))
def test_a_policy_heard_of_at_one_place_says_the_same_with_and_without_restarts(
    happened: list[AnyEvent], ticks: list[int], moment: int
) -> None:
    version = SlaPolicy(id="usual", version=3, targets={"requester_wait": Target(target=15)})
    record = PolicyRecord(id="usual", versions=(USUAL, LATER, version))

    def run(restarts: bool) -> Floor:
        floor = Floor(policies=POLICIES)
        timeline: list[tuple[float, AnyEvent | None]] = [
            ((event.time - from_ms(START)).total_seconds(), event) for event in happened
        ]
        timeline += [(float(tick), None) for tick in ticks]
        heard = False
        for second, event in sorted(timeline, key=lambda each: (each[0], each[1] is not None)):
            if second >= moment and not heard:
                floor.clock(moment)
                floor.promise(record)
                heard = True
            floor.clock(second)
            if event is not None:
                floor.hear(event)
            floor.flush()
            if restarts:
                floor.crash()
        floor.clock(LAST)
        floor.flush()
        return floor

    plain, restarted = run(False), run(True)
    assert {(one.id, one.due_at) for one in restarted.said} == {(one.id, one.due_at) for one in plain.said}
    assert drop_zeros(restarted.clocks) == drop_zeros(plain.clocks)


def test_open_clocks_cost_nothing_between_deadlines_however_many_there_are() -> None:
    floor = Floor(policies=Policies(sla=(SlaPolicy(id="p", targets={"requester_wait": Target(target=5_000)}),)))
    many = 1_000
    for number in range(many):
        floor.hear(created(number / 1_000, contact=f"c{number}", channel="email"))
    floor.flush()
    floor.crash()
    with mock.patch.object(processor, "contact_change", side_effect=contact_change) as judged:
        for second in range(2, 4_000):
            floor.clock(second)
        assert judged.call_count == 0
        floor.clock(4_000.009)
        assert judged.call_count == 10
        floor.clock(6_000)
        assert judged.call_count == many + 10
    assert [one.transition for one in floor.transitions].count("breached") == many


def test_whoever_is_said_to_be_one_customer_is_told_to_the_registry_once() -> None:
    floor = Floor()
    both = ("mailto:ana@shop.example", "tel:+4930123")
    floor.hear(created(0, identifiers=both), offered(1, identifiers=both))
    floor.flush()
    floor.crash()
    floor.hear(answered(5, identifiers=both))
    floor.hear(answered(5, identifiers=both))
    floor.hear(ended(9, identifiers=both[:1], case="4711"))
    floor.hear(other(IdentityLinked, 12, identifiers=(both[0], "crm:42"), by="crm"))
    floor.hear(created(0, contact="c2", identifiers=both[:1]))
    assert [(said.kind, said.authority, len(said.nodes)) for said in floor.links] == [
        ("linked", "provider", 2),
        ("linked", "provider", 2),
        ("linked", "crm", 2),
    ]
    assert {node.kind for node in floor.links[1].nodes} == {"mailto", "case"}


def test_answers_of_surveys_are_counted_in_the_minute_of_the_answer() -> None:
    floor = Floor()
    floor.hear(created(0), other(SurveyAnswered, 130, kind="csat", score=4.5, scale=5, queue="sales", id="s"))
    floor.flush()
    key = ("phone", "sales", START // 60_000 + 2, "survey:csat:5", 450)
    assert floor.facts[key] == 1
    floor.hear(other(SurveyAnswered, 130, kind="csat", score=2.0, scale=5, queue="sales", id="s", revision=1))
    floor.flush()
    assert floor.facts[key] == 0
    assert floor.facts[*key[:4], 200] == 1
