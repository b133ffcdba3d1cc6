"""A stage that counts records per key and says every count, and the program that runs it as a worker.

What it says can be checked without knowing anything of the engine: the counts said of a key are 1, 2, 3 ...
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from faust import Worker

from schemas.topics import Topic, changelog
from streams.engine import Engine, Stage, build_app
from streams.engine.app import FloorwalkerApp
from streams.processor import Outbox, Record
from streams.store import Store
from streams.topics import partition_counts

OUT = "out"
POISON = b"poison"


class Conduct(msgspec.Struct, kw_only=True):
    """How a worker is set up, and how it misbehaves.

    `restore_pause`: seconds that each restored record takes. `poison`: path; a record whose value is POISON raises
    while nothing is there, and leaves something there if `poison_once`. `stay_open`: never commit a transaction.
    """

    bootstrap: str
    namespace: str
    partitions: int = 2
    inputs: tuple[str, ...] = ("in",)
    feeds: dict[str, str] = {}
    marks: bool = False
    wall: bool = True
    session_timeout: float = 4.0
    flush_interval: float = 0.05
    restore_pause: float = 0.0
    poison: str | None = None
    poison_once: bool = True
    stay_open: bool = False

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Inputs, output and changelog; a feeder's changelog says how many tasks it has."""
        feeders = sorted(set(self.feeds.values()))
        return (
            *(Topic(name=name, key="key", holds="things to count") for name in self.inputs),
            Topic(name=OUT, key="key", holds="counts"),
            *(changelog(name, partitioned=True) for name in ("count", *feeders)),
        )

    @property
    def group(self) -> str:
        """The consumer group's id."""
        return f"{self.namespace}.floorwalker"


class Count(msgspec.Struct):
    """How often a key was seen."""

    n: int = 0


class Said(msgspec.Struct):
    """One output: the count of a key, and what was counted."""

    n: int
    value: str
    topic: str


class Counting:
    """The processor: one output per record."""

    def __init__(self, conduct: Conduct, partition: int) -> None:
        self.partition = partition
        self.counts = Store(b"c", Count)
        self.clocks: list[int] = []
        self._conduct = conduct

    def take(self, record: Record, out: Outbox) -> None:
        assert record.key is not None
        assert record.value is not None
        if record.value == POISON:
            self._stumble()
        key = record.key.decode()
        count = self.counts.get(key)
        if count is None:
            count = Count()
            self.counts.put(key, count)
        count.n += 1
        self.counts.touch(key)
        said = Said(count.n, record.value.decode(), record.topic.rpartition(".")[2])
        out.send(OUT, record.key, msgspec.json.encode(said))

    def _stumble(self) -> None:
        assert self._conduct.poison is not None
        path = Path(self._conduct.poison)
        if not path.exists():
            if self._conduct.poison_once:
                path.touch()
            raise LookupError("a rule with a fault")

    def advance(self, clock: int, out: Outbox) -> None:
        self.clocks.append(clock)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        pass

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        return self.counts.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        if self._conduct.restore_pause:
            time.sleep(self._conduct.restore_pause)
        self.counts.restore(key, value)

    def restored(self) -> None:
        pass


def build(conduct: Conduct) -> tuple[FloorwalkerApp, Engine]:
    """The counting stage, wired as agents are; nothing is started."""
    app, engine = build_app(
        bootstrap=conduct.bootstrap,
        namespace=conduct.namespace,
        partitions=partition_counts(conduct.partitions, conduct.topics),
        wall=conduct.wall,
        flush_interval=conduct.flush_interval,
        session_timeout=conduct.session_timeout,
    )
    stage = Stage(
        name="count",
        inputs=conduct.inputs,
        processor=lambda partition: Counting(conduct, partition),
        feeds=conduct.feeds,
        marks_to=(OUT,) if conduct.marks else (),
    )

    @app.agent(engine.add(stage), name="count")
    async def count(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)

    return app, engine


def _stay_open() -> None:
    async def never(self: AIOKafkaProducer) -> None:
        print("transaction stays open", flush=True)
        await asyncio.Event().wait()

    AIOKafkaProducer.commit_transaction = never


if __name__ == "__main__":
    conducted = msgspec.json.decode(sys.argv[1], type=Conduct)
    if conducted.stay_open:
        _stay_open()
    worker_app, _ = build(conducted)
    Worker(worker_app, loglevel="WARN", quiet=True).execute_from_commandline()
