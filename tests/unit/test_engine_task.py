"""The life of a task, with a producer and a changelog that are lists: no Kafka, no waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError, ProducerFenced
from faust.types import TP
from structlog.testing import capture_logs

from streams.engine import setbacks, task
from streams.engine.inbox import ROOM, Inbox
from streams.engine.task import Task
from streams.engine.transport import _Unread
from streams.engine.writer import Flush
from tests.unit.engine_floor import IN, Counting, Kept, batch, stage, surroundings, until


class Floor:
    """What a task's flushes leave behind, and what goes wrong next."""

    def __init__(self) -> None:
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.seeks: list[Mapping[TP, int | None]] = []
        self.writers: list[FakeWriter] = []
        self.crashes: list[BaseException] = []
        self.background: list[asyncio.Task[None]] = []
        self.member_at: Callable[[], float] = time.monotonic
        self.failing: list[Exception] = []
        self.first = 0
        self.sending = asyncio.Event()
        self.reading = asyncio.Event()
        self.sending.set()
        self.reading.set()

    async def seek(self, positions: Mapping[TP, int | None]) -> Mapping[TP, int]:
        self.seeks.append(dict(positions))
        return {tp: self.first if offset is None else offset for tp, offset in positions.items()}

    async def crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    def in_background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.background.append(asyncio.create_task(coroutine))

    def task(self) -> Task:
        around = surroundings(
            seek=self.seek, crash=self.crash, background=self.in_background, member_at=lambda: self.member_at()
        )
        return Task(stage(), 0, around)

    @property
    def counted(self) -> int:
        """What a restore would find."""
        found = Counting()
        for key, value in self.changelog:
            if key[:1] == b"c":
                found.restore(key, value)
        return sum(tally.n for tally in found.counts.data.values())


class FakeWriter:
    def __init__(self, floor: Floor) -> None:
        self.floor, self.stopped = floor, False

    async def start(self) -> None:
        self.floor.writers.append(self)

    async def stop(self) -> None:
        self.stopped = True

    async def send(self, flush: Flush, changelog: tuple[str, int]) -> None:
        await self.floor.sending.wait()
        if self.floor.failing:
            raise self.floor.failing.pop(0)
        self.floor.changelog += flush.changes


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Floor]:
    made = Floor()

    async def read(bootstrap: str, topic: str, partition: int, restore: Callable[..., None]) -> int:
        await made.reading.wait()
        for key, value in made.changelog:
            restore(key, value)
        return len(made.changelog)

    monkeypatch.setattr(task, "Writer", lambda **_: FakeWriter(made))
    monkeypatch.setattr(task, "read_changelog", read)
    monkeypatch.setattr(task, "TICK", 0.001)
    monkeypatch.setattr(task, "MEMBER_POLL", 0.001)
    monkeypatch.setattr(setbacks, "BACKOFF", (0.0,))
    with capture_logs():
        yield made


async def give_again_until(claim: Callable[[], bool], to: Task) -> None:
    """The same ten records, once in every turn of the task."""
    given = 0
    async with asyncio.timeout(30):
        while not claim():
            if to.admits(IN) not in (0, given):
                given = to.admits(IN)
                give(to, 0, 10)
            await asyncio.sleep(0.001)


def give(to: Task, start: int, stop: int, *, turn: int | None = None, after: int | None = None) -> None:
    """Hand a batch over as the transport and the agent do."""
    fetched = to.admits(IN) if turn is None else turn
    to.handed_out(IN, fetched)
    to.deliver(IN, batch(start, stop, after=after, turn=fetched))


async def with_a_flush_that_hangs(floor: Floor) -> Task:
    """A task at work whose flush of ten records goes on until `floor.sending` is set."""
    one = floor.task()
    one.start()
    await one.ready.wait()
    floor.sending.clear()
    give(one, 0, 10)
    await until(lambda: one._flushing is not None)
    return one


@pytest.mark.asyncio
async def test_a_batch_fetched_before_a_seek_is_not_applied_after_it(floor: Floor) -> None:
    floor.failing = [KafkaConnectionError()]
    one = floor.task()
    one.start()
    await one.ready.wait()
    old = one.admits(IN)
    give(one, 0, 10)
    await until(lambda: len(floor.writers) == 2 and one.ready.is_set())

    give(one, 10, 20, turn=old)  # was on its way when the flush of 0 to 9 failed
    give(one, 0, 20)

    await until(lambda: floor.counted == 20)
    await one.close()
    assert floor.seeks == [{IN: None}, {IN: None}]


