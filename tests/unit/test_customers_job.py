"""The customers job's topic, truth and verdict: a contestant that counts wrong must be found out."""

from collections import Counter

import pytest

from tests.benchmarks.customers.entries import ENTRIES
from tests.benchmarks.customers.event import Count, Event, count, decode, encode, pane
from tests.benchmarks.customers.topic import BYTES, CUSTOMERS, Written, padded
from tests.benchmarks.customers.truth import customers_after, panes_after
from tests.benchmarks.customers.verdict import judge
from tests.benchmarks.failure import MeasurementFailed

PER_SECOND = 10
PER_MINUTE = 60 * PER_SECOND
EVENTS = 2 * PER_MINUTE + 100


@pytest.fixture(scope="module")
def topic() -> tuple[Written, list[Event]]:
    """What was written, and what a reader decodes."""
    written = Written(customers=300, per_second=PER_SECOND)
    return written, [decode(padded(event)) for event in written.events(EVENTS)]


def counted(events: list[Event]) -> tuple[Counter[tuple[str, str]], dict[str, tuple[int, str]]]:
    """The job, done as simply as can be."""
    panes: Counter[tuple[str, str]] = Counter()
    customers: dict[str, tuple[int, str]] = {}
    for event in events:
        of_pane = count(pane(event), 1)
        panes[of_pane.minute, of_pane.queue] += 1
        n, last = customers.get(event.customer, (0, ""))
        customers[event.customer] = (n + 1, max(last, event.time))
    return panes, customers


def test_every_event_of_the_topic_has_the_same_size_and_one_of_100_000_customers() -> None:
    written = Written()
    events = list(written.events(500))
    assert {len(padded(event)) for event in events} == {BYTES} == {273}
    assert len(set(written.names)) == CUSTOMERS
    assert {event.customer for event in events} <= set(written.names)


def test_the_topic_is_the_same_every_time() -> None:
    first, again = Written(customers=9), Written(customers=9)
    assert [encode(event) for event in first.events(50)] == [encode(event) for event in again.events(50)]


@pytest.mark.parametrize("reached", [1, PER_MINUTE - 1, PER_MINUTE, PER_MINUTE + 1, EVENTS])
def test_the_truth_is_what_counting_the_decoded_events_gives(topic: tuple[Written, list[Event]], reached: int) -> None:
    written, events = topic
    panes, customers = counted(events[:reached])
    assert panes_after(written, reached) == panes
    assert customers_after(written, reached) == customers


def test_a_contestant_that_counted_right_is_believed_as_far_as_it_got(topic: tuple[Written, list[Event]]) -> None:
    written, events = topic
    panes, customers = counted(events[:1_000])
    assert judge("peer", written, panes, customers, least=990, exactly_once=True) == 1_000


def test_a_contestant_that_claims_more_than_it_published_is_found_out(topic: tuple[Written, list[Event]]) -> None:
    written, events = topic
    panes, customers = counted(events[:1_000])
    with pytest.raises(MeasurementFailed, match="published 1000 events, it took 1001"):
        judge("peer", written, panes, customers, least=1_001, exactly_once=True)


def test_an_event_counted_twice_for_another_that_was_lost_is_found_out(topic: tuple[Written, list[Event]]) -> None:
    written, events = topic
    panes, customers = counted([*events[:999], events[0]])
    with pytest.raises(MeasurementFailed, match="wrong counts"):
        judge("peer", written, panes, customers, least=1_000, exactly_once=True)


def test_state_that_lost_a_customers_last_event_is_found_out(topic: tuple[Written, list[Event]]) -> None:
    written, events = topic
    panes, customers = counted(events[:1_000])
    stale = {**customers, events[5].customer: (customers[events[5].customer][0], "2026-03-02T07:59:59.000Z")}
    with pytest.raises(MeasurementFailed, match="peer holds 1 wrong counts of"):
        judge("peer", written, panes, stale, least=1_000, exactly_once=True)


def test_state_and_output_of_different_transactions_are_not_exactly_once(topic: tuple[Written, list[Event]]) -> None:
    written, events = topic
    panes, _ = counted(events[:1_000])
    _, customers = counted(events[:1_010])
    assert judge("peer", written, panes, customers, least=1_000, exactly_once=False) == 1_000
    with pytest.raises(MeasurementFailed, match="that is not exactly once"):
        judge("peer", written, panes, customers, least=1_000, exactly_once=True)


def test_the_contestants_are_those_that_the_result_file_promises() -> None:
    assert set(ENTRIES) == {
        "floorwalker",
        "faust",
        "quix",
        "bytewax",
        "kafka_streams_eos",
        "kafka_streams_rocksdb",
        "aiokafka_decode",
        "confluent_decode",
    }


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("floorwalker", b"cann", b"\x01\x92\x07\xa12"),
        ("faust", b'"ann"', b'[7,"2"]'),
        ("quix", b'ann|"customer"', b'[7,"2"]'),
        ("kafka_streams_eos", b"ann", b"\0\0\0\0\0\0\0\x072"),
    ],
)
def test_a_customers_state_is_read_from_each_contestants_changelog(name: str, key: bytes, value: bytes) -> None:
    state_of = ENTRIES[name].state_of
    assert state_of is not None
    assert state_of(key, value) == ("ann", (7, "2"))


def test_the_state_of_a_queue_is_none_of_a_customers() -> None:
    for name, key in (("floorwalker", b"p2026-03-02T08:00|sales-de"), ("quix", b'2026-03-02T08:00|sales-de|"n"')):
        state_of = ENTRIES[name].state_of
        assert state_of is not None
        assert state_of(key, b"7") is None


def test_a_pane_is_a_minute_and_a_queue() -> None:
    assert count("2026-03-02T08:00|sales-de", 3) == Count("2026-03-02T08:00", "sales-de", 3)
