"""The history as the gateway has it: fed from Kafka by threads, so that nobody waits for its disk, and asked."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.exc import SQLAlchemyError

from schemas.instants import HOUR, MINUTE
from schemas.topics import prefix_of
from streams import telemetry
from streams.outlets.gateway.errors import Refused
from streams.outlets.gateway.reader import Follower, NotKept, Positions
from streams.outlets.history.changes import TOPICS, Changes, changes_of
from streams.outlets.history.database import open_database, url_of
from streams.outlets.history.errors import Overtaken
from streams.outlets.history.store import Place, Position, Store
from streams.processor import Record

log = structlog.get_logger()

TOO_OLD = 23 * HOUR
"""Kafka keeps a tombstone for a day: a database that was not current for longer may hold what was deleted since."""

_MARK_EVERY = MINUTE
_THREADS = 5
_FEW = 500
_GATHER_SECONDS = 0.1
_PATIENCE = 10.0
"""Seconds for the database to answer in: one that hangs shall hold up neither askers nor what is said of it."""

T = TypeVar("T")


class History(Follower):
    """`url`: of the database, None for a file in `folder`. Nothing is touched before `open`."""

    def __init__(self, bootstrap: str, namespace: str, folder: Path, url: str | None, clock: Callable[[], int]) -> None:
        super().__init__(bootstrap, namespace, TOPICS, clock)
        self._namespace = namespace
        self._folder = folder
        self._url = url
        self._store: Store | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "history")
        self._marked = 0
        self._seen: tuple[int, Positions] = (0, {})

    def open(self) -> None:
        """Open the database. Raises HistoryUnusable."""
        self._store = Store(open_database(url_of(self._folder, self._namespace, self._url), self._namespace))

    def close(self) -> None:
        """Let go of it, once what is being written is written."""
        self._threads.shutdown()
        if self._store is not None:
            self._store.close()

    async def ask(self, question: Callable[[Store], T]) -> T:
        """What the store answers. Raises Refused (503) where its database does not."""
        try:
            return await self._do(question)
        except NotKept as error:
            log.warning("gateway.history_away", error=str(error))
            raise Refused(
                503, "Not ready", "the history's database does not answer", headers={"Retry-After": "5"}
            ) from None

    async def _do(self, work: Callable[[Store], T]) -> T:
        if self._store is None:
            raise NotKept("history: not open")
        try:
            async with asyncio.timeout(_PATIENCE):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work, self._store)
        except TimeoutError:
            # What its thread may still write moves the positions on, which is then noticed.
            raise NotKept(f"history: the database has not answered within {_PATIENCE:g} s") from None
        except SQLAlchemyError as error:
            raise NotKept(f"history: {getattr(error, 'orig', None) or error}") from error

    async def _begin(self, reader: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        starts, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        now, known = self._clock(), await self._do(Store.positions)
        stale = [
            place
            for partition, place in ((each, _place(each)) for each in partitions)
            if place in known and is_stale(known[place], starts[partition], ends[partition], now)
        ]
        if stale:
            log.warning("history.read_anew", places=[f"{topic}-{number}" for topic, number in stale])
            await self._do(Store.forget)
            # Nothing of it is true any more.
            known, self._ends, self.has_read = {}, None, False
        new = {_place(each): starts[each] for each in partitions if _place(each) not in known}
        await self._do(lambda store: store.begin(new, now))
        for partition in partitions:
            place = _place(partition)
            reader.seek(partition, known[place].next if place in known else starts[partition])

    async def _take(self, reader: AIOKafkaConsumer, records: Sequence[Record], positions: Positions) -> Positions:
        if positions == self._positions:
            return positions
        moved = {_place(each): (at, positions[each]) for each, at in self._positions.items() if at != positions[each]}
        prefix = prefix_of(self._namespace)

        def write(store: Store) -> Changes:
            changes = changes_of(records, prefix)
            store.write(changes, moved)
            return changes

        try:
            changes = await self._do(write)
        except Overtaken:
            return await self._catch_up(reader, positions)
        for topic in TOPICS:
            of = prefix + topic.name
            telemetry.HISTORY_RECORDS.labels(topic.name).inc(sum(record.topic == of for record in records))
        for name, count in changes.unreadable.items():
            telemetry.UNREADABLE.labels(name).inc(count)
            log.warning("gateway.unreadable", topic=name, records=count)
        if len(records) < _FEW:
            # Many small transactions cost more than a few, and answers wait for them.
            await asyncio.sleep(_GATHER_SECONDS)
        return positions

    async def _catch_up(self, reader: AIOKafkaConsumer, positions: Positions) -> Positions:
        """Read on from where another gateway of the same database has come to."""
        known = await self._do(Store.positions)
        if any(_place(each) not in known for each in positions):
            raise NotKept("history: another gateway reads it anew")
        for partition in positions:
            reader.seek(partition, known[_place(partition)].next)
        return {partition: known[_place(partition)].next for partition in positions}

    async def _look(self, ends: Positions) -> None:
        behind: dict[str, int] = {topic.name: 0 for topic in TOPICS}
        for partition, end in ends.items():
            name = partition.topic.removeprefix(prefix_of(self._namespace))
            behind[name] += max(0, end - self._positions[partition])
        for name, lag in behind.items():
            telemetry.HISTORY_LAG.labels(name).set(lag)
        # In traffic there is always something left to read: what counts is where the topics ended a look ago.
        (at, seen), self._seen = self._seen, (self._clock(), ends)
        read = all(self._positions.get(partition, 0) >= end for partition, end in seen.items())
        if seen and read and at - self._marked >= _MARK_EVERY:
            await self._mark(at)

    async def _mark(self, now: int) -> None:
        """Have the store know that all was read that there was at an instant (ms)."""
        self._marked = now
        still = {_place(each): (to, to) for each, to in self._positions.items()}
        try:
            await self._do(lambda store: store.write(Changes(), still, now))
        except Overtaken:
            return  # by another gateway, which says so itself
        for name, rows in (await self._do(Store.counts)).items():
            telemetry.HISTORY_ROWS.labels(name).set(rows)


def is_stale(position: Position, start: int, end: int, now: int) -> bool:
    """Whether what was read up to a position may hold what the topic, from `start` to `end`, does not any more: the
    topic is another one, or tombstones may be gone that nobody read. `now`: ms."""
    return not start <= position.next <= end or now - position.current_at > TOO_OLD


def _place(partition: TopicPartition) -> Place:
    return partition.topic, partition.partition
