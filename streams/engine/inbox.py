"""The batches on their way to a task."""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable

from faust.types import TP

from streams.engine.transport import Batch

ROOM = 3
"""Batches of one partition that may be on their way to a task."""

_turns = itertools.count(1)


class Inbox:
    """Batches fetched for a task and not yet applied, within one turn.

    A turn lasts from one seek of the task to the next: what was fetched in one is nothing to another. `turn` is 0
    while it is closed. `heard`: when (ms) a broker last said what stands in a partition. `ends`: stable ends.
    """

    __slots__ = ("_arrived", "_batches", "_pending", "ends", "heard", "turn")

    def __init__(self, inputs: Iterable[TP]) -> None:
        self._pending = dict.fromkeys(inputs, 0)
        self._batches: deque[tuple[TP, Batch]] = deque()
        self._arrived = asyncio.Event()
        self.heard = dict.fromkeys(self._pending, 0)
        self.ends = dict.fromkeys(self._pending, 0)
        self.turn = 0

    def close(self) -> None:
        """Let go of everything and take nothing."""
        self.turn = 0
        self._batches.clear()
        self._pending = dict.fromkeys(self._pending, 0)

    def open(self, now: int) -> None:
        """Begin a turn, at `now` (ms)."""
        self.close()
        self.heard = dict.fromkeys(self._pending, now)
        self.turn = next(_turns)

    def admits(self, tp: TP) -> int:
        """The turn, if another batch of this partition may come; else 0."""
        return self.turn if self._pending[tp] < ROOM else 0

    def handed_out(self, tp: TP, turn: int, now: int) -> None:
        """A batch of this partition, fetched in this turn, is on its way."""
        if turn == self.turn:
            self._pending[tp] += 1
            self.heard[tp] = now

    def deliver(self, tp: TP, batch: Batch) -> None:
        """It is here. One of another turn is let go: its records are read again."""
        if batch.turn == self.turn:
            self._batches.append((tp, batch))
            self._arrived.set()

    def take(self) -> tuple[TP, Batch] | None:
        """The next batch, if one is here."""
        return self._batches.popleft() if self._batches else None

    def applied(self, tp: TP, batch: Batch) -> None:
        """A batch that was taken is done with."""
        self._pending[tp] -= 1
        self.ends[tp] = batch.end

    def caught_up(self, tp: TP, turn: int, asked: int) -> bool:
        """A broker had nothing more when `asked` (ms): whether that holds for the task, with nothing on its way."""
        if turn != self.turn or self._pending[tp]:
            return False
        self.heard[tp] = max(asked, self.heard[tp])
        return True

    def heard_since(self, time: int) -> bool:
        """Whether every partition has batches on their way or was heard of since `time` (ms)."""
        return all(self._pending[tp] or heard >= time for tp, heard in self.heard.items())

    async def wait(self, seconds: float) -> None:
        """Wait for a batch, so long at most."""
        self._arrived.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return
