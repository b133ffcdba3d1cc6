"""A task: one agent x one partition, with its state, outputs, clock, positions and transactional producer."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from faust.types import TP

from schemas.envelopes import Mark
from schemas.envelopes import encode as encode_record
from streams import telemetry
from streams.engine.changelog import read_changelog
from streams.engine.clock import Clock
from streams.engine.marks import decode_mark, report
from streams.engine.stage import REPLAY, Stage
from streams.engine.transport import Batch
from streams.engine.writer import (
    POSITIONS_KEY,
    Flush,
    Positions,
    Writer,
    decode_positions,
    encode_positions,
)
from streams.processor import Headers, Output, Processor

log = structlog.get_logger()

TICK = 0.02
MARK_INTERVAL = 1.0
ROOM = 3
LARGEST_FLUSH = 20_000
REVOKE_TIMEOUT = 5.0
STRIKES = 3
BACKOFF = (0.5, 1.0, 2.0, 5.0)
SELF = ""


@dataclass(frozen=True)
class Surroundings:
    """What every task of a process shares. `wall`: in service (else event time). Intervals in seconds."""

    bootstrap: str
    namespace: str
    group: str
    partitions: Mapping[str, int]
    wall: bool
    flush_interval: float
    fence_wait: float
    seek: Callable[[Mapping[TP, int | None]], Awaitable[None]]
    crash: Callable[[BaseException], Awaitable[None]]

    def physical(self, topic: str) -> str:
        """The topic's name on the cluster."""
        return f"{self.namespace}.{topic}" if self.namespace else topic


class TaskOutbox:
    """Collects what the processor sends until the next flush."""

    __slots__ = ("outputs",)

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        self.outputs.append(Output(topic, key, value, headers, partition))


