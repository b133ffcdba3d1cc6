"""When a backtest gives up: not while files are read, which may take minutes, but where nothing comes out of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agents import backfill, backtest
from agents.backtest import BacktestFailed, Progress
from agents.collect import Collected
from streams.connectors.replay import Replayed

SECONDS = 0.05


class Silent:
    """A reader to which nobody says anything."""

    async def getmany(self, **_: Any) -> dict[Any, Any]:
        await asyncio.sleep(SECONDS / 10)
        return {}


async def collecting(sending: "asyncio.Task[Replayed]", progress: Progress) -> None:
    await backtest._collect(Silent(), Collected(), frozenset({"intake-0"}), sending, [], progress)


async def filling(sending: "asyncio.Task[Replayed]", progress: Progress) -> None:
    reached = backfill._Reached(frozenset({"intake-0"}))
    async for _ in backfill._news(Silent(), reached, lambda: backtest.is_reading(sending, progress)):
        pass


@pytest.mark.asyncio
@pytest.mark.parametrize("watch", [collecting, filling])
async def test_it_waits_while_files_are_read_and_gives_up_where_nothing_comes_out(
    watch: Callable[["asyncio.Task[Replayed]", Progress], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (backtest, backfill):
        monkeypatch.setattr(module, "STALL_TIMEOUT", SECONDS)
    progress = Progress()

    async def send() -> Replayed:
        await asyncio.sleep(6 * SECONDS)
        return Replayed(1, 1, None, None)

    sending = asyncio.create_task(send())
    with pytest.raises(BacktestFailed, match="nothing came out"):
        await watch(sending, progress)
    assert sending.done()

    async def hang() -> Replayed:
        await asyncio.Event().wait()
        raise AssertionError("nobody ends the wait")

    sending = asyncio.create_task(hang())
    progress.update(sent=1)
    with pytest.raises(BacktestFailed, match="nothing came out"):
        async with asyncio.timeout(30):
            await watch(sending, progress)
    assert not sending.done()
    sending.cancel()
