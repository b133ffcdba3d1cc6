"""What unit tests of the engine share: records, surroundings without a Kafka, and a processor that counts."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from faust.types import TP

from schemas.envelopes import Mark, encode
from streams.engine.stage import Stage
from streams.engine.surroundings import Surroundings
from streams.engine.transport import Batch
from streams.engine.work import Work
from streams.processor import Outbox, Record
from streams.store import Store

IN = TP("in", 0)


class Kept(NamedTuple):
    """One record of an input."""

    offset: int
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    timestamp: int = 1_000
    topic: str = "in"
    partition: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def mark(offset: int, task: str, time: int, *, ended: bool = False) -> Kept:
    return Kept(offset, None, encode(Mark(task=task, time=time, ended=ended)))


def records(start: int, stop: int, **fields: Any) -> list[Kept]:
    return [Kept(offset, **fields) for offset in range(start, stop)]


def batch(start: int, stop: int, *, after: int | None = None, turn: int = 0) -> Batch:
    return Batch(IN, records(start, stop), start if after is None else after, turn=turn)


class Tally(msgspec.Struct):
    n: int = 0


class Counting:
    """Counts per key; sends the count at the flush."""

    def __init__(self, partition: int = 0) -> None:
        self.counts = Store(b"c", Tally)
        self.clocks: list[int] = []
        self.fault: Exception | None = None

    def take(self, record: Record, out: Outbox) -> None:
        if record.value == b"poison":
            raise LookupError("a rule with a fault")
        key = (record.key or b"").decode()
        tally = self.counts.get(key)
        if tally is None:
            tally = Tally()
            self.counts.put(key, tally)
        tally.n += 1
        self.counts.touch(key)

    def advance(self, clock: int, out: Outbox) -> None:
        if self.fault is not None:
            raise self.fault
        self.clocks.append(clock)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        for key, tally in self.counts.data.items():
            out.send("out", key.encode(), str(tally.n).encode())

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        return self.counts.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.counts.restore(key, value)

    def restored(self) -> None:
        pass


async def _no_seek(positions: Mapping[TP, int | None]) -> Mapping[TP, int]:
    return {tp: offset or 0 for tp, offset in positions.items()}


async def _no_crash(error: BaseException) -> None:
    raise error


def _no_background(coroutine: Coroutine[Any, Any, None]) -> None:
    coroutine.close()


def surroundings(*, wall: bool = True, **changed: Any) -> Surroundings:
    settings: dict[str, Any] = {
        "bootstrap": "nowhere:1",
        "namespace": "",
        "group": "group",
        "partitions": {"in": 2, "also": 2, "out": 3, "count-changelog": 2, "up-changelog": 2},
        "wall": wall,
        "flush_interval": 0.05,
        "lead": 1.0,
        "seek": _no_seek,
        "member_at": lambda: math.inf,
        "crash": _no_crash,
        "background": _no_background,
    }
    return Surroundings(**{**settings, **changed})


def stage(**changed: Any) -> Stage:
    settings: dict[str, Any] = {"name": "count", "inputs": ("in",), "processor": Counting, "marks_to": ("out",)}
    return Stage(**{**settings, **changed})


def work(*, wall: bool = True, **changed: Any) -> Work:
    return Work(stage(**changed), 0, surroundings(wall=wall), 0.0)


async def until(claim: Callable[[], bool]) -> None:
    """Wait until it holds, for 30 s at most."""
    async with asyncio.timeout(30):
        while not claim():  # noqa: ASYNC110 - whatever is claimed, nobody sets an event for it
            await asyncio.sleep(0.001)
