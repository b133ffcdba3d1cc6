"""Archive: what is kept of the panes of a day, or of all days, once they are folded."""

from bisect import bisect_left

import msgspec

from agents.metrics.counts import add
from agents.metrics.tally import CODE_BITS, CODE_MASK, IS_TIMED, IS_WAIT, Layout, pack
from schemas.instants import HOUR, SECOND

_SECONDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 45, 60, 90, 120, 180, 240, 300, 600, 900)
_HALF_HOURS = (1, 2, 4, 8, 16, 48)
PRESET_EDGES: tuple[int, ...] = (*(n * SECOND for n in _SECONDS), *(n * HOUR // 2 for n in _HALF_HOURS))
"""Thresholds (ms) that stay exact for folded days when the settings change: those of Amazon Connect and more."""

BEYOND = 1 << 40
TOP = 32
"""How many of the largest distinct waits an archive remembers, so that corrections can take some away."""


class Archive(msgspec.Struct, array_like=True):
    """Counters of one channel and queue over a day or over all time, waits rounded up to the next edge.

    `facts`: packed (measure, edge) -> n; `sums`: measure's code -> ms, exact. `top`: the largest waits -> n;
    `dropped`: the largest wait that is no longer in `top` (-1: none).
    """

    facts: dict[int, int]
    sums: dict[int, int]
    top: dict[int, int]
    dropped: int = -1

    @property
    def longest(self) -> int:
        """Largest wait in ms, -1 for none. Exact unless corrections took away all of the TOP largest."""
        return max((value for value, n in self.top.items() if n > 0), default=self.dropped)

    def add(self, code: int, value: int, n: int, edges: tuple[int, ...]) -> None:
        """Take a signed fact, rounded up to the next of `edges`."""
        if IS_TIMED[code]:
            at = bisect_left(edges, value)
            edge = edges[at] if at < len(edges) else BEYOND
        else:
            edge = 0
        key = pack(code, edge)
        add(self.facts, key, n)
        if value:
            add(self.sums, code, n * value)
        if IS_WAIT[code] and value > self.dropped:
            add(self.top, value, n)
            if len(self.top) > TOP:
                self.dropped = min(self.top)
                del self.top[self.dropped]

    def deltas(self, layout: Layout) -> dict[int, int]:
        """Counter -> value in the given layout, whose edges must be among those it was rounded to."""
        changes: dict[int, int] = {}
        for key, n in self.facts.items():
            at = layout.base[key & CODE_MASK] + 1 + bisect_left(layout.edges, key >> CODE_BITS)
            changes[at] = changes.get(at, 0) + n
        for code, total in self.sums.items():
            changes[layout.base[code]] = total
        return changes
