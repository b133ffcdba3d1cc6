"""What happens when time passes and nothing else does: one heap of exact deadlines, one of rough upkeep times."""

import heapq
from collections.abc import Iterator

from schemas.instants import MINUTE

SPARE = 1_024
"""So many outdated entries are never in the way."""


class Deadlines:
    """The next deadline of every contact that has one.

    An entry that no longer is its contact's next deadline stays in the heap until its time comes, or until such
    entries are the larger part; so however many are open, they cost nothing between.

    >>> deadlines = Deadlines()
    >>> deadlines.arm("c1", 20_000)
    >>> deadlines.arm("c1", 30_000)
    >>> list(deadlines.due(20_000)), list(deadlines.due(30_000))
    ([], ['c1'])
    """

    __slots__ = ("_heap", "_next")

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._next: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def __contains__(self, contact: str) -> bool:
        return contact in self._next

    def arm(self, contact: str, at: int | None) -> None:
        """The next deadline of a contact is `at` (ms), None: it has none any more."""
        if at is None:
            self._next.pop(contact, None)
        elif self._next.get(contact) != at:
            self._next[contact] = at
            heapq.heappush(self._heap, (at, contact))
            if len(self._heap) > SPARE + 2 * len(self._next):
                self._heap[:] = [(instant, name) for name, instant in self._next.items()]
                heapq.heapify(self._heap)

    def due(self, clock: int) -> Iterator[str]:
        """The contacts of deadlines up to `clock`, in order; each deadline once."""
        heap = self._heap
        while heap and heap[0][0] <= clock:
            at, contact = heapq.heappop(heap)
            if self._next.get(contact) == at:
                del self._next[contact]
                yield contact


def end_of_minute(at: int) -> int:
    """The end of the minute of an instant (ms)."""
    return (at // MINUTE + 1) * MINUTE


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
