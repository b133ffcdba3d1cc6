"""Connectors' producers: idempotent, acknowledged by all replicas, records placed by Kafka's default hash."""

import asyncio
from types import TracebackType

from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.topics import LARGEST_RECORD, MIB, prefix_of
from streams.connectors.line_records import LineRecord
from streams.partitioner import partition_of

BATCH_BYTES = 256 * 1024
METADATA_SECONDS = 10.0


class TopicMissing(LookupError):
    """A topic that a connector writes to does not exist; the message says which and what to do."""


class Publisher:
    """Sends records in order per partition; `async with` connects and disconnects. Raises KafkaError."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix_of(namespace)
        self._partitions: dict[str, int] = {}

    async def __aenter__(self) -> "Publisher":
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_RECORD + MIB,
        )
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def partitions(self, topic: str) -> int:
        """How many partitions a topic has. Raises TopicMissing."""
        count = self._partitions.get(topic)
        if count is None:
            name = self._prefix + topic
            try:
                async with asyncio.timeout(METADATA_SECONDS):
                    count = len(await self._producer.partitions_for(name))
            except (UnknownTopicOrPartitionError, TimeoutError):
                raise TopicMissing(
                    f"topic {name} does not exist at {self._bootstrap}: start the service, which creates it, or create "
                    "it (floorwalker topics); a namespace is part of the name"
                ) from None
            self._partitions[topic] = count
        return count

    async def send(self, record: LineRecord) -> "asyncio.Future[object]":
        """Send one record; the future is done when all replicas have it."""
        partition = await self.place(record.topic, record.key)
        future: asyncio.Future[object] = await self._producer.send(
            self._prefix + record.topic,
            key=record.key,
            value=record.value,
            headers=record.headers,
            partition=partition,
        )
        return future

    def new_batch(self) -> BatchBuilder:
        """An empty batch for `send_batch`; its first record may be larger than a batch."""
        return self._producer.create_batch()

    async def send_batch(self, batch: BatchBuilder, topic: str, partition: int) -> "asyncio.Future[object]":
        """Send what was put into a batch; waits while an earlier batch of the partition is still to be sent."""
        future: asyncio.Future[object] = await self._producer.send_batch(
            batch, self._prefix + topic, partition=partition
        )
        return future

    async def place(self, topic: str, key: bytes) -> int:
        """Partition of a key. Raises TopicMissing."""
        return partition_of(key, await self.partitions(topic))
