"""Reading whole record batches gives what aiokafka's own reading of them gives, one record at a time."""

from __future__ import annotations

import struct
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchError, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError
from aiokafka.record._crecords import crc32c_cython
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.fetched import received, take_fetched
from streams.engine.transport import Batch
from tests.unit.uncollected import no_collector

TP = TopicPartition("in", 0)
PLAIN, GZIP = 0, 1
CONTROL = 0x20
ABORT = b"\x00\x00\x00\x00"
COMMIT = b"\x00\x00\x00\x01"


def batch(base: int, keys: list[bytes], *, producer: int = 1, codec: int = PLAIN, control: bool = False) -> bytes:
    """A record batch of a transaction as a broker keeps it, its first record at offset `base`."""
    builder = DefaultRecordBatchBuilder(2, codec, 1, producer, 0, 0, 1_000_000)
    for place, key in enumerate(keys):
        builder.append(place, 1_000 + place, key, b"v" * 50, [("h", key)] if place % 2 else [])
    made = builder.build()
    struct.pack_into(">q", made, 0, base)
    if control:
        made[22] |= CONTROL
    struct.pack_into(">I", made, 17, crc32c_cython(bytes(made[21:])))
    return bytes(made)


class Fetched:
    """A fetcher that has fetched this, from `position` on."""

    def __init__(self, data: bytes, aborted: list[tuple[int, int]], position: int) -> None:
        self.records = PartitionRecords(TP, MemoryRecords(data), aborted, position, None, None, True, READ_COMMITTED)
        self.state = SimpleNamespace(position=position, paused=False, consumed_to=self._consumed_to)
        assignment: Any = SimpleNamespace(active=True, state_value=lambda _: self.state)
        self._records: dict[TopicPartition, Any] = {
            TP: FetchResult(TP, assignment=assignment, partition_records=self.records, backoff=0)
        }
        self._subscriptions = SimpleNamespace(is_assigned=lambda _: True)
        self._wait_consume_future = None

    def _consumed_to(self, position: int) -> None:
        self.state.position = position

    def _notify(self, _: object) -> None:
        pass

    def take(self, limit: int | None = None) -> list[Any]:
        return received(TP, take_fetched(self, {TP}, limit).get(TP, []))


def told(records: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (each.topic, each.partition, each.offset, each.timestamp, each.key, each.value, tuple(each.headers))
        for each in records
    ]


@st.composite
def _logs(draw: st.DrawFn) -> tuple[bytes, list[tuple[int, int]], int]:
    """Batches of three producers' transactions, some aborted, some compressed, and a position in the first."""
    offset, data = 0, b""
    position = None
    aborted: list[tuple[int, int]] = []
    begun: dict[int, int] = {}
    for _ in range(draw(st.integers(1, 12))):
        producer = draw(st.integers(1, 3))
        if producer in begun and draw(st.booleans()):
            if draw(st.booleans()):
                aborted.append((producer, begun[producer]))
                data += batch(offset, [ABORT], producer=producer, control=True)
            else:
                data += batch(offset, [COMMIT], producer=producer, control=True)
            del begun[producer]
            offset += 1
            continue
        begun.setdefault(producer, offset)
        keys = [b"%d" % each for each in range(draw(st.integers(1, 6)))]
        data += batch(offset, keys, producer=producer, codec=draw(st.sampled_from([PLAIN, GZIP])))
        offset += len(keys)
        position = draw(st.integers(0, offset - 1)) if position is None else position
    return data, aborted, position or 0


@given(_logs(), st.none() | st.integers(1, 4))
def test_batches_read_whole_hold_the_records_that_aiokafka_hands_out_one_by_one(
    log: tuple[bytes, list[tuple[int, int]], int], limit: int | None
) -> None:
    expected = Fetched(*log).records
    wanted = told(list(expected))

    fetched = Fetched(*log)
    taken: list[Any] = []
    while fetched._records:
        records = fetched.take(limit)
        assert limit is None or len(records) <= limit
        taken += records
        assert not taken or fetched.state.position > taken[-1].offset
    assert told(taken) == wanted
    assert fetched.state.position == expected.next_fetch_offset


def test_records_of_an_aborted_transaction_and_control_records_are_not_handed_out() -> None:
    data = (
        batch(0, [b"a", b"b"], producer=1)
        + batch(2, [b"c"], producer=2)
        + batch(3, [ABORT], producer=1, control=True)
        + batch(4, [b"d"], producer=1)
        + batch(5, [COMMIT], producer=1, control=True)
    )
    fetched = Fetched(data, [(1, 0)], 0)
    assert [record.key for record in fetched.take()] == [b"c", b"d"]
    assert fetched.state.position == 6


def test_a_damaged_batch_loses_nothing_that_stands_before_it_and_nothing_after_it() -> None:
    damaged = bytearray(batch(2, [b"c"]))
    damaged[-1] ^= 1
    fetched = Fetched(batch(0, [b"a", b"b"]) + bytes(damaged) + batch(3, [b"d"]), [], 0)
    with pytest.raises(CorruptRecordException):
        fetched.take()
    assert fetched.state.position == 0
    assert not fetched._records


def test_what_was_fetched_before_a_seek_is_let_go() -> None:
    fetched = Fetched(batch(0, [b"a", b"b"]) + batch(2, [b"c"]), [], 0)
    assert [record.key for record in fetched.take(1)] == [b"a"]
    fetched.state.position = 7
    assert fetched.take() == []
    assert not fetched._records
    assert fetched.state.position == 7


def test_a_fetch_that_was_refused_says_so_once() -> None:
    fetched = Fetched(b"", [], 0)
    fetched._records[TP] = FetchError(error=TopicAuthorizationFailedError("in"), backoff=0)
    with pytest.raises(TopicAuthorizationFailedError):
        fetched.take()
    assert fetched.take() == []


def test_the_bytes_of_a_fetch_are_freed_when_it_has_been_read() -> None:
    with no_collector():
        fetched = Fetched(batch(0, [b"a", b"b"]), [], 0)
        bytes_of = weakref.ref(fetched.records)
        del fetched.records
        assert bytes_of() is not None
        fetched.take()
        assert bytes_of() is None


def test_a_batch_is_freed_when_its_task_has_taken_it() -> None:
    class Held(list[Any]):
        """Records that a reference can be kept to."""

    with no_collector():
        records = Held(Fetched(batch(0, [b"a"]), [], 0).take())
        seen = weakref.ref(records)
        taken = Batch(TP, records, None)
        assert taken.value is taken
        del records, taken
        assert seen() is None
