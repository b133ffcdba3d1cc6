"""Time passed on in band: by idle partitions, over restarts, and not beyond what upstream has said."""

from __future__ import annotations

import asyncio
import time

import pytest

from schemas.envelopes import Mark, encode
from tests.integration.engine.counting import Conduct
from tests.integration.engine.harness import create, feed, marks, producer, running, wait_for, wait_until


def say(conduct: Conduct, mark: Mark) -> None:
    """A task upstream writes its watermark to every partition."""
    to = producer(conduct)
    for partition in range(conduct.partitions):
        to.produce(f"{conduct.namespace}.in", encode(mark), partition=partition)
    assert to.flush(20) == 0


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.mark.asyncio
async def test_partitions_without_a_record_pass_the_time_on(conduct: Conduct) -> None:
    conduct.marks = True
    began = now_ms()
    said: list[tuple[int, Mark]] = []

    async with running(conduct):

        def passed_on() -> bool:
            said[:] = marks(conduct)
            return {(partition, mark.task) for partition, mark in said if mark.time > began + 1500} == {
                (partition, f"count-{task}") for partition in (0, 1) for task in (0, 1)
            }

        await asyncio.to_thread(wait_for, passed_on, "marks of both tasks on both partitions")

    assert max(mark.time for _, mark in said) <= now_ms()
    for partition in (0, 1):
        for task in ("count-0", "count-1"):
            times = [mark.time for at, mark in said if at == partition and mark.task == task]
            assert times == sorted(times)


@pytest.mark.slow
@pytest.mark.asyncio
async def test_the_clock_follows_the_wall_until_upstream_stops_speaking_and_is_kept_over_a_restart(
    conduct: Conduct,
) -> None:
    conduct.feeds, conduct.marks = {"in": "upstream"}, True
    await asyncio.to_thread(create, conduct)
    async with running(conduct) as engine:
        works = [task.work for task in engine.tasks]
        last = now_ms()
        for source in (0, 1):
            await asyncio.to_thread(say, conduct, Mark(task=f"upstream-{source}", time=last))
        await wait_until(lambda: all(work is not None and work.advanced > last + 500 for work in works), "wall time")
        await asyncio.to_thread(say, conduct, Mark(task="upstream-0", time=now_ms() + 10_000))

        await asyncio.sleep(4)

        stood = [work.advanced for work in works if work is not None]
        assert all(last < at < last + 3_500 for at in stood)
        await asyncio.sleep(0.5)
        assert [work.advanced for work in works if work is not None] == stood
    async with running(conduct) as engine:
        assert sorted(task.work.advanced for task in engine.tasks if task.work is not None) == sorted(stood)


@pytest.mark.asyncio
async def test_in_event_time_the_clock_is_the_least_mark_and_the_end_is_passed_on(conduct: Conduct) -> None:
    conduct.wall, conduct.marks = False, True
    await asyncio.to_thread(feed, conduct, ["x"] * 10)
    await asyncio.to_thread(say, conduct, Mark(task="replay", time=5_000))
    async with running(conduct) as engine:
        await asyncio.to_thread(wait_for, lambda: len(marks(conduct)) == 4, "marks of two tasks on two partitions")
        assert {(mark.time, mark.ended) for _, mark in marks(conduct)} == {(5_000, False)}

        await asyncio.to_thread(say, conduct, Mark(task="replay", time=7_000, ended=True))

        await asyncio.to_thread(wait_for, lambda: len(marks(conduct)) == 8, "the last marks")
        assert {(mark.time, mark.ended) for _, mark in marks(conduct)} == {(5_000, False), (7_000, True)}
        assert all(task.work is not None and task.work.advanced == 7_000 for task in engine.tasks)
