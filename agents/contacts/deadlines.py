"""What happens when time passes and nothing else does: one heap of exact deadlines, one of rough upkeep times."""

import heapq
from collections.abc import Iterator

from schemas.instants import MINUTE


class Deadlines:
    """The next deadline of every open offer.

    An entry that no longer is its offer's next deadline stays in the heap and is dropped when its time comes, so
    however many are open, they cost nothing between.

    >>> deadlines = Deadlines()
    >>> deadlines.arm("c1", "o1", 20_000)
    >>> deadlines.arm("c1", "o1", 30_000)
    >>> list(deadlines.due(20_000)), list(deadlines.due(30_000))
    ([], ['c1'])
    """

    __slots__ = ("_heap", "_next")

    def __init__(self) -> None:
        self._heap: list[tuple[int, str, str]] = []
        self._next: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, contact: str, instance: str, at: int) -> None:
        """The next deadline of an offer is `at` (ms)."""
        if self._next.get(instance) != at:
            self._next[instance] = at
            heapq.heappush(self._heap, (at, contact, instance))

    def disarm(self, instance: str) -> None:
        """The offer has no deadline any more."""
        self._next.pop(instance, None)

    def due(self, clock: int) -> Iterator[str]:
        """The contacts of deadlines up to `clock`, in order; each deadline once."""
        heap = self._heap
        while heap and heap[0][0] <= clock:
            at, contact, instance = heapq.heappop(heap)
            if self._next.get(instance) == at:
                del self._next[instance]
                yield contact


class Upkeep:
    """When to look at which contact again, to the minute: contacts by the hundred thousand, kept for weeks."""

    __slots__ = ("_minutes", "_order")

    def __init__(self) -> None:
        self._minutes: dict[int, list[str]] = {}
        self._order: list[int] = []

    def plan(self, contact: str, at: int) -> None:
        """Look at `contact` at the end of the minute of `at` (ms)."""
        minute = at // MINUTE + 1
        planned = self._minutes.get(minute)
        if planned is None:
            self._minutes[minute] = [contact]
            heapq.heappush(self._order, minute)
        else:
            planned.append(contact)

    def due(self, clock: int) -> Iterator[str]:
        """The contacts whose time has come by `clock`."""
        while self._order and self._order[0] * MINUTE <= clock:
            yield from self._minutes.pop(heapq.heappop(self._order))
