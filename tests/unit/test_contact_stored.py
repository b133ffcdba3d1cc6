"""The stored form of a contact: its log and little more, from which all that is known of it is worked out again."""

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.contacts.entry import CREATED, Entry
from agents.contacts.log import line_of, read_log, write_log
from agents.contacts.stored import glance, read_contact, write_contact
from schemas.events import AnyEvent, ContactWrapupEnded, ContactWrapupStarted
from schemas.ids import contact_id, customer_ids, event_id
from schemas.policies import AnswerWithin, Policies, QueuePolicy
from schemas.policy_book import PolicyBook, Properties
from tests.unit.contact_bench import NAMESPACE, Floor, answered, at, created, ended, left, offered, other, second
from tests.unit.test_contact_order import LAST, POLICIES, any_events

HOURS = 3_600
IDS = customer_ids(NAMESPACE)
BOOK = PolicyBook.of(POLICIES)

NAMES = st.none() | st.sampled_from(["sales", "mia"]) | st.text(max_size=3)
DURATIONS = st.none() | st.integers(0, 10**9)
ENTRIES = st.builds(
    Entry,
    st.integers(0, 2**50),
    st.integers(0, 12),
    st.text(max_size=5),
    st.integers(0, 2**50),
    NAMES,
    NAMES,
    st.lists(st.text(max_size=3), max_size=2).map(tuple),
    NAMES,
    DURATIONS,
    DURATIONS,
    DURATIONS,
    DURATIONS,
)


@given(st.lists(ENTRIES, max_size=6))
def test_a_log_is_read_as_it_was_written(entries: list[Entry]) -> None:
    entries.sort(key=lambda entry: (entry.time, entry.kind, entry.id))
    assert read_log(write_log(entries), len(entries)) == entries


@given(st.lists(ENTRIES, min_size=1, max_size=6))
def test_a_log_grows_by_its_lines(entries: list[Entry]) -> None:
    entries.sort(key=lambda entry: (entry.time, entry.kind, entry.id))
    *before, last = entries
    assert write_log(before) + line_of(last, before[-1] if before else None) == write_log(entries)


def test_a_line_leaves_out_what_is_as_in_the_line_before() -> None:
    first = Entry(933_454_800_000, CREATED, "a", 1, "sales", "mia", ("tel:+49301",))
    again = Entry(933_454_801_000, CREATED, "b", 1, "sales", "mia", ("tel:+49301",))
    assert len(line_of(again, first)) < len(line_of(again, None)) / 3


@settings(max_examples=300)
@given(any_events(), st.randoms(use_true_random=False))
def test_whatever_happened_to_a_contact_its_stored_form_says_all_that_is_known_of_it(
    happened: list[AnyEvent], chance: random.Random
) -> None:
    floor = Floor(policies=POLICIES)
    told = happened + chance.choices(happened, k=2)
    chance.shuffle(told)
    tick = 0
    while told:
        size = chance.randint(1, 3)
        batch, told = told[:size], told[size:]
        floor.hear(*batch)
        if chance.random() < 0.5:
            tick += chance.randint(0, 120)
            floor.clock(min(tick, LAST))
        if chance.random() < 0.3:
            floor.flush()
        contact = floor.contacts.contact("c1")
        assert contact is not None
        stored = write_contact(contact, BOOK)
        assert read_contact("c1", stored, IDS, BOOK) == contact
        known = glance(stored)
        assert (known.open, known.settled, known.last) == (contact.open, False, contact.last)


def test_a_settled_contact_and_one_that_goes_on_come_back_as_they_were() -> None:
    floor = Floor(policies=POLICIES)
    floor.hear(created(0, identifiers=("tel:+4930",)), offered(1), answered(5), ended(60))
    floor.clock(25 * HOURS)
    floor.flush()
    settled = floor.contacts.contact("c1")
    assert settled is not None
    assert settled.packed
    assert read_contact("c1", write_contact(settled, BOOK), IDS, BOOK) == settled
    floor.hear(offered(26 * HOURS), left(26 * HOURS + 3))
    gone_on = floor.contacts.contact("c1")
    assert gone_on is not None
    assert gone_on.lines == 2
    assert read_contact("c1", write_contact(gone_on, BOOK), IDS, BOOK) == gone_on


