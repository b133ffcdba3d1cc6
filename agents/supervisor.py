"""Children that are to run until they are told to end: started in order, started again when they fall, stopped."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from agents.children import Child
from streams.ending import end

PAUSES = (1.0, 2.0, 5.0, 10.0)
"""Seconds before a child is started again: after its first end within a minute, its second, and so on."""

MANY = 5
WITHIN = 60.0
"""A child that ends MANY times WITHIN so many seconds is given up."""

HOPELESS = frozenset({2, 4})
"""Exit codes after which another start would end the same way: wrong usage or settings, refused."""

Tell = Callable[[str], None]


class Restarts:
    """When one child is started again.

    >>> restarts = Restarts()
    >>> [restarts.pause(at) for at in (0.0, 5.0, 100.0)]
    [1.0, 2.0, 1.0]
    >>> [restarts.pause(at) for at in (101.0, 102.0, 103.0, 104.0)]
    [2.0, 5.0, 10.0, None]
    """

    def __init__(self) -> None:
        self._ends: deque[float] = deque()

    def pause(self, at: float) -> float | None:
        """It ended at `at` (seconds); returns how long to wait, None to give it up."""
        self._ends.append(at)
        while at - self._ends[0] >= WITHIN:
            self._ends.popleft()
        count = len(self._ends)
        return None if count >= MANY else PAUSES[min(count, len(PAUSES)) - 1]


class Supervisor:
    """Runs children. `groups`: started one group after the other, stopped from the last to the first, each at once.

    `tell` hears what happens to them.
    """

    def __init__(self, groups: Sequence[Sequence[Child]], tell: Tell) -> None:
        self._groups = groups
        self._tell = tell

    async def start(self) -> None:
        """Start all of them; returns at once."""
        for group in self._groups:
            for child in group:
                await child.start()

    async def run(self) -> Child:
        """Start again what ends by itself; returns the child that is given up, if ever."""
        keeping = [asyncio.create_task(self._keep(child)) for group in self._groups for child in group]
        try:
            done, _ = await asyncio.wait(keeping, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            # None of them may start a child that is about to be stopped.
            await end(*keeping)

    async def stop(self, timeout: float) -> None:
        """End all of them; those of one group that have not ended after `timeout` seconds are killed."""
        for group in reversed(self._groups):
            await asyncio.gather(*(child.stop(timeout) for child in group))

    async def _keep(self, child: Child) -> Child:
        restarts = Restarts()
        loop = asyncio.get_running_loop()
        while True:
            code = await child.wait()
            pause = None if code in HOPELESS else restarts.pause(loop.time())
            said = f"{child.name} ended by itself (exit code {code}): {child.last_words()}"
            if pause is None:
                self._tell(f"{said}; given up")
                return child
            self._tell(f"{said}; started again in {pause:.0f} s")
            await asyncio.sleep(pause)
            await child.start()
