"""Records that tell of a time that the clock has not come to: they wait for it, in its order.

So what comes of a month that is replayed at full speed does not depend on how its records lie in batches.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

import msgspec

from schemas.alerts import SlaTransition
from schemas.trends import TrendTransition
from streams.store import Store

Detected = SlaTransition | TrendTransition


class Held(msgspec.Struct, array_like=True):
    """One record that waits until `at` (ms). `of`: what it is about, a contact or a trend."""

    at: int
    of: str
    sla: SlaTransition | None = None
    trend: TrendTransition | None = None


class Inbox:
    """What waits, by time; at one time in the order of what it is about, and of one thing in the order of arrival."""

    __slots__ = ("_heap", "_last", "_next", "store")

    def __init__(self) -> None:
        self.store = Store(b"i", Held)
        self._heap: list[tuple[int, str, int]] = []
        self._last: dict[str, tuple[int, int]] = {}
        self._next = 0

    def hold(self, at: int, of: str, record: Detected) -> None:
        """Keep a record until `at`, and not before what came earlier of the same thing."""
        waiting, last = self._last.get(of, (0, at))
        at = max(at, last)
        self._last[of] = (waiting + 1, at)
        held = Held(at, of, record, None) if isinstance(record, SlaTransition) else Held(at, of, None, record)
        self.store.put(str(self._next), held)
        heappush(self._heap, (at, of, self._next))
        self._next += 1

    def has(self, of: str) -> bool:
        """Whether a record of this thing waits."""
        return of in self._last

    def next_at(self) -> int | None:
        """When the next one is due (ms)."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Detected:
        """The next one. Raises IndexError where none waits, ValueError where the state holds nothing in its place."""
        _, of, number = heappop(self._heap)
        waiting, last = self._last[of]
        if waiting > 1:
            self._last[of] = (waiting - 1, last)
        else:
            del self._last[of]
        held = self.store.data[str(number)]
        self.store.delete(str(number))
        if held.sla is not None:
            return held.sla
        if held.trend is None:
            raise ValueError(f"what waits as number {number} is neither a promise nor a trend")
        return held.trend

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """See streams.store.Store."""
        return self.store.changes()

    def restored(self) -> None:
        """Rebuild what is derived."""
        self._heap = [(held.at, held.of, int(number)) for number, held in self.store.data.items()]
        heapify(self._heap)
        self._last = {}
        for at, of, _ in self._heap:
            waiting, last = self._last.get(of, (0, at))
            self._last[of] = (waiting + 1, max(at, last))
        self._next = max((number for *_, number in self._heap), default=-1) + 1
