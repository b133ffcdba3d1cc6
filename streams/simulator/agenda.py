"""What is to happen in a simulated centre, in order of time."""

import heapq
from collections.abc import Callable

Happening = Callable[[float], None]


class Agenda:
    """Happenings by their time; those of the same time in the order in which they were planned."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Happening]] = []
        self._planned = 0

    def plan(self, at: float, happening: Happening) -> None:
        """Have it called with its time."""
        self._planned += 1
        heapq.heappush(self._heap, (at, self._planned, happening))

    def next_before(self, until: float) -> tuple[float, Happening] | None:
        """Take the next one before `until`; None where there is none."""
        if not self._heap or self._heap[0][0] >= until:
            return None
        at, _, happening = heapq.heappop(self._heap)
        return at, happening

    def clear(self) -> None:
        """Forget all of it."""
        self._heap.clear()
