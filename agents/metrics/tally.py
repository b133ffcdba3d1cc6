"""Tally: the additive counters of one scope and window, made of signed facts."""

from bisect import bisect_left
from collections.abc import Iterable

CODES: dict[str, int] = {
    "offered": 0,
    "answered": 1,
    "completed": 2,
    "handled": 3,
    "left_ivr": 4,
    "left:abandoned": 5,
    "left:callback": 6,
    "left:timeout": 7,
    "left:key_exit": 8,
    "left:empty": 9,
    "left:transfer_out": 10,
    "left:withdrawn": 11,
    "left:system": 12,
    "waiting": 15,
}
"""Measure -> its code, part of the state's format: never reused, at most 15."""

OFFERED = CODES["offered"]
WAITING = CODES["waiting"]
MEASURES = WAITING
CODE_BITS = 4
CODE_MASK = (1 << CODE_BITS) - 1
_WAITS = {code for measure, code in CODES.items() if measure == "answered" or measure.startswith("left:")}
IS_WAIT: tuple[bool, ...] = tuple(code in _WAITS for code in range(CODE_MASK + 1))
"""By code: is the value a completed time in the queue?"""

IS_TIMED: tuple[bool, ...] = tuple(code in _WAITS | {CODES["completed"]} for code in range(CODE_MASK + 1))
"""By code: is the value a time in the queue at all, to be counted against thresholds?"""


class UnknownMeasure(ValueError):
    """A partial holds a measure that this version does not know: the tasks run different versions."""


class Layout:
    """Where the counters of a tally stand in its list, for the given thresholds (ms).

    For each measure there is the sum of its values, then the number of values up to each threshold and above the
    one before it (both ends as in "within X": a value of exactly X is within X).
    """

    __slots__ = ("base", "edges", "size", "upto", "width")

    def __init__(self, thresholds: Iterable[int]) -> None:
        self.edges: tuple[int, ...] = tuple(sorted(set(thresholds)))
        self.upto = {edge: at + 1 for at, edge in enumerate(self.edges)}
        self.width = 2 + len(self.edges)
        self.base: tuple[int, ...] = tuple(code * self.width for code in range(MEASURES))
        self.size = MEASURES * self.width

    def deltas(self, facts: dict[int, int]) -> dict[int, int]:
        """Counter -> change, of packed facts (see `pack`)."""
        edges, base = self.edges, self.base
        changes: dict[int, int] = {}
        for key, n in facts.items():
            value = key >> CODE_BITS
            at = base[key & CODE_MASK]
            if value:
                changes[at] = changes.get(at, 0) + n * value
            at += 1 + bisect_left(edges, value)
            changes[at] = changes.get(at, 0) + n
        return changes


def pack(code: int, value: int) -> int:
    """One integer for a measure's code and a value."""
    return value << CODE_BITS | code


class Delta:
    """What one cell's facts change: counters, and the largest waits that appeared and that disappeared (-1: none).

    `late`: the cell's panes are folded already, so only the day and the total can take it.
    """

    __slots__ = ("counts", "gone", "high", "late")

    def __init__(self, *, late: bool = False) -> None:
        self.counts: dict[int, int] = {}
        self.high = -1
        self.gone = -1
        self.late = late

    def count(self, layout: Layout, code: int, value: int, n: int) -> None:
        """Count one signed fact."""
        counts = self.counts
        at = layout.base[code]
        counts[at] = counts.get(at, 0) + n * value
        at += 1 + bisect_left(layout.edges, value)
        counts[at] = counts.get(at, 0) + n


class Tally:
    """Sums and counts of one scope and window; all but the longest wait only ever add up.

    `longest`: largest completed wait in ms, -1 when there is none. `stale`: it was taken away, so the panes have to
    be asked again.
    """

    __slots__ = ("counts", "longest", "stale")

    def __init__(self, layout: Layout) -> None:
        self.counts = [0] * layout.size
        self.longest = -1
        self.stale = False

    def apply(self, delta: Delta) -> None:
        """Take what a cell's facts changed."""
        self.add(delta.counts, delta.high)
        if delta.gone >= self.longest >= 0:
            self.stale = True

    def add(self, changes: dict[int, int], longest: int = -1) -> None:
        """Add counters, of which `longest` is the largest wait."""
        counts = self.counts
        for at, n in changes.items():
            counts[at] += n
        if longest > self.longest:
            self.longest = longest

    def subtract(self, changes: dict[int, int], longest: int = -1) -> None:
        """Take counters out again."""
        counts = self.counts
        for at, n in changes.items():
            counts[at] -= n
        if longest >= self.longest >= 0:
            self.stale = True
