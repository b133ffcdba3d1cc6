"""A task that restarts says what it would have said: every record, whole and in order, wherever it was cut."""

import random
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import AnyEvent
from schemas.instants import from_ms, to_ms
from schemas.policies import AnyPolicyRecord, CalendarRecord, CalendarTerms, Policies, PolicyRecord, SlaPolicy, Target
from tests.unit.contact_bench import START, Floor, answered, ended, offered
from tests.unit.test_contact_clock_order import LATER, POLICIES, USUAL, any_case, drop_zeros

LAST = 500
SOON = SlaPolicy(
    id="usual",
    version=3,
    effective_from=from_ms(START) + timedelta(seconds=150),
    targets={
        "total_resolution": Target(target=80, at_risk=(0.25, 0.5), calendar="hours"),
        "next_reply": Target(target=5),
    },
    calendar_mode="at_status_change",
)
RECORDS: list[AnyPolicyRecord] = [
    PolicyRecord(id="usual", versions=(USUAL, LATER, SOON)),
    PolicyRecord(id="calls", versions=(SlaPolicy(id="calls", rank=-2, targets={"answer_within": Target(target=9)}),)),
    PolicyRecord(id="urgent", versions=(SlaPolicy(id="urgent", version=2, retired=True),)),
    PolicyRecord(
        id="lost", versions=(SlaPolicy(id="lost", rank=-3, targets={"agent_work": Target(target=9, calendar="gone")}),)
    ),
    CalendarRecord(id="hours", versions=(CalendarTerms(id="hours", version=2, hours="Mo-Su 00:00-23:42"),)),
    CalendarRecord(id="gone", versions=(CalendarTerms(id="gone", hours="Mo-Su 23:00-24:00"),)),
]

Item = tuple[str, Any]


@st.composite
def any_day(draw: st.DrawFn) -> list[Item]:
    """What comes to a task: events of two contacts, some of them late, policies, ticks and flushes."""
    chance = draw(st.randoms(use_true_random=False))
    second: list[AnyEvent] = [
        msgspec.structs.replace(event, id=f"second/{event.id}", contact="c2") for event in draw(any_case())
    ]
    timed: list[tuple[float, str, Any]] = []
    for event in [*draw(any_case()), *second]:
        happened = (to_ms(event.time) - START) / 1000
        timed.append((happened + chance.choice((-3, 0, 0, 1, 90)), "event", event))
    timed.extend((chance.uniform(0, 220), "promise", each) for each in chance.sample(RECORDS, chance.randint(0, 4)))
    timed.extend((chance.uniform(0, 300), "flush", None) for _ in range(chance.randint(1, 8)))
    timed.extend((chance.uniform(0, 300), "tick", None) for _ in range(chance.randint(1, 12)))
    day: list[Item] = []
    for moment, what, item in sorted(timed, key=lambda each: each[0]):
        if what != "event" or chance.random() < 0.7:
            day.append(("tick", moment))
        day.append((what, moment if what == "tick" else item))
    return [*day, ("flush", None), ("tick", LAST), ("flush", None)]


def lived(floor: Floor, day: list[Item], chance: random.Random | None) -> Floor:
    """A task that went through a day; with `chance`, it restarted after some of the flushes."""
    for what, item in day:
        if what == "tick":
            floor.clock(max(item, 0))
        elif what == "event":
            floor.hear(item)
        elif what == "promise":
            floor.promise(item)
        else:
            floor.flush()
            if chance is not None and chance.random() < 0.7:
                floor.crash()
    return floor


@settings(max_examples=60)
@given(any_day(), st.sampled_from((0, 4_000)), st.randoms(use_true_random=False))
def test_a_task_that_restarts_sends_the_records_of_one_that_does_not(
    day: list[Item], grace: int, chance: random.Random
) -> None:
    plain, restarted = (lived(Floor(policies=POLICIES, grace=grace), day, each) for each in (None, chance))
    assert restarted.said == plain.said
    assert restarted.customers == plain.customers
    assert restarted.failed == plain.failed == []
    assert drop_zeros(restarted.clocks) == drop_zeros(plain.clocks)
    assert drop_zeros(restarted.facts) == drop_zeros(plain.facts)
    assert len({one.id for one in plain.said}) == len(plain.said)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_version_that_begins_before_the_end_of_a_measured_wait_and_after_its_event_is_taken_at_once(
    is_restarted: bool,
) -> None:
    before = SlaPolicy(id="calls", targets={"answer_within": Target(target=20)})
    begins = from_ms(START) + timedelta(seconds=8)
    after = SlaPolicy(id="calls", version=2, effective_from=begins, targets={"answer_within": Target(target=30)})
    floor = Floor(policies=Policies(sla=(before, after)))
    floor.hear(offered(0))
    floor.hear(answered(5, id="answer", waited=12.0))
    assert floor.story() == [("retargeted", 8, 8), ("fulfilled", 12, 12)]
    floor.clock(20)
    floor.hear(ended(25))
    floor.flush()
    if is_restarted:
        floor.crash()
    floor.hear(answered(5, id="answer", waited=13.0, revision=1))
    assert floor.story()[2:] == [("corrected", 12, 20), ("fulfilled", 13, 20)]
    floor.flush()
    assert {(key[0], key[5]): n for key, n in floor.clocks.items() if n} == {("calls", "attained"): 1}
