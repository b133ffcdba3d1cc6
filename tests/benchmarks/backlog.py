"""A backlog on channel.phone: the floor's last hours, as they stand there after an outage of the service."""

import time
from asyncio import run
from collections import Counter
from collections.abc import Callable
from itertools import islice

from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from agents.intake.formats import FORMATS
from streams.partitioner import partition_of
from streams.topics import ensure_topics
from tests.benchmarks.crew import PARTITIONS
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.floor import CALLS_PER_SECOND, floor
from tests.benchmarks.payloads import PHONE, Payload

_LINES_OF_A_CALL = 4.7
_RAMP = 600
"""Seconds: the floor begins with no call under way, so that its first lines take longer; nothing is in the future."""

_PATIENCE = 30.0

Say = Callable[[str], None]


def write_backlog(bootstrap: str, namespace: str, records: int, say: Say) -> dict[tuple[str, int], int]:
    """Make the topics and write so many payloads of a floor, the last of them minutes ago; returns the ends.

    Each is stamped with the time of what it says, as a broker had stamped it when it came: a channel topic of service
    has the broker's time, which would say that hours of calls came in one minute.
    """
    run(ensure_topics(bootstrap, namespace, PARTITIONS))
    name = f"{namespace}.{PHONE}"
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    stamped = ConfigEntry("message.timestamp.type", "CreateTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[stamped])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(_PATIENCE)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "acks": "all", "log_level": 2})
    begin = int(time.time() - records / (CALLS_PER_SECOND * _LINES_OF_A_CALL)) - _RAMP
    written: Counter[int] = Counter()
    for offset, said in enumerate(islice(floor(begin=begin), records)):
        payload = Payload(offset, said)
        key = FORMATS[said.format].key(said.payload, {}) or b"pbx"
        partition = partition_of(key, PARTITIONS)
        while True:
            try:
                producer.produce(name, said.payload, key, partition, timestamp=said.time, headers=list(payload.headers))
            except BufferError:
                producer.poll(0.1)
            else:
                break
        producer.poll(0)
        written[partition] += 1
    if producer.flush(_PATIENCE):
        raise MeasurementFailed(f"not all of {records:,} records were written within {_PATIENCE:.0f} s")
    say(f"{records:,} records written to {name}")
    return {(PHONE, partition): count for partition, count in written.items()}
