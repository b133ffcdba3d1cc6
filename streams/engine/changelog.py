"""Reading a task's state back."""

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.engine.collector import settle
from streams.engine.fetched import take_fetched

POLL = 0.5
BREATH = 0.02
"""Seconds after which a restore lets the rest of the process have its turn: flushes, ticks, rebalances."""


async def read_changelog(
    bootstrap: str, topic: str, partition: int, restore: Callable[[bytes, bytes | None], None]
) -> int:
    """Hand every committed record of a changelog partition to `restore`, oldest first; returns how many.

    Call it after the task's producer has started: that ends the former owner's open transaction, so the end read
    here is the end of what can ever be committed there by it.
    """
    tp = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * 1024 * 1024,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    now, count = time.monotonic, 0
    breathe_at = now() + BREATH
    try:
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        await consumer.seek_to_beginning(tp)
        while await consumer.position(tp) < end:
            records = take_fetched(consumer._fetcher, (tp,)).get(tp, [])
            for record in records:
                restore(record.key, record.value)
                if now() > breathe_at:
                    await asyncio.sleep(0)
                    breathe_at = now() + BREATH
            count += len(records)
            if not records:
                await _fetched(consumer)
    finally:
        await consumer.stop()
    settle()
    return count


async def _fetched(consumer: AIOKafkaConsumer) -> None:
    fetcher = consumer._fetcher
    waiter = fetcher._create_fetch_waiter()
    await asyncio.wait([waiter, fetcher.error_future], timeout=POLL, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if fetcher.error_future.done():
        # Nothing would ever come any more.
        fetcher.error_future.result()
