"""A backtest: files in, numbers out, through the real pipeline on a Kafka and in a namespace of its own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from agents.children import Child
from agents.collect import Collected
from agents.file_formats import contents
from schemas.topics import ALERTS_SLA, CONTACTS_FAILED, CUSTOMERS_PROFILES, METRICS_LIVE, prefix_of
from streams.connectors.replay import Replayed, send_steps
from streams.ending import end
from streams.kafka import EmbeddedKafka
from streams.reader import POLL_MS, committed_reader, from_the_start, read_to_the_end
from streams.settings import Settings
from streams.topics import STAGES, ensure_topics

STALL_TIMEOUT = 120.0
BROKEN_OFF = 2.0
"""Seconds that workers get to end when nobody wants their results any more."""


class BacktestFailed(Exception):
    """The pipeline did not get to the end."""


@dataclass(frozen=True)
class Job:
    """What to run. `tz`: IANA zone of the files' local times and of the day; `date`: ISO, for files without dates.

    `source`: name of the source that the files are of; None: the format's.
    """

    files: tuple[Path, ...]
    format: str
    settings: Settings
    config: Path | None = None
    tz: str | None = None
    date: str | None = None
    workers: int = 1
    source: str | None = None


@dataclass
class Progress:
    """How far a backtest is: source records sent and counted, and what it is doing. `total` None: not known yet."""

    doing: str = "starting"
    sent: int = 0
    counted: int = 0
    total: int | None = None
    listeners: list[Callable[["Progress"], None]] = field(default_factory=list)

    def update(self, **changes: Any) -> None:
        """Change fields and tell who listens."""
        for name, value in changes.items():
            setattr(self, name, value)
        for listener in self.listeners:
            listener(self)


async def run(job: Job, progress: Progress) -> Collected:
    """Run the files through the pipeline; returns what came out.

    Raises BacktestFailed where a worker ends early or nothing moves for two minutes.
    """
    with tempfile.TemporaryDirectory(prefix="floorwalker-backtest-") as scratch:
        folder = Path(scratch)
        progress.update(doing="starting Kafka")
        kafka = EmbeddedKafka(folder / "kafka")
        await asyncio.to_thread(kafka.start)
        try:
            return await _on_kafka(job, kafka.bootstrap, folder, progress)
        finally:
            await asyncio.to_thread(kafka.stop)


async def _on_kafka(job: Job, bootstrap: str, folder: Path, progress: Progress) -> Collected:
    service = job.settings.service
    progress.update(doing="creating topics")
    await ensure_topics(bootstrap, service.namespace, service.partitions)
    collected = Collected()
    expected = expected_tasks(service.partitions)
    outputs = [
        prefix_of(service.namespace) + topic.name
        for topic in (METRICS_LIVE, ALERTS_SLA, CUSTOMERS_PROFILES, CONTACTS_FAILED)
    ]
    async with workers_in_event_time(job, bootstrap, folder) as workers, committed_reader(bootstrap) as reader:
        await from_the_start(reader, outputs)
        progress.update(doing="reading files")
        sending = asyncio.create_task(send(job, bootstrap, progress))
        watching = [asyncio.create_task(worker.wait()) for worker in workers]
        try:
            await _collect(reader, collected, expected, sending, watching, progress)
        except BacktestFailed as error:
            words = "; ".join(f"{worker.name}: {worker.last_words()}" for worker in workers)
            raise BacktestFailed(f"{error}; {words}") from None
        finally:
            await end(sending, *watching)
    return collected


def expected_tasks(partitions: int) -> frozenset[str]:
    """Names of all tasks of an installation."""
    return frozenset(
        f"{stage}-{partition}"
        for stage, partitioned in STAGES.items()
        for partition in range(partitions if partitioned else 1)
    )


async def send(job: Job, bootstrap: str, progress: Progress) -> Replayed:
    """Replay the files of a job, its end included."""
    service = job.settings.service
    held = contents(
        job.files,
        job.format,
        job.settings,
        source=job.source or job.format,
        tz=job.tz or service.timezone,
        date=job.date,
    )
    return await send_steps(
        bootstrap,
        service.namespace,
        held.steps,
        total=held.size,
        progress=lambda sent, *_: progress.update(sent=sent),
    )


def is_reading(sending: "asyncio.Future[Replayed]", progress: Progress) -> bool:
    """Whether nothing can come out yet, for files are read to put them in order: minutes, where they are large."""
    return not sending.done() and progress.sent == 0


async def _collect(
    reader: AIOKafkaConsumer,
    collected: Collected,
    expected: frozenset[str],
    sending: "asyncio.Task[Replayed]",
    watching: list["asyncio.Task[int]"],
    progress: Progress,
) -> None:
    last_news = asyncio.get_running_loop().time()
    while True:
        for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
            last_news = asyncio.get_running_loop().time()
            for record in records:
                collected.take(record)
        progress.update(counted=collected.read)
        if is_reading(sending, progress):
            last_news = asyncio.get_running_loop().time()
        elif progress.doing == "reading files":
            progress.update(doing="replaying")
        if sending.done():
            sent = sending.result().read
            progress.update(doing="working it out", total=sent, sent=sent)
            if collected.finished(expected, sent):
                await read_to_the_end(reader, collected.take)
                return
        ended = next((task.result() for task in watching if task.done()), None)
        if ended is not None:
            raise BacktestFailed(f"a worker ended early, with exit code {ended}")
        if asyncio.get_running_loop().time() - last_news > STALL_TIMEOUT:
            waiting = collected.waiting_for(expected)
            raise BacktestFailed(
                f"nothing came out for {STALL_TIMEOUT:.0f} s; {collected.read} of {progress.sent} source records are "
                f"counted, not at their end: {', '.join(waiting) or 'none'}"
            )


@asynccontextmanager
async def workers_in_event_time(job: Job, bootstrap: str, folder: Path) -> AsyncIterator[list[Child]]:
    """The workers of a job; they drain and end with the `async with` block, at once where it is broken off."""
    service = job.settings.service
    arguments = [
        *("worker", "--clock", "event", "--port", "0", "--bootstrap", bootstrap, "--namespace", service.namespace),
        *("--partitions", str(service.partitions)),
        *(("--config", str(job.config)) if job.config else ()),
    ]
    # One secret for all workers and for every backtest of this installation: customers keep their ids.
    environment = {"FLOORWALKER_SERVICE__CUSTOMER_NAMESPACE": str(job.settings.customer_namespace())}
    if job.tz:
        environment["FLOORWALKER_METRICS__TIMEZONE"] = job.tz
    workers = [
        Child(f"worker-{number}", arguments, environment, folder / f"worker-{number}.log")
        for number in range(job.workers)
    ]
    try:
        for worker in workers:
            await worker.start()
        yield workers
    except BaseException:
        await asyncio.gather(*(worker.stop(BROKEN_OFF) for worker in workers))
        raise
    else:
        await asyncio.gather(*(worker.stop() for worker in workers))
