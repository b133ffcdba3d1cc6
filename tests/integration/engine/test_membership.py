"""What the engine does with Faust and the consumer group: nothing that Faust would do badly."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import Any

import aiokafka
import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED

from streams.engine import task, work
from streams.engine.app import FloorwalkerApp
from streams.engine.writer import Writer
from tests.integration.engine.conftest import StartWorker
from tests.integration.engine.counting import Conduct, Counting
from tests.integration.engine.harness import (
    PATIENCE,
    Feeder,
    assert_counted_once,
    committed,
    create,
    feed,
    members_of,
    producer,
    running,
    said,
    wait_for,
    wait_until,
)


@pytest.mark.asyncio
async def test_the_workers_consumer_reads_committed_records_only(conduct: Conduct) -> None:
    transactional = producer(conduct, **{"transactional.id": conduct.namespace})
    transactional.init_transactions()

    async with running(conduct) as engine:
        live = engine._consumer._thread._ensure_consumer()
        assert live._fetcher._isolation_level == READ_COMMITTED

        transactional.begin_transaction()
        for _ in range(50):
            transactional.produce(f"{conduct.namespace}.in", b"aborted", key="key-0")
        transactional.flush()
        transactional.abort_transaction()
        await asyncio.to_thread(feed, conduct, ["x"] * 100)

        by_key = await asyncio.to_thread(assert_counted_once, conduct, 100)
        assert {each.value for counts in by_key.values() for each in counts} == {"x"}


@pytest.mark.slow
@pytest.mark.asyncio
async def test_faust_commits_nothing_and_sees_no_livelock_where_there_is_none(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    by_faust: list[Any] = []

    async def commit(self: aiokafka.AIOKafkaConsumer, offsets: Any = None) -> None:
        by_faust.append(offsets)

    def impatient(app: FloorwalkerApp) -> None:
        app.conf.broker_commit_interval = 0.2
        app.conf.stream_processing_timeout = 2.5
        app.conf.broker_commit_livelock_soft_timeout = 2.5

    monkeypatch.setattr(aiokafka.AIOKafkaConsumer, "commit", commit)
    with Feeder(conduct, rate=2000) as feeder:
        async with running(conduct, impatient):
            await asyncio.sleep(4.5)

    assert by_faust == []
    assert "processing of a single event" not in caplog.text
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert 0 < sum(committed(conduct).values()) <= feeder.count * 2


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_restore_longer_than_the_session_costs_no_membership_and_holds_up_nobody(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(conduct, ("x" for _ in range(600)), keys=600)
    async with running(conduct):
        await asyncio.to_thread(assert_counted_once, conduct, 600)
    conduct.restore_pause = 0.015
    restored = most = 0
    restore = Counting.restore

    def counted(self: Counting, key: bytes, value: bytes | None) -> None:
        nonlocal restored
        restored += 1
        restore(self, key, value)

    monkeypatch.setattr(Counting, "restore", counted)

    async def look(app: FloorwalkerApp) -> None:
        nonlocal most
        while True:
            before = restored
            await asyncio.sleep(0.01)
            most = max(most, restored - before)

    looking: list[asyncio.Task[None]] = []
    began = time.monotonic()
    async with running(conduct, lambda app: looking.append(asyncio.create_task(look(app)))) as engine:
        took = time.monotonic() - began
        looking[0].cancel()
        feed(conduct, ("x" for _ in range(600)), keys=600)
        await asyncio.to_thread(assert_counted_once, conduct, 1200)
        await asyncio.sleep(1.5)  # longer than a heartbeat: whoever was put out of the group knows by now
        assert engine._app.rebalancing_count == 1

    assert took > 600 * 0.015 > 2 * conduct.session_timeout
    assert restored >= 600
    assert most * conduct.restore_pause < 1.0, "seconds of restoring in which nobody else had a turn"


@pytest.mark.slow
def test_two_inputs_of_a_task_stay_together_with_two_workers(conduct: Conduct, start_worker: StartWorker) -> None:
    # Three partitions: a round-robin assignor would deal them out as in-0 with also-1.
    conduct.namespace, conduct.inputs, conduct.partitions = f"{conduct.namespace}-3", ("in", "also"), 3
    conduct.session_timeout = 30.0
    create(conduct)
    workers = [start_worker(conduct), start_worker(conduct)]
    for worker in workers:
        worker.wait_restored()
    feed(conduct, ["x"] * 200)
    feed(conduct, ["x"] * 200, topic="also")

    by_key = assert_counted_once(conduct, 400)

    assert all({each.topic for each in counts} == {"in", "also"} for counts in by_key.values())
    assert all("engine.split_task" not in worker.log for worker in workers)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_what_was_taken_is_flushed_when_the_app_stops(conduct: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "MARK_INTERVAL", 60.0)
    conduct.wall, conduct.flush_interval = False, 60.0
    async with running(conduct) as engine:
        feed(conduct, ["x"] * 500)
        runs = [each.work for each in engine.tasks if each.work is not None]
        await wait_until(lambda: sum(run.unflushed for run in runs) == 500, "all are taken")
        assert said(conduct) == {}

    assert_counted_once(conduct, 500)
    assert sum(committed(conduct).values()) == 500


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_producer_that_will_not_end_keeps_nobody_from_the_partitions(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, stop = asyncio.Event(), Writer.stop

    async def stop_late(self: Writer) -> None:
        await ended.wait()
        await stop(self)

    monkeypatch.setattr(Writer, "stop", stop_late)
    monkeypatch.setattr(task, "REVOKE_TIMEOUT", 60.0)
    async with running(conduct) as engine:
        assert members_of(conduct) == 1
        stopping = asyncio.create_task(engine._app.stop())
        await wait_until(lambda: members_of(conduct) == 0, "the group was left")
        assert not stopping.done()
        ended.set()
        await stopping


@pytest.mark.slow
def test_an_interrupted_worker_exits_with_0_and_has_lost_nothing(conduct: Conduct, start_worker: StartWorker) -> None:
    conduct.flush_interval = 0.9
    worker = start_worker(conduct)
    worker.wait_restored(2)
    with Feeder(conduct) as feeder:
        time.sleep(1.2)
        assert worker.interrupt() == 0
    assert "engine.drained" in worker.log
    start_worker(conduct)

    assert_counted_once(conduct, feeder.count)


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_while_it_restores_ends(conduct: Conduct, start_worker: StartWorker) -> None:
    feed(conduct, ("x" for _ in range(400)), keys=400)
    worker = start_worker(conduct)
    wait_for(lambda: sum(map(len, said(conduct).values())) == 400, "all are counted")
    assert worker.interrupt() == 0

    conduct.restore_pause = 0.05
    again = start_worker(conduct)
    wait_for(lambda: "engine.assigned" in again.log, "assigned")
    time.sleep(1)
    assert "task.restored" not in again.log
    again.send(signal.SIGTERM)

    assert again.process.wait(PATIENCE) == 0
    assert "task.restored" not in again.log
