"""Steps: how many there are at each instant, as signed steps whose integral over any time is exact."""

from agents.metrics.counts import add
from schemas.instants import MINUTE

_SIZE = 1 << 33
"""Minutes that are told apart: more than there are until the year 9999."""


class Steps:
    """A count that changes by steps (instants in ms, any order). Sums by minute stand in a Fenwick tree.

    The integral up to T is T times the steps before it less the sum of (step times its instant): no clock has to
    be followed, and what has no end yet counts up to any T.
    """

    __slots__ = ("_counts", "_minutes", "_moments", "_pending")

    def __init__(self) -> None:
        self._minutes: dict[int, dict[int, int]] = {}
        self._pending: dict[int, tuple[int, int]] = {}
        self._counts: dict[int, int] = {}
        self._moments: dict[int, int] = {}

    def add(self, at: int, n: int) -> None:
        """From `at` (ms) on there are `n` more."""
        minute = at // MINUTE
        steps = self._minutes.get(minute)
        if steps is None:
            steps = self._minutes[minute] = {}
        steps[at] = steps.get(at, 0) + n
        if not steps[at]:
            del steps[at]
            if not steps:
                del self._minutes[minute]
        count, moment = self._pending.get(minute, (0, 0))
        self._pending[minute] = (count + n, moment + n * at)

    def area(self, until: int) -> int:
        """Their number times how long they were there, up to `until` (ms), in ms."""
        if self._pending:
            self._settle()
        minute = until // MINUTE
        count = moment = 0
        place = _before(minute)
        while place > 0:
            count += self._counts.get(place, 0)
            moment += self._moments.get(place, 0)
            place &= place - 1
        for at, n in self._minutes.get(minute, _NONE).items():
            if at < until:
                count += n
                moment += n * at
        return until * count - moment

    def at(self, instant: int) -> int:
        """How many there are at an instant (ms)."""
        return self.area(instant + 1) - self.area(instant)

    def _settle(self) -> None:
        pending, self._pending = self._pending, {}
        for minute, (count, moment) in pending.items():
            if not count and not moment:
                continue
            place = max(_before(minute + 1), 1)
            while place <= _SIZE:
                add(self._counts, place, count)
                add(self._moments, place, moment)
                place += place & -place


_NONE: dict[int, int] = {}


def _before(minute: int) -> int:
    """Where the sums of all minutes before this one end; those before 1970 are one."""
    return 0 if minute < 0 else minute + 1
