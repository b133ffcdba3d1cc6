"""Whether a namespace has been in service: event time is over for it then."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.topics import prefix_of
from streams.engine.work import SELF
from streams.engine.writer import POSITIONS_KEY, decode_positions

HEAD_CHANGELOG = "intake-changelog"
LAST = 20
"""Offsets before the end of a changelog in which its last record is looked for: each transaction takes two."""

_TIMEOUT = 30.0


class NamespaceInService(Exception):
    """A namespace whose clock follows the wall was to be run in event time."""


async def refuse_in_service(bootstrap: str, namespace: str, partitions: int) -> None:
    """Raises NamespaceInService where workers of this namespace have ever run with the wall clock, and KafkaError.

    Event time can't go on there: the service has told the clock that nothing older is to come.
    """
    topic = prefix_of(namespace) + HEAD_CHANGELOG
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        changelog = [TopicPartition(topic, partition) for partition in range(partitions)]
        consumer.assign(changelog)
        async with asyncio.timeout(_TIMEOUT):
            for tp, last in (await _last_positions(consumer, changelog)).items():
                if any(source.endswith(f"|{SELF}") for source in decode_positions(last).marks):
                    raise NamespaceInService(
                        f"namespace {namespace!r} is in service (partition {tp.partition} of {topic} says so): its "
                        "clock follows the wall and never goes back to event time. Use a namespace of its own"
                    )
    finally:
        await consumer.stop()


async def _last_positions(consumer: AIOKafkaConsumer, changelog: list[TopicPartition]) -> dict[TopicPartition, bytes]:
    ends = await consumer.end_offsets(changelog)
    begins = await consumer.beginning_offsets(changelog)
    for tp in changelog:
        consumer.seek(tp, max(begins[tp], ends[tp] - LAST))
    found: dict[TopicPartition, bytes] = {}
    while any([await consumer.position(tp) < ends[tp] for tp in changelog]):
        for tp, records in (await consumer.getmany(timeout_ms=100)).items():
            for record in records:
                if record.key == POSITIONS_KEY and record.value is not None:
                    found[tp] = record.value
    return found
