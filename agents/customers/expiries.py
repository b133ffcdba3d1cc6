"""When customers' profiles cease to be true."""

import heapq
from collections.abc import Iterator

from schemas.instants import MINUTE
from schemas.short_ids import ShortId, full, shortened

SPAN = 10 * MINUTE
"""What is due within it is kept in order, what is due later is not."""


class Expiries:
    """Instants (ms) to come, each with its customer.

    Most are days away. Until its span of ten minutes has begun, of an instant only the customer is kept, in that
    span's list: a heap of all of them would take several times the memory. What is due is asked for in two steps.

    >>> expiries = Expiries()
    >>> expiries.add(7_203_000, "ann"), expiries.add(7_201_000, "bob"), expiries.add(9_000_000, "eve")
    (None, None, None)
    >>> list(expiries.begun(7_202_000))
    ['ann', 'bob']
    >>> expiries.add(7_203_000, "ann"), expiries.add(7_201_000, "bob")
    (None, None)
    >>> list(expiries.due(7_202_000)), len(expiries)
    ([(7201000, 'bob')], 2)
    """

    __slots__ = ("_begun", "_heap", "_lists", "_spans", "_waiting")

    def __init__(self) -> None:
        self._begun = -1
        self._heap: list[tuple[int, str]] = []
        # Number of the span (since the epoch) -> customers; the spans in a heap; how many customers in all.
        self._lists: dict[int, list[ShortId]] = {}
        self._spans: list[int] = []
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting + len(self._heap)

    def add(self, due: int, customer: str) -> None:
        """Note an instant of this customer."""
        if self.is_near(due):
            heapq.heappush(self._heap, (due, customer))
            return
        span = due // SPAN
        waiting = self._lists.get(span)
        if waiting is None:
            waiting = self._lists[span] = []
            heapq.heappush(self._spans, span)
        waiting.append(shortened(customer))
        self._waiting += 1

    def is_near(self, due: int) -> bool:
        """Whether it lies in a span that has begun."""
        return due // SPAN <= self._begun

    def begun(self, clock: int) -> Iterator[str]:
        """The customers of the spans that have begun by `clock`: instants of theirs that are near are to be added."""
        self._begun = max(self._begun, clock // SPAN)
        while self._spans and self._spans[0] <= self._begun:
            waiting = self._lists.pop(heapq.heappop(self._spans))
            self._waiting -= len(waiting)
            yield from map(full, waiting)

    def due(self, clock: int) -> Iterator[tuple[int, str]]:
        """What is due by `clock`, the earliest first."""
        heap = self._heap
        while heap and heap[0][0] <= clock:
            yield heapq.heappop(heap)
