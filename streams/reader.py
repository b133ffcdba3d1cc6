"""Reading topics from their start, committed records only, outside any group."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.processor import Record

POLL_MS = 200


def is_cancelled() -> bool:
    """Whether the running task is itself to end: Kafka's client cancels what waits for it when it loses its broker."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@asynccontextmanager
async def committed_reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of no group that reads committed records only; stopped at the end. Raises KafkaConnectionError."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


async def from_the_start(reader: AIOKafkaConsumer, topics: Iterable[str]) -> None:
    """Have `reader` read all partitions of these topics (physical names) from their first record on."""
    await reader._client.force_metadata_update()
    partitions = [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in sorted(reader.partitions_for_topic(topic) or ())
    ]
    reader.assign(partitions)
    await reader.seek_to_beginning(*partitions)


async def read_to_the_end(reader: AIOKafkaConsumer, take: Callable[[Record], None]) -> None:
    """Hand on every record up to what stands in the assigned partitions now."""
    ends = await reader.end_offsets(reader.assignment())
    while any([await reader.position(tp) < end for tp, end in ends.items()]):
        for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                take(record)
