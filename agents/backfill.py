"""A back-fill: the past through a namespace in event time, before it goes into service.

The past is in files, or on the channel topics of another namespace: then it is rebuilt.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from agents.backtest import (
    STALL_TIMEOUT,
    BacktestFailed,
    Job,
    Progress,
    expected_tasks,
    is_reading,
    send,
    workers_in_event_time,
)
from schemas import live
from schemas.instants import to_ms
from schemas.topics import METRICS_LIVE, prefix_of
from streams.connectors.rebuild import rebuild, refuse_filled
from streams.connectors.replay import Replayed
from streams.ending import end
from streams.processor import Record
from streams.reader import POLL_MS, committed_reader, from_the_start, read_to_the_end
from streams.service_check import refuse_in_service
from streams.topics import ensure_topics

Sending = Callable[[Job, str, Progress], Awaitable[Replayed]]
"""Sends what a job is about: the job, address of Kafka, how far it is."""


class _Reached:
    """How far the pipeline has got, as it last said. `expected`: names of its tasks."""

    def __init__(self, expected: frozenset[str]) -> None:
        self._expected = expected
        self._pipeline: live.Pipeline | None = None

    @property
    def read(self) -> int:
        """Source records counted."""
        return self._pipeline.read if self._pipeline else 0

    def take(self, record: Record) -> None:
        """Take a record of metrics.live."""
        if record.key == live.PIPELINE_KEY and record.value is not None:
            self._pipeline = live.decode_pipeline(record.value)

    def ended(self, at: int) -> bool:
        """Whether every task is at its end, which is no earlier than `at` (ms): not that of an earlier back-fill."""
        tasks = self._pipeline.tasks if self._pipeline else {}
        marks = [tasks.get(name) for name in self._expected]
        return all(mark is not None and mark.ended and to_ms(mark.watermark) >= at for mark in marks)


async def rebuild_from(old: str, job: Job, bootstrap: str, folder: Path, progress: Progress) -> Replayed:
    """Work what stands on the channel topics of namespace `old` through the job's own, which is made as it is needed.

    Returns and raises what `backfill` does; TopicMissing where there is no such namespace, NotFresh where the job's
    is not empty, and TopicMismatch where it has another number of partitions.
    """
    service = job.settings.service
    progress.update(doing="creating topics")
    await ensure_topics(bootstrap, service.namespace, service.partitions)
    await refuse_filled(bootstrap, service.namespace)

    async def sending(job: Job, bootstrap: str, progress: Progress) -> Replayed:
        return await rebuild(bootstrap, old, service.namespace, progress=lambda sent, *_: progress.update(sent=sent))

    return await backfill(job, bootstrap, folder, progress, sending)


async def backfill(job: Job, bootstrap: str, folder: Path, progress: Progress, sending_of: Sending = send) -> Replayed:
    """Work the job's files through its namespace and end the workers in order; `folder` takes their logs.

    Returns what was sent. Raises NamespaceInService for a namespace that has been in service, and BacktestFailed where
    a worker ends early or nothing moves for two minutes; KafkaError, TopicMismatch.
    """
    service = job.settings.service
    progress.update(doing="creating topics")
    await ensure_topics(bootstrap, service.namespace, service.partitions)
    await refuse_in_service(bootstrap, service.namespace, service.partitions)
    async with committed_reader(bootstrap) as reader:
        await from_the_start(reader, [prefix_of(service.namespace) + METRICS_LIVE.name])
        reached = _Reached(expected_tasks(service.partitions))
        await read_to_the_end(reader, reached.take)
        before = reached.read
        progress.update(doing="starting workers")
        async with workers_in_event_time(job, bootstrap, folder) as workers:
            sending = asyncio.ensure_future(sending_of(job, bootstrap, progress))
            watching = [asyncio.create_task(worker.wait()) for worker in workers]
            try:
                async for _ in _news(reader, reached, lambda: is_reading(sending, progress)):
                    progress.update(doing="working it out", counted=reached.read - before)
                    if any(task.done() for task in watching):
                        raise BacktestFailed("a worker ended early")
                    if sending.done():
                        sent = sending.result()
                        progress.update(total=sent.read)
                        if reached.read >= before + sent.read and reached.ended(sent.last or 0):
                            break
            except BacktestFailed as error:
                words = "; ".join(f"{worker.name}: {worker.last_words()}" for worker in workers)
                raise BacktestFailed(f"{error}; {words}") from None
            finally:
                await end(sending, *watching)
            progress.update(doing="ending workers")
        return sent


async def _news(reader: AIOKafkaConsumer, reached: _Reached, waits: Callable[[], bool]) -> AsyncIterator[None]:
    """Take what the pipeline says, some times a second. Raises BacktestFailed when it has said nothing for long, except
    where it `waits` for the first record."""
    loop = asyncio.get_running_loop()
    last_news = loop.time()
    while True:
        for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
            last_news = loop.time()
            for record in records:
                reached.take(record)
        yield
        if waits():
            last_news = loop.time()
        if loop.time() - last_news > STALL_TIMEOUT:
            raise BacktestFailed(f"nothing came out for {STALL_TIMEOUT:.0f} s")
