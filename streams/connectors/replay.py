"""Files onto the channel topics as if they happened now, at full speed, with watermarks in event time."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.envelopes import Mark
from schemas.envelopes import encode as encode_record
from schemas.topics import CHANNEL_TOPICS
from streams.connectors.batches import Batches
from streams.connectors.formats import LineFormat
from streams.connectors.publisher import Publisher
from streams.connectors.replay_order import Step, steps

TASK = "replay"
"""Name under which a replay writes watermarks."""

MARK_EVERY = 200
"""Records between two watermarks, at most, while event time goes on."""

LINGER_SECONDS = 0.1
"""How long a record waits for others before it is sent, and how often progress is told."""

Progress = Callable[[int, int, int], None]
"""Called with records read, bytes read, and bytes in all."""


class Replayed(NamedTuple):
    """What a replay sent. `read`: records onto the channel topics; `refused`: lines that were too long for one, and are
    on contacts.failed. `first`, `last`: the least and the greatest event time, ms, None where no line had one."""

    read: int
    bytes: int
    first: int | None
    last: int | None
    refused: int = 0


async def replay(
    bootstrap: str,
    namespace: str,
    paths: Sequence[Path],
    format: LineFormat,  # noqa: A002
    *,
    source: str,
    tz: str = "UTC",
    date: str | None = None,
    progress: Progress | None = None,
    end: bool = True,
    rate: float | None = None,
) -> Replayed:
    """Send all lines of the files, and before them, in band, how far event time has come.

    `tz`, `date`: zone of local times in the files and the day of those that name none. `end`: say at the end that
    there is no more to come (not, where another replay is to follow). `rate`: records a second at most. The records
    are in Kafka when it returns. Raises OSError for a file that can't be read, TopicMissing, KafkaError.
    """
    total = sum(path.stat().st_size for path in paths)
    fixed = {"tz": tz, **({"date": date} if date else {})} if format.has_header_line else {}
    every = steps(paths, format, source, **fixed)
    return await send_steps(bootstrap, namespace, every, total=total, progress=progress, end=end, rate=rate)


async def send_steps(
    bootstrap: str,
    namespace: str,
    every: Iterator[Step],
    *,
    total: int,
    progress: Progress | None = None,
    end: bool = True,
    rate: float | None = None,
) -> Replayed:
    """As `replay`, of records in an order of the caller's. `total`: bytes that they stand for."""
    async with Publisher(bootstrap, namespace) as publisher:
        return await _Run(publisher, total, progress, rate).send_all(every, ended=end)


class _Run:
    """One replay under way."""

    def __init__(self, publisher: Publisher, total: int, progress: Progress | None, rate: float | None) -> None:
        self._publisher = publisher
        self._batches = Batches(publisher)
        self._total = total
        self._progress = progress
        self._rate = rate
        self._read = self._refused = self._bytes = 0
        self._first: int | None = None
        self._last: int | None = None
        self._mark: int | None = None
        self._since_mark = 0
        self._flushed = self._began = time.monotonic()

    async def send_all(self, every: Iterator[Step], *, ended: bool) -> Replayed:
        """Send, wait until it is acknowledged, and say what was sent."""
        # The first step may read whole files to put their lines in order.
        step = await asyncio.to_thread(next, every, None)
        self._flushed = self._began = time.monotonic()
        while step is not None:
            await self._send(step)
            step = next(every, None)
        if ended:
            await self._write_mark(max(self._last or 0, self._mark or 0), ended=True)
        await self._batches.finish()
        self._tell()
        return Replayed(self._read, self._bytes, self._first, self._last, self._refused)

    async def _send(self, step: Step) -> None:
        record = step.record
        if record.time is not None:
            await self._mark_before(record.time)
            self._first = record.time if self._first is None else min(self._first, record.time)
            self._last = record.time if self._last is None else max(self._last, record.time)
        partition = await self._publisher.place(record.topic, record.key)
        await self._batches.append(record.topic, partition, record.key, record.value, record.headers)
        self._read += 1
        self._refused += record.refused
        self._bytes += step.bytes
        self._since_mark += 1
        await self._keep_pace()

    async def _mark_before(self, instant: int) -> None:
        """Say that event time has come to the millisecond before the record that is next: never back, not too often."""
        reached = instant - 1
        if self._mark is not None and (reached <= self._mark or self._since_mark < MARK_EVERY):
            return
        await self._write_mark(reached, ended=False)

    async def _write_mark(self, instant: int, *, ended: bool) -> None:
        value = encode_record(Mark(task=TASK, time=instant, ended=ended))
        for topic in CHANNEL_TOPICS:
            for partition in range(await self._publisher.partitions(topic.name)):
                await self._batches.append(topic.name, partition, None, value, [])
        self._mark = instant
        self._since_mark = 0

    async def _keep_pace(self) -> None:
        now = time.monotonic()
        ahead = 0.0 if self._rate is None else self._read / self._rate - (now - self._began)
        if now - self._flushed < LINGER_SECONDS and ahead < LINGER_SECONDS:
            return
        await self._batches.flush()
        # Lets the producer work: nothing above has to wait while there is room.
        await asyncio.sleep(max(0.0, ahead))
        self._flushed = time.monotonic()
        self._since_mark = max(self._since_mark, 0 if self._rate is None else MARK_EVERY)
        self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._read, self._bytes, self._total)
