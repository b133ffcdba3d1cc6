"""Reading one topic of one partition, committed records only, through every absence of Kafka."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.processor import Record
from streams.reader import POLL_MS, committed_reader, is_cancelled

log = structlog.get_logger()

BATCH = 500
AGAIN = 2.0
"""Seconds between two tries to reach Kafka or to find the topic."""

PROBE = 5.0
"""Seconds between two looks whether Kafka still answers, and how long it may take."""

Start = Callable[[AIOKafkaConsumer, TopicPartition], Awaitable[int]]
Take = Callable[[Sequence[Record], int], None]


class TopicReading:
    """Hands on the records of a topic (physical name) in batches, with the offset behind each batch.

    `start` says where to begin, after every connection, but never before what was handed on already: whoever keeps the
    last record of a key would have an old one again. `ready`: Kafka answers and what stood there at the last look is
    read.
    """

    def __init__(self, bootstrap: str, topic: str, start: Start, take: Take) -> None:
        self.topic = topic
        self.ready = False
        self._bootstrap = bootstrap
        self._start = start
        self._take = take
        self._position = 0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                async with committed_reader(self._bootstrap) as reader:
                    await self._read(reader)
            except (KafkaError, OSError, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                self.ready = False
                log.warning("notifier.kafka_away", topic=self.topic, error=type(error).__name__)
            await asyncio.sleep(AGAIN)

    async def _read(self, reader: AIOKafkaConsumer) -> None:
        while self.topic not in await reader.topics():
            self.ready = False
            await asyncio.sleep(AGAIN)
        partition = TopicPartition(self.topic, 0)
        reader.assign([partition])
        reader.seek(partition, max(await self._start(reader, partition), self._position))
        loop = asyncio.get_running_loop()
        probed, end = -PROBE, 0
        while True:
            for records in (await reader.getmany(timeout_ms=POLL_MS, max_records=BATCH)).values():
                position = records[-1].offset + 1
                self._take(records, position)
                self._position = position
            if loop.time() - probed >= PROBE:
                async with asyncio.timeout(PROBE):
                    end = (await reader.end_offsets([partition]))[partition]
                probed = loop.time()
            self.ready = await reader.position(partition) >= end


async def offset_at(reader: AIOKafkaConsumer, partition: TopicPartition, time_ms: int) -> int:
    """Offset of the first record that is not older; the end where there is none."""
    found = (await reader.offsets_for_times({partition: time_ms}))[partition]
    return int(found.offset if found is not None else (await reader.end_offsets([partition]))[partition])
