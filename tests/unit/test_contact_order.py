"""Order, duplicates and corrections: what a contact comes to depends on what happened, not on how it was told."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.alerts import SlaTransition
from schemas.events import AnyEvent, ContactHoldEnded, ContactHoldStarted, ContactWrapupEnded, ContactWrapupStarted
from schemas.policies import Policies, QueuePolicy
from tests.unit.contact_bench import (
    Floor,
    answered,
    created,
    ended,
    left,
    left_ivr,
    names,
    offered,
    other,
    second,
    standing,
    transferred,
)

POLICIES = Policies(default=QueuePolicy(max_wait_ms=90_000))
QUEUES = st.sampled_from(["sales", "service"])
SECONDS = st.integers(0, 200)
LAST = 500


@st.composite
def any_events(draw: st.DrawFn) -> list[AnyEvent]:
    """Events of one contact in any order of time, sensible or not, many on one instant."""
    made = []
    for number in range(draw(st.integers(1, 9))):
        moment, queue, name = draw(SECONDS), draw(QUEUES), f"e{number}"
        made.append(
            draw(
                st.sampled_from(
                    [
                        created(moment, id=name, identifiers=(f"tel:+49{number}",)),
                        created(moment, id=name, direction="outbound"),
                        offered(moment, queue, id=name),
                        offered(moment, queue, id=name),
                        answered(moment, queue, id=name),
                        answered(moment, queue, id=name, agent="tom"),
                        answered(moment, None, id=name, waited=12.0, agent=None),
                        left(moment, "abandoned", queue, id=name),
                        left(moment, "timeout", queue, id=name),
                        transferred(moment, queue=queue, id=name),
                        left_ivr(moment, id=name),
                        ended(moment, id=name, by="customer"),
                        ended(moment, id=name, queue=queue, handled=33.0),
                        other(ContactHoldStarted, moment, id=name),
                        other(ContactHoldEnded, moment, id=name),
                        other(ContactWrapupStarted, moment, id=name),
                        other(ContactWrapupEnded, moment, id=name),
                    ]
                )
            )
        )
    return made


def said_once(transitions: list[SlaTransition]) -> bool:
    return len({t.id for t in transitions}) == len(transitions)


@settings(max_examples=250)
@given(any_events(), st.randoms(use_true_random=False))
def test_facts_and_promises_do_not_depend_on_arrival_batches_or_ticks(
    happened: list[AnyEvent], chance: random.Random
) -> None:
    in_order = Floor(policies=POLICIES)
    for event in sorted(happened, key=lambda event: event.time):
        in_order.hear(event)
    in_order.clock(LAST)

    shuffled = Floor(policies=POLICIES)
    told = happened + chance.choices(happened, k=3)
    chance.shuffle(told)
    tick = 0
    while told:
        size = chance.randint(1, 3)
        batch, told = told[:size], told[size:]
        shuffled.hear(*batch)
        if chance.random() < 0.5:
            tick += chance.randint(0, 120)
            shuffled.clock(min(tick, LAST))
        if chance.random() < 0.3:
            shuffled.flush()
        if chance.random() < 0.2:
            shuffled.flush()
            shuffled.crash()
            shuffled.clock(min(tick, LAST))
    shuffled.clock(LAST)

    assert shuffled.measured() == in_order.measured()
    assert +shuffled.busy == +in_order.busy
    assert +shuffled.calls == +in_order.calls
    assert shuffled.standing() == in_order.standing()
    assert said_once(shuffled.transitions)
    assert said_once(in_order.transitions)
    # Which telling is the first hangs on when the customer is told.
    assert replace(shuffled.customers[-1], first=True) == replace(in_order.customers[-1], first=True)
    one, another = shuffled.contacts.contact("c1"), in_order.contacts.contact("c1")
    assert one is not None
    assert another is not None
    assert (one.entries, one.anomalies) == (another.entries, another.anomalies)


@settings(max_examples=150)
@given(any_events(), st.lists(SECONDS, max_size=12))
def test_live_with_ticks_and_all_at_once_afterwards_say_the_same_with_the_same_ids(
    happened: list[AnyEvent], ticks: list[int]
) -> None:
    # A measured wait may end before its event is told, and then a live breach has to be taken back.
    timeline = sorted((event for event in happened if getattr(event, "waited", None) is None), key=_stands)
    if not timeline:
        return
    live = Floor(policies=POLICIES)
    for event in timeline:
        for tick in sorted(ticks):
            if tick < second(event.time):
                live.clock(tick)
        live.hear(event)
    live.clock(LAST)
    afterwards = Floor(policies=POLICIES)
    afterwards.clock(LAST)
    afterwards.hear(*timeline)

    untouched = all(t.transition != "corrected" for t in live.transitions)
    assert standing(live.transitions) == standing(afterwards.transitions)
    assert live.measured() == afterwards.measured()
    if untouched:
        assert names(live.transitions) == names(afterwards.transitions)


def _stands(event: AnyEvent) -> tuple[object, ...]:
    contact = Floor()
    contact.hear(event)
    known = contact.contacts.contact("c1")
    assert known is not None
    entry = known.entries[0]
    return (entry.time, entry.kind, entry.id)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_the_highest_revision_wins_whenever_it_comes(revisions: list[tuple[int, int]], chance: random.Random) -> None:
    by_revision = dict(revisions)
    told = [answered(moment, id="answer", revision=revision) for revision, moment in by_revision.items()]
    told.append(offered(0))
    truth = Floor()
    truth.hear(offered(0), answered(by_revision[max(by_revision)], id="answer", revision=9))
    chance.shuffle(told)
    floor = Floor()
    for event in told:
        floor.hear(event)
    assert floor.measured() == truth.measured()
    assert floor.standing() == truth.standing()


def test_a_correction_is_accepted_and_the_same_revision_again_is_a_duplicate() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(9, id="answer"))
    floor.hear(answered(9, id="answer"))
    floor.hear(answered(12, id="answer", revision=1))
    floor.hear(answered(9, id="answer"))
    assert floor.measured() == {("offered", 0): 1, ("answered", 12_000): 1}
    assert floor.outcomes == {"accepted": 2, "duplicate": 2}


def test_a_correction_into_another_type_takes_the_offer_back_with_all_that_was_said_of_it() -> None:
    floor = Floor()
    floor.hear(offered(0, id="e"))
    floor.clock(30)
    floor.hear(created(0, id="e", revision=1))
    assert floor.measured() == {}
    assert floor.standing() == set()
    assert [t.transition for t in floor.said] == ["activated", "at_risk", "breached", *["corrected"] * 3]


def test_a_correction_into_another_queue_moves_the_facts() -> None:
    floor = Floor()
    floor.hear(offered(0, "sales", id="e"))
    floor.flush()
    floor.hear(offered(0, "service", id="e", revision=1))
    floor.flush()
    assert {(queue, measure): n for (_, queue, _, measure, _), n in floor.facts.items() if n} == {
        ("service", "offered"): 1,
        ("service", "waiting"): 1,
    }


def test_an_envelope_with_one_new_event_among_known_ones_is_accepted() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(offered(0), answered(4))
    floor.flush()
    assert floor.outcomes == {"accepted": 2}


def test_the_same_day_told_twice_changes_nothing_and_is_counted_as_duplicates() -> None:
    floor = Floor()
    for _ in range(2):
        floor.hear(offered(0), answered(30), ended(60))
        floor.hear(offered(5, contact="c2"), left(9, contact="c2"))
    assert floor.measured()["offered", 0] == 2
    assert floor.outcomes == {"accepted": 2, "duplicate": 2}
    assert sum(t.transition == "breached" for t in floor.transitions) == 1
