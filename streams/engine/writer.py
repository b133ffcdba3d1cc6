"""The transactional producer of one task: changelog, outputs and positions leave together or not at all."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
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
_NO_HEADERS: list[tuple[str, bytes]] = []


class Positions(msgspec.Struct, array_like=True):
    """Where a task stands: next offset by 'topic|partition', its clock, and the marks it was made of."""

    offsets: dict[str, int]
    clock: int
    marks: dict[str, tuple[int, bool]]


encode_positions = msgspec.msgpack.Encoder().encode
decode_positions = msgspec.msgpack.Decoder(Positions).decode


class Flush:
    """What leaves in one transaction; everything in it is bytes already.

    `offsets`: the positions it stands for. `shows`: whether the group is told of them with it.
    """

    __slots__ = ("changes", "clock", "offsets", "outputs", "shows", "started")

    def __init__(
        self,
        *,
        outputs: list[Output],
        changes: list[tuple[bytes, bytes | None]],
        offsets: Mapping[TopicPartition, int],
        clock: int,
        started: float,
        shows: bool = True,
    ) -> None:
        self.outputs = outputs
        self.changes = changes
        self.offsets = dict(offsets)
        self.clock = clock
        self.started = started
        self.shows = shows


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
        producer, changes = self._producer, flush.changes
        batches = [(*changelog, self._batches(changelog[0], ((key, value, _NO_HEADERS) for key, value in changes)))]
        grouped: dict[tuple[str, int], list[Output]] = {}
        for output in flush.outputs:
            partition = output.partition
            if partition is None:
                partition = partition_of(output.key or b"", self._partitions[output.topic])
            grouped.setdefault((output.topic, partition), []).append(output)
        for (topic, partition), outputs in grouped.items():
            records = ((output.key, output.value, list(output.headers)) for output in outputs)
            batches.append((topic, partition, self._batches(topic, records)))
        await producer.begin_transaction()
        # The first batch of every partition before any second one, which waits until the first has been sent: all
        # partitions enter the transaction by one request. The offsets go beside the records.
        pending: list[Awaitable[object]] = [
            await producer.send_batch(made[0], self._prefix + topic, partition=partition)
            for topic, partition, made in batches
        ]
        if flush.shows:
            offsets = {tp: OffsetAndMetadata(offset, "") for tp, offset in flush.offsets.items()}
            pending.append(producer.send_offsets_to_transaction(offsets, self._group))
        pending += [self._send_rest(topic, partition, made[1:]) for topic, partition, made in batches if made[1:]]
        await asyncio.gather(*pending)
        await producer.commit_transaction()

    async def _send_rest(self, topic: str, partition: int, batches: list[BatchBuilder]) -> None:
        name = self._prefix + topic
        await asyncio.gather(*[await self._producer.send_batch(each, name, partition=partition) for each in batches])

    def _batches(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]
    ) -> list[BatchBuilder]:
        made: list[BatchBuilder] = [self._producer.create_batch()]
        append = made[-1].append
        for key, value, headers in records:
            if append(timestamp=None, key=key, value=value, headers=headers) is None:
                made.append(self._producer.create_batch())
                append = made[-1].append
                if append(timestamp=None, key=key, value=value, headers=headers) is None:
                    name = self._prefix + topic
                    raise MessageSizeTooLargeError(f"a record of {len(value or b'')} bytes fits in no batch of {name}")
        return made
