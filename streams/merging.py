"""Records of several partitions as one sequence."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from heapq import heapify, heappop, heapreplace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.processor import Record
from streams.reader import POLL_MS

AT_ONCE = 500
"""Records of a partition, at most, that wait for those of others."""


def by_append_time(record: Record) -> tuple[int, str, int]:
    """When it was appended; of one instant, by topic and partition."""
    return record.timestamp, record.topic, record.partition


async def merged(
    reader: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], order: Callable[[Record], Any] = by_append_time
) -> AsyncIterator[Record]:
    """The records of partitions from where `reader` stands up to their ends, in an order in which those of one
    partition stay as they stand. Whatever there is, a bounded part of it is held. Raises KafkaError."""
    ahead: dict[TopicPartition, deque[Record]] = {tp: deque() for tp in ends}

    async def first_of(tp: TopicPartition) -> Record | None:
        waiting = ahead[tp]
        while not waiting and await reader.position(tp) < ends[tp]:
            batches = await reader.getmany(tp, timeout_ms=POLL_MS, max_records=AT_ONCE)
            waiting.extend(each for each in batches.get(tp, ()) if each.offset < ends[tp])
        return waiting.popleft() if waiting else None

    # The number of a partition stands before the record: two of them are never compared.
    partitions = list(ends)
    firsts = [await first_of(tp) for tp in partitions]
    heap = [(order(record), number, record) for number, record in enumerate(firsts) if record is not None]
    heapify(heap)
    while heap:
        _, number, record = heap[0]
        yield record
        following = await first_of(partitions[number])
        if following is None:
            heappop(heap)
        else:
            heapreplace(heap, (order(following), number, following))
