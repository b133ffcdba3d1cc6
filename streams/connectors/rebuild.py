"""The channel topics of one namespace into a fresh one: the same records in the same partitions, by append time.

Where the old namespace was in service, event time is the time at which a record was appended, as it was for its clock
then. Where files were replayed into it, their watermarks go with them.
"""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.envelopes import Mark, decode_mark
from schemas.envelopes import encode as encode_record
from schemas.instants import HOUR
from schemas.topics import CHANNEL_TOPICS, prefix_of
from schemas.unreadable import UNREADABLE
from streams.connectors.batches import Batches
from streams.connectors.publisher import METADATA_SECONDS, Publisher, TopicMissing
from streams.connectors.replay import MARK_EVERY, TASK, Progress, Replayed
from streams.merging import merged
from streams.processor import Record
from streams.reader import committed_reader
from streams.topics import TopicMismatch

_FLUSH_EVERY = 2_000
_NAMES = tuple(topic.name for topic in CHANNEL_TOPICS)


class NotFresh(TopicMismatch):
    """The namespace that was to take what is rebuilt holds something already."""


async def partitions_of(bootstrap: str, namespace: str) -> int:
    """How many partitions the channel topics of a namespace have. Raises TopicMissing, KafkaError."""
    async with committed_reader(bootstrap) as reader:
        return len(await _partitions(reader, namespace)) // len(_NAMES)


async def refuse_filled(bootstrap: str, namespace: str) -> None:
    """Raises NotFresh where the channel topics of a namespace hold a record, or ever did; TopicMissing, KafkaError."""
    async with committed_reader(bootstrap) as reader:
        partitions = await _made_partitions(reader, namespace)
        if any((await reader.end_offsets(partitions)).values()):
            raise NotFresh(
                f"namespace {namespace!r} is not empty: what is rebuilt goes into a fresh one. Name another, or delete "
                "its topics"
            )


async def rebuild(bootstrap: str, old: str, fresh: str, *, progress: Progress | None = None) -> Replayed:
    """Send all that stands on the channel topics of `old` now to those of `fresh`, with watermarks and the end.

    Both have the same partitions. Returns what was sent: `last` is the time of the end. Raises TopicMissing,
    TopicMismatch, KafkaError.
    """
    async with committed_reader(bootstrap) as reader, Publisher(bootstrap, fresh) as publisher:
        partitions = await _partitions(reader, old)
        count = len(partitions) // len(_NAMES)
        for name in _NAMES:
            if await publisher.partitions(name) != count:
                raise TopicMismatch(f"{old!r} has {count} partitions a topic, and {fresh!r} another number")
        reader.assign(partitions)
        await reader.seek_to_beginning(*partitions)
        ends = await reader.end_offsets(partitions)
        run = _Rebuild(publisher, count, prefix_of(old), progress, sum(ends.values()))
        async for record in merged(reader, ends):
            await run.take(record)
        return await run.end()


class _Rebuild:
    """One rebuild under way."""

    def __init__(
        self, publisher: Publisher, partitions: int, prefix: str, progress: Progress | None, offsets: int
    ) -> None:
        self._batches = Batches(publisher)
        self._partitions = partitions
        self._prefix = prefix
        self._progress = progress
        self._offsets = offsets
        self._read = self._bytes = 0
        self._first: int | None = None
        self._reached: int | None = None
        self._last = 0
        self._since_mark = self._since_flush = 0
        # Partitions in the midst of a replay, and when the last word of it was appended.
        self._replayed: set[tuple[str, int]] = set()
        self._said_at = 0

    async def take(self, record: Record) -> None:
        """Send one record, or what it says about time."""
        topic = record.topic.removeprefix(self._prefix)
        if record.key is None:
            await self._take_mark(topic, record)
            return
        if record.timestamp - self._said_at > HOUR:
            # A replay that was broken off has no end.
            self._replayed.clear()
        if not self._replayed:
            await self._mark_before(record.timestamp)
            self._last = max(self._last, record.timestamp)
        await self._batches.append(topic, record.partition, record.key, record.value or b"", list(record.headers))
        self._read += 1
        self._bytes += len(record.value or b"")
        self._first = record.timestamp if self._first is None else self._first
        self._since_mark += 1
        self._since_flush += 1
        if self._since_flush >= _FLUSH_EVERY:
            await self._batches.flush()
            self._since_flush = 0
            self._tell()

    async def end(self) -> Replayed:
        """Say that there is no more, and wait until Kafka has everything."""
        self._last = max(self._last, self._reached or 0)
        await self._write_mark(self._last, ended=True)
        await self._batches.finish()
        self._tell()
        return Replayed(self._read, self._bytes, self._first, self._last)

    async def _take_mark(self, topic: str, record: Record) -> None:
        """A watermark of a replay: it stays where it stands among the records of its partition."""
        try:
            mark = decode_mark(record.value or b"")
        except UNREADABLE:
            return
        if mark.ended:
            self._replayed.discard((topic, record.partition))
        else:
            self._replayed.add((topic, record.partition))
        self._said_at = record.timestamp
        self._reached = mark.time if self._reached is None else max(self._reached, mark.time)
        value = encode_record(Mark(task=TASK, time=mark.time))
        await self._batches.append(topic, record.partition, None, value, [])

    async def _mark_before(self, instant: int) -> None:
        reached = instant - 1
        if self._reached is not None and (reached <= self._reached or self._since_mark < MARK_EVERY):
            return
        await self._write_mark(reached, ended=False)

    async def _write_mark(self, instant: int, *, ended: bool) -> None:
        value = encode_record(Mark(task=TASK, time=instant, ended=ended))
        for name in _NAMES:
            for partition in range(self._partitions):
                await self._batches.append(name, partition, None, value, [])
        self._reached = instant
        self._since_mark = 0

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._read, self._bytes, self._offsets)


async def _made_partitions(reader: AIOKafkaConsumer, namespace: str) -> list[TopicPartition]:
    """All partitions of channel topics that were made just now: not every broker knows them at once."""
    deadline = asyncio.get_running_loop().time() + METADATA_SECONDS
    while True:
        try:
            return await _partitions(reader, namespace)
        except TopicMissing:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(0.1)


async def _partitions(reader: AIOKafkaConsumer, namespace: str) -> list[TopicPartition]:
    """All partitions of the channel topics. Raises TopicMissing."""
    await reader._client.force_metadata_update()
    prefix = prefix_of(namespace)
    found = []
    for name in _NAMES:
        partitions = reader.partitions_for_topic(prefix + name)
        if not partitions:
            raise TopicMissing(f"topic {prefix + name} does not exist: is the namespace right?")
        found += [TopicPartition(prefix + name, partition) for partition in sorted(partitions)]
    return found
