"""The contestants of the customers job: how each is started, and where it keeps what it counted."""

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tests.benchmarks.contest import NAMESPACE
from tests.benchmarks.customers.event import INPUT, STAGE, Customer
from tests.benchmarks.customers.verdict import StateOf
from tests.benchmarks.peers.environments import java_command, python_of

Say = Callable[[str], None]
_HERE = "tests.benchmarks.customers.contestants"


@dataclass(frozen=True)
class Entry:
    """`command`: program and first options; raises PeerUnavailable. `changelog`: the topic of its customers' states,
    and `state_of` reads a record of it; without one it leaves them in the job's file. `counts`: whether it does the
    job at all, or only reads. `exactly_once`: output, state and position leave in one transaction.
    """

    what: str
    command: Callable[[Say], list[str]]
    changelog: str = ""
    state_of: StateOf | None = None
    exactly_once: bool = False
    counts: bool = True


def _ours(name: str) -> Callable[[Say], list[str]]:
    return lambda _say: [sys.executable, "-m", f"{_HERE}.{name}"]


def _peer(name: str) -> Callable[[Say], list[str]]:
    return lambda say: [str(python_of(name, say)), "-m", f"{_HERE}.{name}"]


def _streams(store: str) -> Callable[[Say], list[str]]:
    return lambda say: [*java_command(say), f"--store={store}"]


_decode_ours = msgspec.msgpack.Decoder(Customer).decode
_decode_pair = msgspec.json.Decoder(tuple[int, str]).decode


def _state_of_ours(key: bytes, value: bytes) -> tuple[str, tuple[int, str]] | None:
    if key[:1] != b"c":
        return None
    state = _decode_ours(value[1:])
    return key[1:].decode(), (state.n, state.last)


def _state_of_faust(key: bytes, value: bytes) -> tuple[str, tuple[int, str]]:
    return msgspec.json.decode(key, type=str), _decode_pair(value)


def _state_of_streams(key: bytes, value: bytes) -> tuple[str, tuple[int, str]]:
    return key.decode(), (struct.unpack_from(">q", value)[0], value[8:].decode())


def _state_of_quix(key: bytes, value: bytes) -> tuple[str, tuple[int, str]] | None:
    customer, _, name = key.rpartition(b"|")
    return (customer.decode(), _decode_pair(value)) if name == b'"customer"' else None


ENTRIES: dict[str, Entry] = {
    "floorwalker": Entry(
        what="this engine, exactly once",
        command=_ours("floorwalker"),
        changelog=f"{NAMESPACE}.{STAGE}-changelog",
        state_of=_state_of_ours,
        exactly_once=True,
    ),
    "faust": Entry(
        what="plain Faust, tables in memory with changelog, at least once",
        command=_ours("faust"),
        changelog=f"{NAMESPACE}.{STAGE}-customers-changelog",
        state_of=_state_of_faust,
    ),
    "quix": Entry(
        what="Quix Streams 3, RocksDB with changelog, exactly once",
        command=_peer("quix"),
        changelog=f"changelog__{NAMESPACE}.{STAGE}--{NAMESPACE}.{INPUT}--default",
        state_of=_state_of_quix,
        exactly_once=True,
    ),
    "bytewax": Entry(
        what="Bytewax 0.21, state in memory, recovery to disk every 10 s, at least once", command=_peer("bytewax")
    ),
    "kafka_streams_eos": Entry(
        what="Kafka Streams 4, one thread, exactly_once_v2, stores in memory with changelog",
        command=_streams("memory"),
        changelog=f"{NAMESPACE}.{STAGE}-customers-changelog",
        state_of=_state_of_streams,
        exactly_once=True,
    ),
    "kafka_streams_rocksdb": Entry(
        what="the same with RocksDB",
        command=_streams("rocksdb"),
        changelog=f"{NAMESPACE}.{STAGE}-customers-changelog",
        state_of=_state_of_streams,
        exactly_once=True,
    ),
    "aiokafka_decode": Entry(
        what="the limit: aiokafka getmany + decode", command=_ours("aiokafka_decode"), counts=False
    ),
    "confluent_decode": Entry(
        what="the limit: confluent-kafka consume + decode", command=_ours("confluent_decode"), counts=False
    ),
}
"""Name in build/bench.json -> contestant."""