@pytest.mark.asyncio
async def test_a_gap_has_the_input_read_again_from_the_position(floor: Floor) -> None:
    one = floor.task()
    one.start()
    await one.ready.wait()
    give(one, 0, 10)
    give(one, 15, 20, after=15)
    await until(lambda: len(floor.seeks) == 2 and one.ready.is_set())
    give(one, 10, 20)

    await until(lambda: floor.counted == 20)
    await one.close()
    assert floor.seeks == [{IN: None}, {IN: 10}]
    assert len(floor.writers) == 1


@pytest.mark.asyncio
async def test_an_input_whose_first_records_are_gone_is_read_from_the_first_there_is(floor: Floor) -> None:
    floor.first = 100
    one = floor.task()
    one.start()
    await one.ready.wait()
    give(one, 100, 110)

    await until(lambda: floor.counted == 10)
    await one.close()
    assert floor.seeks == [{IN: None}]


@pytest.mark.asyncio
async def test_a_flush_that_fails_takes_the_state_with_it_even_if_the_task_is_suspended_meanwhile(
    floor: Floor,
) -> None:
    floor.failing = [KafkaConnectionError()]
    one = await with_a_flush_that_hangs(floor)
    give(one, 10, 20)
    floor.sending.set()
    await asyncio.sleep(0)

    await one.suspend()
    assert floor.changelog == []  # or 10 to 19 would be flushed without 0 to 9
    one.start()
    await one.ready.wait()
    give(one, 0, 20)

    await until(lambda: floor.counted == 20)
    await one.close()