class Task:
    """Runs one processor exactly once over its input partitions. See docs/engine.md for its life."""

    def __init__(self, stage: Stage, partition: int, around: Surroundings) -> None:
        self.stage = stage
        self.partition = partition
        self.name = f"{stage.name}-{partition}"
        self.inputs = {TP(around.physical(topic), partition): topic for topic in stage.inputs}
        self.ready = asyncio.Event()
        self._around = around
        self._loop: asyncio.Task[None] | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._writer: Writer | None = None
        self._strikes = 0
        self._labels = (stage.name, str(partition))
        telemetry.WATERMARK_AGE.labels(*self._labels).set_function(self._watermark_age)
        self._out = {topic: around.partitions[topic] for topic in stage.marks_to}
        self._forget()

    def _forget(self) -> None:
        """Back to nothing: no state, no positions."""
        self.ready.clear()
        telemetry.READY.labels(*self._labels).set(0)
        self.processor: Processor = self.stage.processor(self.partition)
        self.positions: dict[TP, int] = {}
        self.clock = Clock(self._sources(), wall=self._around.wall and not self.stage.head)
        self._intact = False
        self._outbox = TaskOutbox()
        self._advanced = 0
        self._marked = (0, False)
        self._marked_at = 0.0
        self._dirty = False
        self._moved = False
        self._flushed_at = time.monotonic()
        self._since_flush = 0
        self._clear_inbox()

    def _clear_inbox(self) -> None:
        self._inbox: deque[tuple[TP, Batch]] = deque()
        self._arrived = asyncio.Event()
        self._pending = dict.fromkeys(self.inputs, 0)

    def _sources(self) -> Iterable[tuple[str, str]]:
        for topic in self.stage.inputs:
            feeder = self.stage.feeds.get(topic)
            if feeder is not None:
                for partition in range(self._feeder_tasks(feeder)):
                    yield topic, f"{feeder}-{partition}"
            elif self.stage.head:
                yield topic, SELF if self._around.wall else REPLAY

    def _feeder_tasks(self, feeder: str) -> int:
        return self._around.partitions[f"{feeder}-changelog"]

    def _watermark_age(self) -> float:
        return time.time() - self._advanced / 1000 if self._advanced else math.nan

    # -- what the transport asks and tells -----------------------------------------------------------------

    def admits(self, tp: TP) -> bool:
        """Ready, with room for another batch of this partition."""
        return self.ready.is_set() and self._pending[tp] < ROOM and self._since_flush < LARGEST_FLUSH

    def handed_out(self, tp: TP) -> None:
        self._pending[tp] += 1

    def deliver(self, tp: TP, batch: Batch) -> None:
        """Take a batch; it is applied by the task's own loop. While not ready, it is let go: `start` seeks back."""
        if self.ready.is_set():
            self._inbox.append((tp, batch))
            self._arrived.set()

    def read_up_to(self, tp: TP, time_ms: int) -> None:
        """The broker had nothing more in this partition at `time_ms`: the clock of what comes from outside."""
        if self.stage.head and self._around.wall and self.ready.is_set() and not self._pending[tp]:
            self.clock.mark((self.inputs[tp], SELF), time_ms)

    # -- its life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go on after `suspend`; returns at once, `ready` is set when the state is there."""
        self._loop = asyncio.create_task(self._run(), name=self.name)

    async def suspend(self) -> None:
        """Stop taking records and flush what was taken, for 5 s at most; the state stays if that went well."""
        loop, self._loop = self._loop, None
        self.ready.clear()
        telemetry.READY.labels(*self._labels).set(0)
        if loop is not None:
            loop.cancel()
            await asyncio.wait([loop])
        self._clear_inbox()
        if not self._intact:
            await self._drop()
            return
        try:
            async with asyncio.timeout(REVOKE_TIMEOUT):
                await self._await_flush()
                if self._dirty or self._moved:
                    await self._send(self._gather())
        except Exception as error:
            log.warning("task.flush_on_revoke_failed", task=self.name, error=repr(error))
            await self._drop()

    async def close(self) -> None:
        """Suspend and let go of everything."""
        await self.suspend()
        await self._drop()

    async def _drop(self) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            flushing.cancel()
            await asyncio.wait([flushing])
        writer, self._writer = self._writer, None
        self._forget()
        if writer is not None:
            try:
                async with asyncio.timeout(REVOKE_TIMEOUT):
                    await writer.stop()
            except Exception as error:
                log.info("task.producer_stop", task=self.name, error=repr(error))

    async def _run(self) -> None:
        away = 0
        while True:
            try:
                if not self._intact:
                    await self._open()
                away = 0
                await self._begin()
                await self._work()
            except asyncio.CancelledError:
                raise
            except ProducerFenced:
                # Either another worker owns the partition (the group will tell us within a heartbeat or two, and this
                # loop is cancelled) or the coordinator timed our transaction out: then the partition is still ours.
                telemetry.FLUSH_FAILURES.labels(*self._labels, "ProducerFenced").inc()
                log.warning("task.fenced", task=self.name)
                await self._drop()
                await asyncio.sleep(self._around.fence_wait)
            except (KafkaError, OSError, TimeoutError) as error:
                telemetry.FLUSH_FAILURES.labels(*self._labels, type(error).__name__).inc()
                log.warning("task.kafka_away", task=self.name, error=repr(error))
                await self._drop()
                await asyncio.sleep(BACKOFF[min(away, len(BACKOFF) - 1)])
                away += 1
            except Exception as error:
                self._strikes += 1
                log.exception("task.failed", task=self.name, strike=self._strikes)
                await self._drop()
                if self._strikes >= STRIKES:
                    await self._around.crash(error)
                    return
                await asyncio.sleep(BACKOFF[0])

    async def _begin(self) -> None:
        """Have the inputs read from this task's positions on, and say that it is ready."""
        self._clear_inbox()
        await self._around.seek({tp: self.positions.get(tp) for tp in self.inputs})
        self.ready.set()
        telemetry.READY.labels(*self._labels).set(1)

    async def _open(self) -> None:
        """Fence the former owner, then read the state back."""
        around = self._around
        began = time.monotonic()
        self._writer = Writer(
            bootstrap=around.bootstrap,
            transactional_id=f"{around.group}-{self.stage.name}-{self.partition}",
            group=around.group,
            namespace=around.namespace,
            partitions=around.partitions,
        )
        await self._writer.start()
        count = await read_changelog(
            around.bootstrap, around.physical(self.stage.changelog), self.partition, self._restore
        )
        self.processor.restored()
        self._intact = True
        took = time.monotonic() - began
        telemetry.RESTORES.labels(*self._labels).inc()
        telemetry.RESTORE_SECONDS.labels(*self._labels).set(took)
        telemetry.RESTORED_RECORDS.labels(*self._labels).set(count)
        log.info("task.restored", task=self.name, records=count, seconds=round(took, 3))

    def _restore(self, key: bytes, value: bytes | None) -> None:
        if key != POSITIONS_KEY:
            self.processor.restore(key, value)
        elif value is not None:
            saved = decode_positions(value)
            by_name = {f"{topic}|{tp.partition}": tp for tp, topic in self.inputs.items()}
            self.positions = {by_name[name]: offset for name, offset in saved.offsets.items() if name in by_name}
            self.clock.load(saved.clock, saved.marks)
            self._advanced = saved.clock

    # -- its work ------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            if self._inbox:
                tp, batch = self._inbox.popleft()
                position = self.positions.get(tp, 0)
                if batch.after is not None and batch.after > position:
                    # Left over from before a seek: what lies between would be lost.
                    log.info("task.gap", task=self.name, topic=tp.topic, position=position, after=batch.after)
                    await self._begin()
                    continue
                self._apply(tp, batch.records)
                await asyncio.sleep(0)
            else:
                self._arrived.clear()
                try:
                    async with asyncio.timeout(TICK):
                        await self._arrived.wait()
                except TimeoutError:
                    pass
            self._tick()
            await self._flush_if_due()

    def _apply(self, tp: TP, records: list[Any]) -> None:
        topic = self.inputs[tp]
        position = self.positions.get(tp, 0)
        take, outbox = self.processor.take, self._outbox
        skipped = marks = 0
        for record in records:
            if record.offset < position:
                skipped += 1
            elif record.key is None:
                marks += 1
                self._take_mark(topic, record)
            else:
                take(record, outbox)
        last = records[-1]
        self._pending[tp] -= 1
        if skipped:
            telemetry.SKIPPED.labels(*self._labels).inc(skipped)
        if last.offset < position:
            return
        self.positions[tp] = last.offset + 1
        self._moved = True
        taken = len(records) - skipped - marks
        if taken:
            self._dirty = True
            self._since_flush += taken
            telemetry.RECORDS.labels(*self._labels).inc(taken)
        if self.stage.head and self._around.wall:
            self.clock.mark((topic, SELF), last.timestamp)

    def _take_mark(self, topic: str, record: Any) -> None:
        mark = decode_mark(record)
        if mark is not None:
            self.clock.mark((topic, mark.task), mark.time, mark.ended)

    def _tick(self) -> None:
        wall = int(time.time() * 1000)
        now = self.clock.now(wall)
        if now > self._advanced:
            self._advanced = now
            before = len(self._outbox.outputs)
            self.processor.advance(now, self._outbox)
            if len(self._outbox.outputs) > before:
                self._dirty = True

    def _mark_due(self, at: float) -> bool:
        now, ended = self._advanced, self.clock.ended
        if (now, ended) == self._marked or not now:
            return False
        pause = MARK_INTERVAL if self._around.wall else self._around.flush_interval
        return ended != self._marked[1] or at - self._marked_at >= pause

    async def _flush_if_due(self) -> None:
        if self._flushing is not None and self._flushing.done():
            await self._await_flush()
        at = time.monotonic()
        age = at - self._flushed_at
        due = (self._dirty and age >= self._around.flush_interval) or self._mark_due(at)
        due = due or (self._moved and age >= MARK_INTERVAL)
        if not due and self._since_flush < LARGEST_FLUSH:
            return
        if self._flushing is not None:
            if self._since_flush < LARGEST_FLUSH:
                return
            await self._await_flush()
        self._flushing = asyncio.create_task(self._send(self._gather()), name=f"{self.name}-flush")

    async def _await_flush(self) -> None:
        if self._flushing is not None:
            await asyncio.shield(self._flushing)
            self._flushing = None

    def _gather(self) -> Flush:
        """Everything that leaves now, as bytes. No await: what comes later belongs to the next flush."""
        at = time.monotonic()
        ended = self.clock.ended
        report(self.processor, {**self._reported_marks(), self.name: (self._advanced, ended)})
        self.processor.before_flush(self._outbox, ended=ended)
        outputs, self._outbox.outputs = self._outbox.outputs, []
        if self._mark_due(at):
            self._marked, self._marked_at = (self._advanced, ended), at
            mark = encode_record(Mark(task=self.name, time=self._advanced, ended=ended))
            outputs += [
                Output(topic, None, mark, (), partition)
                for topic, count in self._out.items()
                for partition in range(count)
            ]
        changes = list(self.processor.changes())
        offsets = {f"{self.inputs[tp]}|{tp.partition}": offset for tp, offset in self.positions.items()}
        changes.append((POSITIONS_KEY, encode_positions(Positions(offsets, *self.clock.dump()))))
        self._dirty = self._moved = False
        self._since_flush = 0
        self._flushed_at = at
        return Flush(
            outputs=outputs,
            changes=changes,
            offsets={TopicPartition(tp.topic, tp.partition): offset for tp, offset in self.positions.items()},
            started=at,
        )

    def _reported_marks(self) -> dict[str, tuple[int, bool]]:
        return {task: mark for (_, task), mark in self.clock.marks.items() if task not in (SELF, REPLAY)}

    async def _send(self, flush: Flush) -> None:
        assert self._writer is not None
        await self._writer.send(flush, (self.stage.changelog, self.partition))
        self._strikes = 0
        telemetry.FLUSHES.labels(*self._labels).inc()
        telemetry.FLUSH_SECONDS.labels(*self._labels).observe(time.monotonic() - flush.started)
        counts: dict[str, int] = {}
        for output in flush.outputs:
            counts[output.topic] = counts.get(output.topic, 0) + 1
        for topic, count in counts.items():
            telemetry.OUTPUTS.labels(*self._labels, topic).inc(count)
