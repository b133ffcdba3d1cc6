"""A task: one agent x one partition, with its state, outputs, clock, positions and transactional producer."""

import asyncio
import math
import time

import structlog
from aiokafka.errors import KafkaError, ProducerFenced
from faust.types import TP

from streams.ending import end
from streams.engine.changelog import read_changelog
from streams.engine.gauges import TaskGauges
from streams.engine.inbox import Inbox
from streams.engine.setbacks import Setbacks
from streams.engine.stage import Stage
from streams.engine.surroundings import Surroundings
from streams.engine.transport import Batch
from streams.engine.work import LARGEST_FLUSH, Work
from streams.engine.writer import Flush, Writer

log = structlog.get_logger()

TICK = 0.02
REVOKE_TIMEOUT = 5.0
FLUSH_TIMEOUT = 30.0
"""Seconds after which a flush counts as failed: its transaction has timed out long before."""
STALL = 5.0
"""Seconds without an answer of the brokers after which a task counts as not at work."""
MEMBER_POLL = 0.1
CANCEL_AGAIN = 0.5


class Task:
    """Runs one processor exactly once over its input partitions. See docs/engine.md for its life."""

    def __init__(self, stage: Stage, partition: int, around: Surroundings) -> None:
        self.stage = stage
        self.partition = partition
        self.name = f"{stage.name}-{partition}"
        self.inputs = {TP(around.physical(topic), partition): topic for topic in stage.inputs}
        self.ready = asyncio.Event()
        self._around = around
        self._assigned = asyncio.Event()
        self._suspending = asyncio.Lock()
        self._loop: asyncio.Task[None] | None = None
        self._work: Work | None = None
        self._writer: Writer | None = None
        self._restoring = False
        self._flushing: asyncio.Task[None] | None = None
        self._flush_began = 0.0
        self._inbox = Inbox(self.inputs)
        self._setbacks = Setbacks()
        self._gauges = TaskGauges(stage.name, partition, stage.inputs, self._watermark_age)
        self._stop_taking()

    def _stop_taking(self) -> None:
        self.ready.clear()
        self._inbox.close()
        self._gauges.ready.set(0)

    # -- what others ask -----------------------------------------------------------------------------------

    @property
    def work(self) -> Work | None:
        """What it has taken and worked out; None until its state is there."""
        return self._work

    @property
    def at_work(self) -> bool:
        """Whether it takes records, the brokers answer it, and its flushes get through."""
        if not self.ready.is_set() or self._work is None:
            return False
        if self._flushing is not None and time.monotonic() - self._flush_began > STALL:
            return False
        full = self._work.unflushed >= LARGEST_FLUSH
        return full or self._inbox.heard_since(_now_ms() - round(STALL * 1000))

    def _watermark_age(self) -> float:
        work = self._work
        return time.time() - work.advanced / 1000 if work is not None and work.advanced else math.nan

    # -- what the transport asks and tells -----------------------------------------------------------------

    def admits(self, tp: TP) -> int:
        """The number of its turn, if it has room for another batch of this partition; else 0.

        Also called by the thread that fetches.
        """
        work = self._work
        return 0 if work is None or work.unflushed >= LARGEST_FLUSH else self._inbox.admits(tp)

    def handed_out(self, tp: TP, turn: int) -> None:
        """A batch of this partition, fetched in this turn, is on its way."""
        self._inbox.handed_out(tp, turn, _now_ms())

    def deliver(self, tp: TP, batch: Batch) -> None:
        """Take a batch; it is applied by the task's own loop."""
        self._inbox.deliver(tp, batch)

    def read_up_to(self, tp: TP, turn: int, time_ms: int) -> None:
        """The brokers had nothing more in this partition when asked at `time_ms`."""
        if self._work is not None and self._inbox.caught_up(tp, turn, time_ms):
            self._gauges.lag[self.inputs[tp]].set(0)
            self._work.read_up_to(tp, time_ms)

    # -- its life ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go on after `suspend`; returns at once, `ready` is set when the state is there."""
        self._assigned.set()
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._run(), name=self.name)

    async def suspend(self) -> None:
        """Stop taking records and flush what was taken, for 5 s at most; the state stays if that went well.

        A restore under way goes on: it only reads, and is of use if the partition stays here. Whoever comes while it
        is being suspended, as the end of the process does in a rebalance, waits for that.
        """
        self._assigned.clear()
        self._stop_taking()
        async with self._suspending:
            await self._suspend()

    async def _suspend(self) -> None:
        if self._restoring:
            return
        await self._cancel_loop()
        if self._work is None:
            self._drop()
            return
        try:
            async with asyncio.timeout(REVOKE_TIMEOUT):
                await self._await_flush()
                if self._work.unsent:
                    await self._send(self._work, self._work.gather(time.monotonic(), last=True))
        # Whatever it is: what did not leave is worked out again, here or by who has the partition next.
        except Exception as error:  # noqa: BLE001
            log.warning("task.flush_on_revoke_failed", task=self.name, error=repr(error))
            self._drop()

    async def close(self) -> None:
        """Suspend and let go of everything."""
        await self.suspend()
        await self._cancel_loop()
        self._drop()

    def retire(self) -> None:
        """Say no more about it: another process has the partition."""
        self._gauges.remove()

    async def _cancel_loop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            # A consumer that is being stopped takes a cancellation for that of its own fetcher.
            await end(loop, again=CANCEL_AGAIN)

    def _drop(self) -> None:
        """Let go of state and producer. No await: nobody may go on with a state that a flush was lost from."""
        self._stop_taking()
        self._work = None
        flushing, self._flushing = self._flushing, None
        writer, self._writer = self._writer, None
        if writer is not None:
            self._around.background(_dispose(self.name, writer, flushing))

    async def _run(self) -> None:
        while True:
            try:
                if self._work is None:
                    await self._open()
                await self._assigned.wait()
                await self._begin()
                await self._take_and_flush()
            # Nothing is swallowed: the batch is taken again, and at the third time at one place the process ends.
            except Exception as error:  # noqa: BLE001
                failed_at = time.monotonic()
                given_up = self._note_failure(error)
                self._drop()
                if given_up:
                    await self._around.crash(error)
                    return
                await asyncio.sleep(self._setbacks.pause(error))
                await self._belong(failed_at)

    def _note_failure(self, error: Exception) -> bool:
        """Count it; returns whether it is one time too many."""
        if self._setbacks.of_kafka(error):
            self._gauges.failure(type(error).__name__)
            event = "task.fenced" if isinstance(error, ProducerFenced) else "task.kafka_away"
            log.warning(event, task=self.name, error=repr(error))
            return False
        given_up = self._setbacks.strike(None if self._work is None else self._work.reached())
        log.error("task.failed", task=self.name, strike=self._setbacks.strikes, exc_info=error)
        return given_up

    async def _belong(self, since: float) -> None:
        """Wait until the group has said, later than `since`, that this process is one of it.

        A process that stood still while its partitions went to another would fence the rightful owner by opening the
        task again: it finds out here, and its loop is cancelled.
        """
        while self._around.member_at() <= since:  # noqa: ASYNC110 - another thread's heartbeat is waited for
            await asyncio.sleep(MEMBER_POLL)

    async def _open(self) -> None:
        """Fence the former owner, then read the state back."""
        await self._assigned.wait()
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
        work = Work(self.stage, self.partition, around, began)
        self._restoring = True
        try:
            count = await read_changelog(
                around.bootstrap, around.physical(self.stage.changelog), self.partition, work.restore
            )
            work.restored()
        finally:
            self._restoring = False
        self._work = work
        took = time.monotonic() - began
        self._gauges.restored(count, took)
        log.info("task.restored", task=self.name, records=count, seconds=round(took, 3))

    async def _begin(self) -> None:
        """Have the inputs read from this task's positions on, and say that it is ready."""
        work = self._work
        if work is None:
            raise RuntimeError(f"{self.name} has no state to begin with")
        self._stop_taking()
        work.positions.update(await self._around.seek({tp: work.positions.get(tp) for tp in self.inputs}))
        self._inbox.open(_now_ms())
        self.ready.set()
        self._gauges.ready.set(1)

    # -- its work ------------------------------------------------------------------------------------------

    async def _take_and_flush(self) -> None:
        work = self._work
        if work is None:
            raise RuntimeError(f"{self.name} has no state to work with")
        while True:
            next_batch = self._inbox.take()
            if next_batch is None:
                await self._inbox.wait(TICK)
            else:
                tp, batch = next_batch
                if work.gap(tp, batch):
                    log.warning("task.gap", task=self.name, topic=tp.topic, after=batch.after)
                    await self._begin()
                    continue
                self._gauges.applied(*work.apply(tp, batch.records))
                self._inbox.applied(tp, batch)
                await asyncio.sleep(0)
            work.tick(_now_ms())
            await self._flush_if_due(work)

    async def _flush_if_due(self, work: Work) -> None:
        if self._flushing is not None and self._flushing.done():
            await self._await_flush()
        at = time.monotonic()
        if not work.due(at):
            return
        if self._flushing is not None:
            if work.unflushed < LARGEST_FLUSH:
                return
            await self._await_flush()
            at = time.monotonic()
        self._flush_began = at
        self._flushing = asyncio.create_task(self._send(work, work.gather(at)), name=f"{self.name}-flush")

    async def _await_flush(self) -> None:
        if self._flushing is not None:
            await asyncio.shield(self._flushing)
            self._flushing = None

    async def _send(self, work: Work, flush: Flush) -> None:
        if self._writer is None:
            raise RuntimeError(f"{self.name} has no producer")
        async with asyncio.timeout(FLUSH_TIMEOUT):
            await self._writer.send(flush, (self.stage.changelog, self.partition))
        self._setbacks.overcome(flush)
        self._gauges.flushed(flush)
        work.flushed(time.monotonic())
        for tp, topic in self.inputs.items():
            self._gauges.lag[topic].set(max(0, self._inbox.ends[tp] - flush.offsets.get(tp, 0)))


def _now_ms() -> int:
    return int(time.time() * 1000)


async def _dispose(task: str, writer: Writer, flushing: asyncio.Task[None] | None) -> None:
    if flushing is not None:
        flushing.cancel()
        await asyncio.wait([flushing], timeout=REVOKE_TIMEOUT)
    try:
        async with asyncio.timeout(REVOKE_TIMEOUT):
            await writer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.info("task.producer_stop", task=task, error=repr(error))
