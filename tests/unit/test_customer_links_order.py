"""Links, unlinks, blocks and events in any order, over tasks that restart, end in the same profiles."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.customers import CustomerContact
from schemas.identities import Statement
from schemas.instants import DAY, HOUR
from tests.unit.customer_floor import NOON, contact
from tests.unit.customer_town import PEOPLE, Town, statement

AFTER = st.sampled_from([HOUR, 2 * DAY, 75 * DAY, 95 * DAY])
"""How long after the last word the profiles are looked at: members are forgotten one by one, between 70 and 90 days."""


@st.composite
def _events(draw: st.DrawFn) -> list[list[CustomerContact]]:
    """Contacts, each as the records of it in their order."""
    contacts = []
    for number in range(draw(st.integers(1, 6))):
        customer = draw(st.sampled_from(PEOPLE))
        start = NOON - draw(st.integers(0, 20 * DAY))
        records = [contact(f"c{number}", start, customer=customer, open=True, outcome="open", queue="sales")]
        if draw(st.booleans()):
            records.append(contact(f"c{number}", start, customer=customer, queue="sales", handled=60_000))
        if draw(st.integers(0, 4)) == 0:
            records.append(contact(f"c{number}", start, customer=customer, gone=True))
        contacts.append(records)
    return contacts


@st.composite
def _statements(draw: st.DrawFn) -> list[Statement]:
    said = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["linked", "linked", "linked", "unlinked", "blocked", "unblocked"]))
        count = 2 if kind == "linked" else draw(st.integers(1, 2))
        customers = draw(st.permutations(PEOPLE))[: 1 if kind in ("blocked", "unblocked") else count]
        said.append(statement(number, kind, *customers, authority=draw(st.sampled_from(["person", "provider"]))))
    return said


def _run(random: Random, town: Town, events: list[list[CustomerContact]], said: list[Statement]) -> None:
    """Say everything and have tasks take, flush and restart, in some order."""
    queues = [list(records) for records in events]
    statements = random.sample(said, len(said))
    while any(queues) or statements:
        choice = random.randrange(6)
        if choice < 2 and any(queues):
            town.said(random.choice([queue for queue in queues if queue]).pop(0))
        elif choice == 2 and statements:
            town.stated(statements.pop())
        else:
            bench = random.choice(town.benches)
            for topic in bench.inputs:
                for _ in range(random.randrange(3)):
                    bench.take(topic)
            town.flush(bench)
            if choice == 5:
                bench.restart()


def _in_order(events: list[list[CustomerContact]], said: list[Statement]) -> Town:
    town = Town()
    for each in said:
        town.stated(each)
    for records in events:
        for record in records:
            town.said(record)
    return town


@settings(max_examples=60)
@given(events=_events(), said=_statements(), seed=st.integers(0, 10**6), after=AFTER)
def test_any_order_of_links_unlinks_blocks_and_events_ends_in_the_same_profiles(
    events: list[list[CustomerContact]], said: list[Statement], seed: int, after: int
) -> None:
    town = Town()
    _run(Random(seed), town, events, said)
    assert town.settle(NOON + after) == _in_order(events, said).settle(NOON + after)
    begun = [each.contact for each in town.contexts]
    assert len(begun) == len(set(begun))


@settings(max_examples=40)
@given(events=_events(), said=_statements(), seed=st.integers(0, 10**6), after=AFTER)
def test_unlinking_all_gives_back_exactly_the_profiles_that_would_have_been(
    events: list[list[CustomerContact]], said: list[Statement], seed: int, after: int
) -> None:
    linked = [each for each in said if each.kind == "linked"]
    apart = [
        statement(200 + number, "unlinked", *pair)
        for number, pair in enumerate((a, b) for a in PEOPLE for b in PEOPLE if a < b)
    ]
    town = Town()
    _run(Random(seed), town, events, linked)
    if seed % 2:
        town.settle(town.clock)
    for each in apart:
        town.stated(each)
    assert town.settle(NOON + after) == _in_order(events, []).settle(NOON + after)
