"""What can be read, and since when: `python -m tests.benchmarks.observer BOOTSTRAP NAMESPACE RESULT`.

Reads alerts.sla and metrics.live from their ends on, committed records only, with a client of its own, until its
standard input is closed.
"""

import os
import select
import sys
import time
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import ALERTS_SLA, METRICS_LIVE, prefix_of

WINDOW = b'"rolling30min"'
METRIC = "contacts_offered"
_PATIENCE = 30.0


class Transition(msgspec.Struct, array_like=True):
    """One record of alerts.sla. `readable`: seconds since the epoch; times as the record has them."""

    contact: str
    transition: str
    due_at: str
    detected_at: str
    readable: float


class Count(msgspec.Struct, array_like=True):
    """How many offers of a queue were counted in a record of metrics.live."""

    queue: str
    count: int
    readable: float


class Seen(msgspec.Struct):
    """All that was read, in its order."""

    transitions: list[Transition]
    counts: list[Count]


class _Said(msgspec.Struct):
    contact: str
    transition: str
    due_at: str
    detected_at: str


class _Scope(msgspec.Struct):
    queue: str | None = None
    channel: str | None = None


class _Value(msgspec.Struct):
    value: float | None


class _Live(msgspec.Struct):
    scope: _Scope
    metrics: dict[str, _Value]


def watch(bootstrap: str, namespace: str) -> Seen:
    """Read until standard input ends."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "none",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
        }
    )
    sla, live = (prefix_of(namespace) + topic.name for topic in (ALERTS_SLA, METRICS_LIVE))
    parts = [TopicPartition(topic, 0) for topic in (sla, live)]
    for part in parts:
        part.offset = consumer.get_watermark_offsets(part, _PATIENCE)[1]
    consumer.assign(parts)
    said, measured = msgspec.json.Decoder(_Said).decode, msgspec.json.Decoder(_Live).decode
    seen = Seen([], [])
    print("watching", flush=True)
    while not _is_over():
        messages = consumer.consume(1_000, 0.02)
        now = time.time()
        for message in messages:
            key, value = message.key(), message.value()
            if message.error() is not None or key is None or value is None:
                continue
            if message.topic() == sla:
                told = said(value)
                seen.transitions.append(Transition(told.contact, told.transition, told.due_at, told.detected_at, now))
            elif WINDOW in key:
                window = measured(value)
                if window.scope.queue is not None and window.scope.channel is None:
                    seen.counts.append(Count(window.scope.queue, int(window.metrics[METRIC].value or 0), now))
    consumer.close()
    return seen


def _is_over() -> bool:
    ready, _, _ = select.select([0], [], [], 0)
    return bool(ready) and not os.read(0, 1)


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(msgspec.json.encode(watch(sys.argv[1], sys.argv[2])))
