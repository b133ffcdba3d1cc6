"""Whether a contestant did the job: what it published and holds, against what was written."""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from tests.benchmarks.customers.event import OUTPUT, Count
from tests.benchmarks.customers.topic import Written
from tests.benchmarks.customers.truth import customers_after, panes_after
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.job import Job

Held = Mapping[str, tuple[int, str]]
"""Customer -> count, time of the last event."""

Panes = Mapping[tuple[str, str], int]
"""(Minute, queue) -> count."""

StateOf = Callable[[bytes, bytes], tuple[str, tuple[int, str]] | None]
"""What one record of a changelog says of a customer; None where it speaks of something else."""

_PATIENCE = 30.0
_GLANCE = 0.2
_decode = msgspec.json.Decoder(Count).decode


def judge(name: str, written: Written, published: Panes, held: Held, *, least: int, exactly_once: bool) -> int:
    """Compare. What was published must be what the first n events come to, n their sum and no less than what the
    contestant claims (`least`); what it holds likewise, of the same n where both leave in one transaction.

    Returns n. Raises MeasurementFailed.
    """
    reached = sum(published.values())
    _enough(name, "published", reached, least, written)
    _same(name, "published", panes_after(written, reached), published)
    of_state = sum(n for n, _ in held.values())
    _enough(name, "holds", of_state, least, written)
    _same(name, "holds", customers_after(written, of_state), held)
    if exactly_once and of_state != reached:
        raise MeasurementFailed(f"{name} published {reached} events and holds {of_state}: that is not exactly once")
    return reached


def _enough(name: str, what: str, events: int, least: int, written: Written) -> None:
    if not least <= events <= len(written):
        raise MeasurementFailed(f"{name} {what} {events} events, it took {least} of {len(written)}")


def _same(name: str, what: str, true: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
    wrong = [key for key in true.keys() | found.keys() if true.get(key) != found.get(key)]
    if wrong:
        example = min(wrong, key=str)
        raise MeasurementFailed(
            f"{name} {what} {len(wrong)} wrong counts of {len(true)}, of {example} for instance: "
            f"{found.get(example)}, true is {true.get(example)}"
        )


def published(bootstrap: str, namespace: str) -> Panes:
    """The last count of each minute and queue on the output topic, as who reads committed records sees it."""
    counts: dict[tuple[str, str], int] = {}
    for message in _records(bootstrap, f"{namespace}.{OUTPUT}"):
        said = _decode(message.value() or b"")
        counts[said.minute, said.queue] = said.n
    return counts


def held(bootstrap: str, topic: str, state_of: StateOf) -> dict[str, tuple[int, str]]:
    """The last state of each customer on a changelog."""
    states: dict[str, tuple[int, str]] = {}
    for message in _records(bootstrap, topic):
        key, value = message.key(), message.value()
        said = None if key is None or value is None else state_of(key, value)
        if said is not None:
            states[said[0]] = said[1]
    return states


def read_states(job: Job) -> dict[str, tuple[int, str]]:
    """The states in the file that a contestant left."""
    path = Path(job.states)
    states = msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[int, str]])
    path.unlink()
    return states


def _records(bootstrap: str, topic: str) -> Iterator[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "verdict",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        heard = time.monotonic()
        while True:
            # It waits for so many, or for so long: what follows the end is nothing.
            messages = consumer.consume(10_000, _GLANCE)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() > heard + _PATIENCE:
                raise MeasurementFailed(f"{topic} could not be read to its end")
            for message in messages:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    return
                else:
                    raise MeasurementFailed(f"{topic} could not be read: {error}")
    finally:
        consumer.close()