@pytest.mark.asyncio
async def test_the_interval_to_the_next_flush_is_counted_from_when_the_last_one_has_left(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await with_a_flush_that_hangs(floor)
    left: list[float] = []
    monkeypatch.setattr(one.work, "flushed", left.append)
    sent = time.monotonic()

    floor.sending.set()
    await until(lambda: bool(left))

    assert left[0] >= sent
    await one.close()


@pytest.mark.asyncio
async def test_a_suspended_task_flushes_keeps_its_state_and_takes_nothing(floor: Floor) -> None:
    one = floor.task()
    one.start()
    await one.ready.wait()
    give(one, 0, 10)
    await until(lambda: floor.counted == 10 or (one.work is not None and one.work.unflushed == 10))
    await one.suspend()
    assert floor.counted == 10
    assert one.admits(IN) == 0
    give(one, 10, 20, turn=1)

    one.start()
    await one.ready.wait()
    give(one, 10, 30)

    await until(lambda: floor.counted == 30)
    await one.close()
    assert len(floor.writers) == 1
    assert floor.seeks[-1] == {IN: 10}


@pytest.mark.asyncio
async def test_a_flush_that_hangs_does_not_hold_up_a_rebalance(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "REVOKE_TIMEOUT", 0.05)
    one = await with_a_flush_that_hangs(floor)

    async with asyncio.timeout(30):
        await one.suspend()

    assert one.work is None
    await asyncio.gather(*floor.background)
    assert floor.writers[0].stopped


@pytest.mark.asyncio
async def test_a_task_closed_while_a_rebalance_waits_for_its_flush_ends_with_it(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "REVOKE_TIMEOUT", 0.05)
    one = await with_a_flush_that_hangs(floor)
    revoked = asyncio.create_task(one.suspend())
    await asyncio.sleep(0.02)

    # The flush that both wait for is cancelled when the first has waited long enough.
    await one.close()

    await revoked
    assert one.work is None
    await asyncio.gather(*floor.background)
    assert [each.stopped for each in floor.writers] == [True]


@pytest.mark.asyncio
async def test_a_task_closed_at_the_end_of_its_restore_ends_although_the_restore_took_no_notice(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "CANCEL_AGAIN", 0.01)
    reading = asyncio.Event()

    async def read(*_: object) -> int:
        # As aiokafka's fetcher when it is closed: the cancellation might as well be the one it asked for.
        with suppress(asyncio.CancelledError):
            reading.set()
            await asyncio.sleep(60)
        return 0

    monkeypatch.setattr(task, "read_changelog", read)
    one = floor.task()
    one.start()
    await reading.wait()

    async with asyncio.timeout(30):
        await one.close()

    await asyncio.gather(*floor.background)
    assert floor.writers[0].stopped


@pytest.mark.asyncio
async def test_a_restore_goes_on_over_a_rebalance_and_starts_no_work_before_its_end(floor: Floor) -> None:
    floor.reading.clear()
    one = floor.task()
    one.start()
    await until(lambda: len(floor.writers) == 1)
    await asyncio.sleep(0)
    await one.suspend()
    floor.reading.set()
    await until(lambda: one.work is not None)
    await asyncio.sleep(0.01)
    assert not one.ready.is_set()

    one.start()
    await one.ready.wait()

    assert len(floor.writers) == 1
    await one.close()


@pytest.mark.asyncio
async def test_a_task_that_lost_its_partition_while_it_restored_is_closed(floor: Floor) -> None:
    floor.reading.clear()
    one = floor.task()
    one.start()
    await until(lambda: len(floor.writers) == 1)
    await asyncio.sleep(0)

    await one.close()

    await asyncio.gather(*floor.background)
    assert floor.writers[0].stopped
    assert one.work is None


@pytest.mark.asyncio
async def test_a_fenced_task_opens_again_only_when_the_group_says_that_it_belongs(floor: Floor) -> None:
    began = time.monotonic()
    floor.member_at = lambda: began  # no heartbeat since
    floor.failing = [ProducerFenced()]
    one = floor.task()
    one.start()
    await one.ready.wait()
    give(one, 0, 10)
    await until(lambda: not one.ready.is_set())
    await asyncio.sleep(0.05)
    assert len(floor.writers) == 1

    floor.member_at = time.monotonic

    await until(lambda: len(floor.writers) == 2 and one.ready.is_set())
    await one.close()


@pytest.mark.asyncio
async def test_an_outage_is_no_strike_however_often_it_fails(floor: Floor) -> None:
    floor.failing = [KafkaConnectionError(), TimeoutError(), OSError(), KafkaConnectionError(), ProducerFenced()]
    one = floor.task()
    one.start()

    await give_again_until(lambda: floor.counted == 10, one)

    await one.close()
    assert floor.failing == floor.crashes == []


@pytest.mark.asyncio
@pytest.mark.parametrize("lasting", [MessageSizeTooLargeError("32 MiB and more"), KeyError("no such topic")])
async def test_what_fails_three_times_at_one_place_ends_the_process(floor: Floor, lasting: Exception) -> None:
    floor.failing = [lasting] * 4
    one = floor.task()
    one.start()

    await give_again_until(lambda: floor.crashes == [lasting], one)

    await one.close()
    assert len(floor.failing) == 1
    assert floor.counted == 0


@pytest.mark.asyncio
async def test_a_task_whose_brokers_do_not_answer_is_not_at_work(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000.0]
    monkeypatch.setattr(task, "time", SimpleNamespace(monotonic=lambda: now[0], time=lambda: now[0]))
    one = floor.task()
    one.start()
    await one.ready.wait()
    assert one.at_work
    now[0] += task.STALL + 1
    assert not one.at_work
    one.read_up_to(IN, one.admits(IN), round(now[0] * 1000))
    assert one.at_work

    floor.sending.clear()
    give(one, 0, 10)
    now[0] += 1
    await until(lambda: one._flushing is not None)
    now[0] += task.STALL + 1
    one.read_up_to(IN, one.admits(IN), round(now[0] * 1000))
    assert not one.at_work

    floor.sending.set()
    await one.close()


def test_an_inbox_admits_so_many_batches_and_counts_only_those_of_its_turn() -> None:
    inbox = Inbox([IN])
    assert inbox.admits(IN) == 0
    inbox.open(0)
    first = inbox.turn
    for _ in range(ROOM):
        assert inbox.admits(IN) == first
        inbox.handed_out(IN, first, 0)
    assert inbox.admits(IN) == 0

    inbox.open(0)
    assert inbox.admits(IN) not in (0, first)
    inbox.handed_out(IN, first, 0)
    assert inbox.caught_up(IN, inbox.turn, 7)
    assert not inbox.caught_up(IN, first, 7)
    inbox.handed_out(IN, inbox.turn, 0)
    assert not inbox.caught_up(IN, inbox.turn, 7)


def test_faust_believes_that_it_has_read_nothing() -> None:
    unread = _Unread()
    unread[IN] = 7

    assert unread[IN] is None
    assert unread.pop(IN, None) is None


def test_a_record_of_the_floor_looks_like_kafkas() -> None:
    from aiokafka.structs import ConsumerRecord

    assert set(Kept._fields) <= set(ConsumerRecord.__dataclass_fields__)