def test_what_a_settled_contact_was_is_stored_where_anything_was_told_of_it() -> None:
    told: list[tuple[AnyEvent, Properties | None]] = [
        (created(0), None),
        (created(0, language="fi"), Properties("phone", language="fi")),
        (created(0, queue="sales"), Properties("phone", "sales")),
        (created(0, priority="", tags=("vat",)), Properties("phone", priority="", tags=("vat",))),
    ]
    for event, kept in told:
        floor = Floor(policies=POLICIES)
        floor.hear(event, ended(60))
        floor.clock(25 * HOURS)
        settled = floor.contacts.contact("c1")
        assert settled is not None
        assert settled.kept == kept
        stored = write_contact(settled, BOOK)
        assert read_contact("c1", stored, IDS, BOOK) == settled
        # A record from before this was kept ends with the customer.
        fields = msgspec.msgpack.decode(stored)
        assert len(fields) == 16 + (kept is not None)
        former = read_contact("c1", msgspec.msgpack.encode(fields[:16]), IDS, BOOK)
        assert (former.kept, former.packed, former.customer) == (None, settled.packed, settled.customer)


def test_settings_of_a_later_start_do_not_touch_what_was_broken_before_it() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.flush()
    floor.policies = Policies(default=QueuePolicy(answer_within=AnswerWithin(id="later", version=2, target_ms=90_000)))
    floor.crash()
    floor.clock(30)
    assert [(said.transition, said.policy.id, second(said.occurred_at)) for said in floor.transitions] == [
        ("at_risk", "answer-within-default", 16),
        ("breached", "answer-within-default", 20),
        ("retargeted", "later", 30),
    ]


def test_a_correction_after_a_restart_takes_back_what_was_said_before_it_by_its_id() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(25, id="answer"))
    floor.flush()
    said = {transition.transition: transition.id for transition in floor.transitions}
    floor.crash()
    floor.hear(answered(9, id="answer", revision=1))
    floor.flush()
    floor.crash()
    floor.hear(answered(30, id="answer", revision=2))
    taken_back = [transition.corrects for transition in floor.transitions if transition.transition == "corrected"]
    assert taken_back[: len(said)] == [said["at_risk"], said["breached"], said["fulfilled"]]
    known = {transition.id for transition in floor.transitions}
    assert len(known) == len(floor.transitions)
    assert set(taken_back) <= known


def test_a_call_that_is_over_takes_few_bytes_and_once_it_is_settled_fewer() -> None:
    floor = Floor()
    call = {"contact": contact_id("pbx", "7"), "identifiers": ("tel:+4930123456",)}
    names = [event_id("pbx", number) for number in range(5)]
    floor.hear(created(0, id=names[0], **call), offered(0, "sales-de", id=names[1], **call))
    floor.hear(answered(9, "sales-de", id=names[2], contact=call["contact"], waited=9.0))
    floor.hear(ended(90, queue="sales-de", agent="mia", id=names[3], contact=call["contact"], talked=81.0))
    floor.hear(other(ContactWrapupEnded, 120, queue="sales-de", agent="mia", id=names[4], contact=call["contact"]))
    floor.flush()
    (stored,) = floor.changelog.values()
    floor.clock(25 * HOURS)
    floor.flush()
    (settled,) = floor.changelog.values()
    assert len(stored) < 420
    assert len(settled) < 110


def test_a_conversation_that_is_over_goes_on_with_its_wrap_up_after_a_restart() -> None:
    floor = Floor()
    floor.hear(offered(0, id="first"), answered(5), ended(60))
    floor.flush()
    floor.crash()
    floor.hear(other(ContactWrapupStarted, 60, queue="sales"), other(ContactWrapupEnded, 75, queue="sales"))
    floor.flush()
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert (contact.offers[0].handle_time, contact.last) == (70_000, at(75))
