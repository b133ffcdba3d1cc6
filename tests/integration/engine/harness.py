"""Workers as processes and in this one, what feeds them, and an independent reader of what they say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.envelopes import Mark, decode_mark
from streams.engine import Engine
from streams.engine.app import FloorwalkerApp
from streams.kafka import tether
from streams.topics import ensure_topics
from tests.ends import ends_of, take_off
from tests.integration.engine.counting import OUT, Conduct, Said, build

ROOT = Path(__file__).parents[3]
PATIENCE = 90.0
READ = 60.0
"""Seconds within which a client reaches the end of a topic."""


def create(conduct: Conduct) -> None:
    """Make the topics."""
    asyncio.run(ensure_topics(conduct.bootstrap, conduct.namespace, conduct.partitions, conduct.topics))


def wait_for(claim: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until it holds; an AssertionError says what did not come true."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


async def wait_until(claim: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """`wait_for` beside other coroutines."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.02)


class WorkerProcess:
    """A worker of its own process; killed at the end, whatever the test did."""

    def __init__(self, conduct: Conduct, log: Path) -> None:
        self._log = log
        with log.open("wb") as words:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, tether.__file__, str(os.getpid())),
                    *(sys.executable, "-m", "tests.integration.engine.counting", msgspec.json.encode(conduct).decode()),
                ],
                cwd=ROOT,
                stdout=words,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
            )

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self._log.read_text(errors="replace")

    def wait_restored(self, tasks: int = 1) -> None:
        """Wait until so many tasks have their state, counted from the start."""
        wait_for(lambda: self.log.count("task.restored") >= tasks, f"{tasks} tasks restored; log:\n{self.log[-2000:]}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        """SIGINT, as Ctrl-C does; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@asynccontextmanager
async def running(
    conduct: Conduct, prepare: Callable[[FloorwalkerApp], None] = lambda _: None
) -> AsyncIterator[Engine]:
    """A worker in this process, its tasks ready."""
    app, engine = build(conduct)
    prepare(app)
    starting = asyncio.create_task(app.start())
    try:
        await wait_until(lambda: engine.tasks != [] and not engine.unready(), "the tasks are at work")
        yield engine
    finally:
        await app.stop()
        await starting


def producer(conduct: Conduct, **settings: Any) -> Producer:
    """Puts keys where the engine puts them."""
    return Producer(
        {"bootstrap.servers": conduct.bootstrap, "partitioner": "murmur2_random", "linger.ms": 5, **settings}
    )


def feed(conduct: Conduct, values: Iterable[str], *, keys: int = 10, topic: str = "in") -> int:
    """Produce the values, key by key in turn; returns how many."""
    to = producer(conduct)
    count = 0
    for count, value in enumerate(values, start=1):
        to.produce(f"{conduct.namespace}.{topic}", value.encode(), key=f"key-{count % keys}")
        if not count % 10_000:
            to.flush()
    assert to.flush(READ) == 0
    return count


class Feeder:
    """Produces at a steady pace from another thread until stopped."""

    def __init__(self, conduct: Conduct, *, rate: int = 1000, topic: str = "in") -> None:
        self.count = 0
        self._conduct, self._rate, self._topic = conduct, rate, topic
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Say no more; what was said is with Kafka on return."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        to = producer(self._conduct)
        while not self._stop.wait(0.01):
            for _ in range(self._rate // 100):
                to.produce(f"{self._conduct.namespace}.{self._topic}", b"x", key=f"key-{self.count % 10}")
                self.count += 1
            to.poll(0)
        assert to.flush(READ) == 0


def read(conduct: Conduct, topic: str = OUT, *, committed: bool = True) -> list[Message]:
    """All that stands in a topic now, by a client that shares nothing with the engine."""
    name = f"{conduct.namespace}.{topic}"
    consumer = Consumer(
        {
            "bootstrap.servers": conduct.bootstrap,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        }
    )
    messages: list[Message] = []
    deadline = time.monotonic() + READ
    parts = [TopicPartition(name, partition, 0) for partition in range(conduct.partitions)]
    try:
        ends = ends_of(consumer, parts, READ)
        consumer.assign(parts)
        while ends:
            assert time.monotonic() < deadline, f"not read up to its ends in {READ} s: {ends}"
            for message in consumer.consume(5_000, timeout=0.2):
                take_off(ends, message)
                if message.error() is None:
                    messages.append(message)
    finally:
        consumer.close()
    return messages


def said(conduct: Conduct) -> dict[str, list[Said]]:
    """What was said of every key, in order."""
    by_key: dict[str, list[Said]] = defaultdict(list)
    for message in read(conduct):
        if (key := message.key()) is not None:
            by_key[key.decode()].append(msgspec.json.decode(message.value() or b"", type=Said))
    return by_key


def marks(conduct: Conduct) -> list[tuple[int, Mark]]:
    """The watermarks on the output: (partition, mark)."""
    return [
        (message.partition() or 0, decode_mark(message.value() or b""))
        for message in read(conduct)
        if message.key() is None
    ]


def assert_counted_once(conduct: Conduct, total: int, seconds: float = PATIENCE) -> dict[str, list[Said]]:
    """Wait until `total` records are counted; then every key's counts are 1, 2, 3 ... and there are no more."""
    wait_for(lambda: sum(map(len, said(conduct).values())) >= total, f"{total} counts on {OUT}", seconds)
    time.sleep(0.3)
    by_key = said(conduct)
    for key, counts in by_key.items():
        assert [each.n for each in counts] == list(range(1, len(counts) + 1)), key
    assert sum(map(len, by_key.values())) == total
    return by_key


def members_of(conduct: Conduct) -> int:
    """How many workers are in the group."""
    admin = AdminClient({"bootstrap.servers": conduct.bootstrap})
    return len(admin.describe_consumer_groups([conduct.group])[conduct.group].result(READ).members)


def committed(conduct: Conduct, topic: str = "in") -> dict[int, int]:
    """The group's committed offsets."""
    wanted = [TopicPartition(f"{conduct.namespace}.{topic}", partition) for partition in range(conduct.partitions)]
    admin = AdminClient({"bootstrap.servers": conduct.bootstrap})
    request = [ConsumerGroupTopicPartitions(conduct.group, wanted)]
    answer = admin.list_consumer_group_offsets(request)[conduct.group].result(READ)
    return {each.partition: each.offset for each in answer.topic_partitions}


def commit(conduct: Conduct, offsets: dict[int, int], topic: str = "in") -> None:
    """Set the committed offsets of a group that has no members."""
    name = f"{conduct.namespace}.{topic}"
    wanted = [TopicPartition(name, partition, offset) for partition, offset in offsets.items()]
    admin = AdminClient({"bootstrap.servers": conduct.bootstrap})
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(conduct.group, wanted)])[conduct.group].result(
        READ
    )
