"""Reads topics for as long as the gateway runs: into the picture, or wherever else."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.topics import Topic, prefix_of
from streams import telemetry
from streams.outlets.gateway.picture import Picture
from streams.processor import Record
from streams.reader import committed_reader, is_cancelled

log = structlog.get_logger()

BACKOFF = (0.5, 1.0, 2.0, 5.0)
_POLL_MS = 200
_PROBE_SECONDS = 2.0
_PROBE_TIMEOUT = 5.0
_BATCH = 1_000


class TopicsMissing(Exception):
    """The pipeline has not run in this namespace yet."""


class NotKept(Exception):
    """What was read cannot be kept now; the message says why."""


Positions = dict[TopicPartition, int]
"""The offset to read next, by partition."""


class Follower(ABC):
    """Reads some topics until it is cancelled; who makes one of it says from where, and what becomes of the records.

    `away`: why nothing can be read now, None while all is well. `has_read`: the past, to its end as it was when reading
    began.
    """

    def __init__(self, bootstrap: str, namespace: str, topics: Iterable[Topic], clock: Callable[[], int]) -> None:
        self._bootstrap = bootstrap
        self._topics = [prefix_of(namespace) + topic.name for topic in topics]
        self._clock = clock
        self._positions: Positions = {}
        self._ends: Positions | None = None
        self.has_read = False
        self.away: str | None = "kafka has not answered yet"

    @abstractmethod
    async def _take(self, reader: AIOKafkaConsumer, records: Sequence[Record], positions: Positions) -> Positions:
        """Take records, behind which the reader stands at `positions`; returns where to read on. Raises NotKept."""

    @abstractmethod
    async def _begin(self, reader: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        """Put the reader where to read on in each of its partitions. Raises NotKept."""

    async def _look(self, ends: Positions) -> None:  # noqa: B027 - not everybody asks
        """Hear where the partitions end, every other second."""

    def unready(self) -> list[str]:
        """What is waited for."""
        if self.away is not None:
            return [self.away]
        behind = self._behind()
        return [f"{behind:,} records of the past are still to be read"] if behind else []

    def _behind(self) -> int:
        if self._ends is None:
            return 1
        return sum(max(0, end - self._positions.get(partition, 0)) for partition, end in self._ends.items())

    async def run(self) -> None:
        """Read until cancelled; whatever Kafka and its client do: what is shown outlives it."""
        pauses = chain(BACKOFF, repeat(BACKOFF[-1]))
        while True:
            try:
                await self._read()
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                error: BaseException = KafkaConnectionError("the connection was lost")
            except Exception as failed:
                error = failed
                if not isinstance(error, KafkaError | OSError | TopicsMissing | NotKept):
                    log.exception("gateway.reader_failed")
            if self.away is None:
                pauses = chain(BACKOFF, repeat(BACKOFF[-1]))
            words = str(error) or type(error).__name__
            self.away = words if isinstance(error, NotKept) else f"kafka: {words}"
            pause = next(pauses)
            log.warning("gateway.kafka_away", error=self.away, next_try_seconds=pause)
            await asyncio.sleep(pause)

    async def _read(self) -> None:
        async with committed_reader(self._bootstrap) as reader:
            await self._assign(reader)
            loop = asyncio.get_running_loop()
            probed = loop.time()
            while True:
                batches = await reader.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)
                records = [record for batch in batches.values() for record in batch]
                # Past markers of transactions too: they are no records.
                positions = {partition: await reader.position(partition) for partition in self._positions}
                self._positions = await self._take(reader, records, positions)
                self.has_read = self.has_read or not self._behind()
                if records:
                    await asyncio.sleep(0)
                if loop.time() - probed >= _PROBE_SECONDS:
                    # A consumer says nothing when its broker is gone: it only has no records.
                    async with asyncio.timeout(_PROBE_TIMEOUT):
                        ends = await reader.end_offsets(self._positions)
                    await self._look(ends)
                    probed = loop.time()

    async def _assign(self, reader: AIOKafkaConsumer) -> None:
        await reader._client.force_metadata_update()
        missing = [topic for topic in self._topics if not reader.partitions_for_topic(topic)]
        if missing:
            raise TopicsMissing(f"no topic {', '.join(missing)} yet: is a worker running in this namespace?")
        partitions = [
            TopicPartition(topic, partition)
            for topic in self._topics
            for partition in sorted(reader.partitions_for_topic(topic) or ())
        ]
        reader.assign(partitions)
        await self._begin(reader, partitions)
        async with asyncio.timeout(4 * _PROBE_TIMEOUT):
            ends = await reader.end_offsets(partitions)
            self._positions = {partition: await reader.position(partition) for partition in partitions}
        if self._ends is None:
            self._ends = ends
        self.has_read = self.has_read or not self._behind()
        if self.away is not None:
            log.info("gateway.kafka_read", partitions=len(partitions))
        self.away = None


class Reader(Follower):
    """Feeds the picture from some topics: from their start, or from as long ago as `reach` says (ms).

    `poke`: called after news.
    """

    def __init__(
        self,
        bootstrap: str,
        namespace: str,
        topics: Iterable[Topic],
        picture: Picture,
        poke: Callable[[], None],
        clock: Callable[[], int],
        *,
        reach: int | None = None,
    ) -> None:
        super().__init__(bootstrap, namespace, topics, clock)
        self._reach = reach
        self._picture = picture
        self._poke = poke
        self._unreadable: dict[str, int] = {}

    async def _take(self, reader: AIOKafkaConsumer, records: Sequence[Record], positions: Positions) -> Positions:
        now = self._clock()
        for record in records:
            self._picture.take(record, now, past=not self.has_read)
        if records:
            self._count_unreadable()
            self._poke()
        return positions

    async def _begin(self, reader: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        known = {partition: at for partition, at in self._positions.items() if partition in partitions}
        for partition, at in known.items():
            reader.seek(partition, at)
        fresh = [partition for partition in partitions if partition not in known]
        if fresh:
            await reader.seek_to_beginning(*fresh)
        if fresh and self._reach is not None:
            since = self._clock() - self._reach
            for partition, found in (await reader.offsets_for_times(dict.fromkeys(fresh, since))).items():
                if found is not None:
                    reader.seek(partition, found.offset)
                else:
                    await reader.seek_to_end(partition)

    def _count_unreadable(self) -> None:
        for topic, count in self._picture.unreadable.items():
            new = count - self._unreadable.get(topic, 0)
            if new:
                telemetry.UNREADABLE.labels(topic).inc(new)
                log.warning("gateway.unreadable", topic=topic, records=new)
                self._unreadable[topic] = count
