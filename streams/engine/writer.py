"""The transactional producer of one task: changelog, outputs and positions leave together or not at all."""

import asyncio
from collections.abc import Iterable, Mapping

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata

from schemas.topics import prefix_of
from streams.partitioner import partition_of
from streams.processor import Output
from streams.producers import stop_at_once

BATCH_BYTES = 512 * 1024
LARGEST_REQUEST = 34 * 1024 * 1024
TRANSACTION_TIMEOUT_MS = 10_000
RETRY_BACKOFF_MS = 10
POSITIONS_KEY = b"\x00positions"


class Positions(msgspec.Struct, array_like=True):
    """Where a task stands: next offset by 'topic|partition', its clock, and the marks it was made of."""

    offsets: dict[str, int]
    clock: int
    marks: dict[str, tuple[int, bool]]


encode_positions = msgspec.msgpack.Encoder().encode
decode_positions = msgspec.msgpack.Decoder(Positions).decode


class Flush:
    """What leaves in one transaction; everything in it is bytes already."""

    __slots__ = ("changes", "clock", "offsets", "outputs", "started")

    def __init__(
        self,
        *,
        outputs: list[Output],
        changes: list[tuple[bytes, bytes | None]],
        offsets: Mapping[TopicPartition, int],
        clock: int,
        started: float,
    ) -> None:
        self.outputs = outputs
        self.changes = changes
        self.offsets = dict(offsets)
        self.clock = clock
        self.started = started


class Writer:
    """Sends flushes in transactions of its own `transactional.id`; starting it fences any earlier owner."""

    def __init__(
        self, *, bootstrap: str, transactional_id: str, group: str, namespace: str, partitions: Mapping[str, int]
    ) -> None:
        self._group = group
        self._prefix = prefix_of(namespace)
        self._partitions = partitions
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=transactional_id,
            transactional_id=transactional_id,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_REQUEST,
            retry_backoff_ms=RETRY_BACKOFF_MS,
        )

    async def start(self) -> None:
        """Connect and take over the transactional id: whoever had it can't commit any more."""
        await self._producer.start()

    async def stop(self) -> None:
        """Disconnect at once."""
        await stop_at_once(self._producer)

    async def send(self, flush: Flush, changelog: tuple[str, int]) -> None:
        """One transaction: changelog records, outputs, positions. Raises what aiokafka raises; then nothing of it
        will ever be read by a read_committed consumer."""
        producer = self._producer
        await producer.begin_transaction()
        pending = await self._send_records(*changelog, ((key, value, []) for key, value in flush.changes))
        grouped: dict[tuple[str, int], list[Output]] = {}
        for output in flush.outputs:
            partition = output.partition
            if partition is None:
                partition = partition_of(output.key or b"", self._partitions[output.topic])
            grouped.setdefault((output.topic, partition), []).append(output)
        for (topic, partition), outputs in grouped.items():
            pending += await self._send_records(
                topic, partition, ((output.key, output.value, list(output.headers)) for output in outputs)
            )
        if pending:
            await asyncio.gather(*pending)
        await producer.send_offsets_to_transaction(
            {tp: OffsetAndMetadata(offset, "") for tp, offset in flush.offsets.items()}, self._group
        )
        await producer.commit_transaction()

    async def _send_records(
        self, topic: str, partition: int, records: Iterable[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]
    ) -> list["asyncio.Future[object]"]:
        producer, name = self._producer, self._prefix + topic
        sent: list[asyncio.Future[object]] = []
        batch = producer.create_batch()
        for key, value, headers in records:
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                sent.append(await producer.send_batch(batch, name, partition=partition))
                batch = producer.create_batch()
                if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                    raise MessageSizeTooLargeError(f"a record of {len(value or b'')} bytes fits in no batch of {name}")
        if batch.record_count():
            sent.append(await producer.send_batch(batch, name, partition=partition))
        return sent
