"""Offers events at an even pace: `python -m tests.benchmarks.pacer BOOTSTRAP NAMESPACE RATE SECONDS RESULT`.

Canonical events of calls, one a record, on channel.phone. Each queue's calls go through one partition of channel.phone
and one of contacts.events, so that its events are counted in the order in which they were offered. Ends by itself, or
when its standard input is closed; then the result has, for every call, when its offer and its answer were durable.
"""

import os
import select
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
from confluent_kafka import Message, Producer

from schemas.events import ContactAnswered, ContactOffered
from schemas.topics import prefix_of
from streams.partitioner import partition_of
from tests.benchmarks.calls import EVENTS, PHONE, SOURCE, Call, Manner, in_order
from tests.benchmarks.crew import PARTITIONS

QUEUES = 10
CALLERS = 100_000
PROMISE = 5.0
"""Seconds within which a call is to be answered: short, so that the floor comes to an even pace soon."""

MANNER = Manner(wait=3.1, talk=4.0)
"""A fifth of the calls wait for longer than the promise."""

_HEADERS: list[tuple[str, str | bytes | None]] = [
    ("ce_type", b"canonical"),
    ("ce_source", SOURCE.encode()),
    ("content-type", b"application/json"),
]

_KINDS: dict[type, str] = {ContactOffered: "offered", ContactAnswered: "answered"}
_PATIENCE = 30.0
_TRIED = 2.0
_SPARE = 2.0


STEP = 0.01
"""Seconds between two looks at what is due."""


class Offered(msgspec.Struct, array_like=True):
    """One call: contact, queue, and when (ms, the broker's append time) offer and answer were durable; 0: never."""

    contact: str
    queue: str
    offered: int = 0
    answered: int = 0


class Paced(msgspec.Struct):
    """All calls in the order of their begin. `behind`: the most milliseconds by which an event was sent too late."""

    calls: list[Offered]
    events: int
    seconds: float
    behind: float


def calls_of(begin: int, every: float, first: int) -> Iterator[Call]:
    """Calls without end, one every so many ms: queue by queue, each at home on one partition of either topic."""
    random, number = Random(first), first
    turn = 0
    while True:
        queue = turn % QUEUES
        home = queue % PARTITIONS
        while True:
            number += 1
            call = Call(number, begin + int(turn * every), random.randrange(CALLERS), f"queue-{queue}")
            if partition_of(call.contact.encode(), PARTITIONS) == home:
                break
        yield call
        turn += 1


class Planned(NamedTuple):
    """One event: when it is sent (ms), of which contact, which instant of its call, its key and itself as bytes."""

    time: int
    contact: str
    kind: str
    key: bytes
    payload: bytes


def plan(begin: int, per_second: int, seconds: float) -> tuple[list[Offered], list[Planned]]:
    """All calls and all of their events, made beforehand: what takes time while others are measured is sending."""
    every = 1000 * EVENTS / per_second
    calls: list[Offered] = []

    def begun() -> Iterator[Call]:
        for call in islice(calls_of(begin, every, begin), int(seconds * 1000 / every)):
            calls.append(Offered(call.contact, call.queue))
            yield call

    encode = msgspec.json.Encoder().encode
    end = begin + round(seconds * 1000)
    events = [
        Planned(step.time, step.contact, _KINDS.get(type(event), ""), step.contact.encode(), encode(event))
        for step in in_order(begun(), MANNER, Random(1))
        for event in step.events
        if step.time < end
    ]
    return calls, events


class Pacer:
    """Sends planned events when their time has come."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "acks": "all", "log_level": 2})
        self._topic = prefix_of(namespace) + PHONE

    def run(self, calls: list[Offered], events: list[Planned]) -> Paced:
        """Send all of them, or until standard input ends."""
        by_contact = {call.contact: call for call in calls}
        behind, sent = 0.0, 0
        began = time.time()
        for sent, event in enumerate(events):
            self._wait(event.time / 1000)
            behind = max(behind, time.time() * 1000 - event.time)
            if sent % 1_000 == 0 and _is_over():
                break
            self._send(event, by_contact[event.contact])
        self._producer.flush(_PATIENCE)
        return Paced(calls, sent + 1, time.time() - began, round(behind, 1))

    def _wait(self, until: float) -> None:
        # In steps, with what is due in one sent together: the machine is to be kept busy by who is measured.
        while (left := until - time.time()) > 0:
            time.sleep(max(left, STEP))
            self._producer.poll(0)

    def _send(self, event: Planned, call: Offered) -> None:
        done = None
        if event.kind:

            def done(_error: object, message: Message) -> None:
                setattr(call, event.kind, message.timestamp()[1])

        partition = partition_of(event.key, PARTITIONS)
        self._producer.produce(self._topic, event.payload, event.key, partition, on_delivery=done, headers=_HEADERS)


def begin_for(per_second: int, seconds: float) -> int:
    """When to begin (ms), given how long planning takes here and now."""
    began = time.perf_counter()
    plan(0, per_second, _TRIED)
    share = (time.perf_counter() - began) / _TRIED
    return round((time.time() + 2 * share * seconds + _SPARE) * 1000)


def _is_over() -> bool:
    ready, _, _ = select.select([0], [], [], 0)
    return bool(ready) and not os.read(0, 1)


def main(bootstrap: str, namespace: str, per_second: int, seconds: float, result: Path) -> None:
    """Plan, say so, send, and write what came of it."""
    begin = begin_for(per_second, seconds)
    calls, events = plan(begin, per_second, seconds)
    if time.time() * 1000 > begin:
        raise SystemExit(f"planning {len(events):,} events took longer than expected: the machine is too busy")
    pacer = Pacer(bootstrap, namespace)
    while time.time() * 1000 < begin:
        time.sleep(0.01)
    print("begun", flush=True)
    result.write_bytes(msgspec.json.encode(pacer.run(calls, events)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
