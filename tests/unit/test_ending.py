"""Tasks are ended, also where one has lost a cancellation."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from streams.ending import end


@pytest.mark.asyncio
async def test_a_task_that_lost_a_cancellation_is_cancelled_again_and_the_others_are_not() -> None:
    asked: list[str] = []

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        asked.append("deaf")
        await asyncio.Event().wait()

    async def writes_on() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            asked.append("written")
        return ""

    tasks = asyncio.create_task(deaf()), asyncio.create_task(writes_on())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(*tasks, again=0.2)
    assert all(task.cancelled() for task in tasks)
    assert asked == ["deaf", "written"]


@pytest.mark.asyncio
async def test_what_they_come_to_is_nobody_s_business() -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("gone")

    failing, over = asyncio.create_task(fails()), asyncio.create_task(asyncio.sleep(0))
    await over
    await end(failing, over)
    await end()
    assert isinstance(failing.exception(), OSError)
    assert over.done()
    assert not over.cancelled()
