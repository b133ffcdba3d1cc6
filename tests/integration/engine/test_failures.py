"""Rules that raise, flushes that fail, and Kafka going away."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from streams.engine import task
from streams.engine.writer import Flush, Writer
from streams.kafka import EmbeddedKafka
from tests.integration.engine.conftest import StartWorker
from tests.integration.engine.counting import POISON, Conduct
from tests.integration.engine.harness import (
    Feeder,
    assert_counted_once,
    create,
    feed,
    running,
    wait_until,
)


@pytest.mark.slow
def test_an_error_that_passes_costs_a_restore_and_no_record(
    conduct: Conduct, start_worker: StartWorker, tmp_path: Path
) -> None:
    conduct.poison = str(tmp_path / "stumbled")
    feed(conduct, ["x"] * 300)
    feed(conduct, [POISON.decode()], keys=1)
    feed(conduct, ["x"] * 300)
    worker = start_worker(conduct)

    by_key = assert_counted_once(conduct, 601)

    assert sum(each.value == POISON.decode() for counts in by_key.values() for each in counts) == 1
    assert worker.log.count("task.failed") == 1
    assert worker.log.count("task.restored") == 3
    assert worker.process.poll() is None


@pytest.mark.slow
def test_an_error_that_stays_ends_the_process_and_the_batch_is_not_skipped(
    conduct: Conduct, start_worker: StartWorker, tmp_path: Path
) -> None:
    conduct.poison, conduct.poison_once = str(tmp_path / "mended"), False
    feed(conduct, ["x"] * 300)
    feed(conduct, [POISON.decode()], keys=1)
    with Feeder(conduct, rate=200) as feeder:
        # Other records go on being counted all the while, which is no progress past the poison.
        worker = start_worker(conduct)
        assert worker.process.wait(40) != 0
    assert worker.log.count("task.failed") == 3
    assert "a rule with a fault" in worker.log

    Path(conduct.poison).touch()
    start_worker(conduct)

    assert_counted_once(conduct, 301 + feeder.count)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_producer_lost_under_a_task_is_replaced_and_nothing_is_lost_with_it(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "FLUSH_TIMEOUT", 1.5)
    with Feeder(conduct) as feeder:
        async with running(conduct) as engine:
            await asyncio.sleep(0.5)
            lost = [each._writer for each in engine.tasks]
            for writer in lost:
                assert writer is not None
                await writer.stop()
            await wait_until(lambda: all(each._writer not in (None, *lost) for each in engine.tasks), "new producers")
            await wait_until(lambda: not engine.unready(), "at work again")
            feeder.stop()
            await asyncio.to_thread(assert_counted_once, conduct, feeder.count)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_an_outage_of_kafka_is_waited_for_and_said(tmp_path: Path) -> None:
    with EmbeddedKafka(tmp_path) as kafka:
        conduct = Conduct(bootstrap=kafka.bootstrap, namespace="outage", marks=True)
        await asyncio.to_thread(create, conduct)
        async with running(conduct) as engine:
            total = await asyncio.to_thread(feed, conduct, ["x"] * 2000)
            await asyncio.to_thread(kafka.kill, 0)
            died = time.monotonic()
            await wait_until(lambda: engine.unready() == ["count-0", "count-1"], "not ready", seconds=12)
            await asyncio.sleep(20 - (time.monotonic() - died))
            assert engine.unready() == ["count-0", "count-1"]

            await asyncio.to_thread(kafka.restart, 0)
            total += await asyncio.to_thread(feed, conduct, ["x"] * 2000)
            await asyncio.to_thread(assert_counted_once, conduct, total)
            await wait_until(lambda: not engine.unready(), "ready again")


@pytest.mark.slow
@pytest.mark.asyncio
async def test_slow_outputs_hold_up_the_input_and_memory_stays_flat(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = await asyncio.to_thread(feed, conduct, ("x" * 200 for _ in range(500_000)), keys=1000)
    sizes: list[int] = []
    send = Writer.send

    async def slowly(self: Writer, flush: Flush, changelog: tuple[str, int]) -> None:
        sizes.append(len(flush.outputs))
        await asyncio.sleep(0.75)
        await send(self, flush, changelog)

    monkeypatch.setattr(Writer, "send", slowly)
    async with running(conduct) as engine:

        async def peak(flushes: int) -> float:
            """The most memory (MiB) that is taken until so many flushes more have begun."""
            most, enough = 0.0, len(sizes) + flushes
            deadline = time.monotonic() + 60
            while len(sizes) < enough:
                assert time.monotonic() < deadline, f"{len(sizes)} flushes of {enough}"
                most = max(most, _resident_mib())
                for each in engine.tasks:
                    assert each.work is None or each.work.unflushed <= 25_000
                    assert sum(len(batch.records) for _, batch in each._inbox._batches) <= 3 * 5_000
                await asyncio.sleep(0.05)
            return most

        # Buffers are full and Python's own memory has found its size after the first ones of both tasks.
        first, second = await peak(8), await peak(6)
        assert sum(sum(each.work.positions.values()) for each in engine.tasks if each.work is not None) < total
    assert 20_000 <= max(sizes) <= 25_000
    assert second - first < 15


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20
