"""The queue_log of a measured floor: when each caller was written into it, and when the count that holds them was seen.

A tile that counts offered contacts says how many callers have come: one that says 7 holds the first seven of its scope.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from threading import Lock

from tests.acceptance.pbx import Pbx

FLOOR = "*"
"""The scope of the whole floor; else the queue."""

Seen = tuple[str, float, int]
"""Scope, instant (s), the count that was seen there."""


class MeasuredLog(Pbx):
    """Notes when callers were written: `entered` by scope, in their order."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.entered: dict[str, list[float]] = {FLOOR: []}
        self._lock = Lock()

    def say(self, call: str, queue: str, agent: str, event: str, *data: object, ahead: int = 0) -> int:
        """Write a line; returns its second."""
        with self._lock:
            if event == "ENTERQUEUE":
                now = time.time()
                for scope in (FLOOR, queue):
                    self.entered.setdefault(scope, []).append(now)
            return super().say(call, queue, agent, event, *data, ahead=ahead)

    def counts(self) -> dict[str, int]:
        """How many have come, by scope."""
        return {scope: len(times) for scope, times in self.entered.items()}

    def delays(self, scope: str, seen: Iterable[Seen], since: int) -> list[float]:
        """For each caller after the first `since`: seconds from the line until a count that holds them was seen."""
        firsts = first_seen(scope, seen)
        counts = sorted(firsts)
        # A count may skip some: they were seen with the next one; never before a smaller count.
        at: list[float] = []
        for count in counts:
            at.append(max(firsts[count], at[-1] if at else 0.0))
        found = []
        for ordinal, written in enumerate(self.entered.get(scope, ())[since:], since + 1):
            place = bisect_left(counts, ordinal)
            if place == len(counts):
                raise LookupError(f"caller {ordinal} of {scope} was never seen; the last count seen is {counts[-1:]}")
            found.append(at[place] - written)
        return found


def first_seen(scope: str, seen: Iterable[Seen]) -> dict[int, float]:
    """When each count of a scope was first seen."""
    firsts: dict[int, float] = {}
    for where, at, count in seen:
        if where == scope:
            firsts[count] = min(at, firsts.get(count, at))
    return firsts
