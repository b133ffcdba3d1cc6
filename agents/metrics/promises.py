"""Promises: the clocks that run or pause now, by scope, and which of them is due first."""

from collections.abc import Collection, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from agents.metrics.scopes import Place, Scope, parse_place_key, place_key, scopes_at
from schemas.instants import MINUTE
from streams.store import Store

OPEN, AT_RISK, PAUSED = "open", "at_risk", "paused"
MEASURES = (OPEN, AT_RISK, PAUSED)
_SLACK = 64
_SEPARATOR = "/"

Cell = dict[str, dict[int, int]]
"""Measure -> value -> signed count."""


class Now(NamedTuple):
    """One clock of one scope: how many run, of them at risk, how many pause, and when the first is due (ms)."""

    running: int
    at_risk: int
    paused: int
    due: int | None


class _Dues:
    """The due instants of the clocks of one place that run."""

    __slots__ = ("_counts", "_heap")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._heap: list[int] = []

    def add(self, due: int, n: int) -> None:
        """Take a signed count."""
        before = self._counts.get(due, 0)
        after = before + n
        if after:
            self._counts[due] = after
        else:
            self._counts.pop(due, None)
        if after > 0 >= before:
            heappush(self._heap, due)
        elif len(self._heap) > 2 * len(self._counts) + _SLACK:
            # What was taken out stands in the heap until it comes first.
            self._heap = [due for due, count in self._counts.items() if count > 0]
            heapify(self._heap)

    @property
    def is_empty(self) -> bool:
        """Whether none is due."""
        return not self._counts

    def first(self) -> int | None:
        """The earliest of them."""
        heap, counts = self._heap, self._counts
        while heap and counts.get(heap[0], 0) <= 0:
            heappop(heap)
        return heap[0] if heap else None


class _Gauge:
    """Counts of one scope and clock, and the places whose dues are its own. `first`: of those, while not `stale`."""

    __slots__ = ("counts", "dues", "first", "stale")

    def __init__(self) -> None:
        self.counts = dict.fromkeys(MEASURES, 0)
        self.dues: dict[Place, _Dues] = {}
        self.first: int | None = None
        self.stale = False


class Promises:
    """Open clocks. State: one entry a minute of dues, place and clock, gone when none of it is open."""

    def __init__(self) -> None:
        self.store: Store[Cell] = Store(b"n", Cell)
        self._gauges: dict[Scope, dict[str, _Gauge]] = {}
        self._dues: dict[tuple[Place, str], _Dues] = {}

    def add(self, place: Place, clock: str, measure: str, value: int, n: int) -> None:
        """Take a signed count of one of MEASURES; `value`: due instant (ms), 0 of one that pauses."""
        key = place_key(f"{value // MINUTE}{_SEPARATOR}{clock}", place)
        cell = self.store.get(key)
        if cell is None:
            cell = {}
        values = cell.setdefault(measure, {})
        total = values.get(value, 0) + n
        if total:
            values[value] = total
        else:
            del values[value]
            if not values:
                del cell[measure]
        if cell:
            self.store.put(key, cell)
        else:
            self.store.delete(key)
        self._change(place, clock, measure, value, n)

    def scopes(self) -> Collection[Scope]:
        """The scopes in which a clock runs or pauses."""
        return self._gauges

    def running(self) -> list[Scope]:
        """The scopes in which a clock runs."""
        return [
            scope for scope, gauges in self._gauges.items() if any(gauge.counts[OPEN] > 0 for gauge in gauges.values())
        ]

    def now(self, scope: Scope) -> Iterator[tuple[str, Now]]:
        """The clocks of a scope of which anything is open."""
        for clock, gauge in self._gauges.get(scope, {}).items():
            running, at_risk, paused = gauge.counts.values()
            if running > 0 or paused > 0:
                # Facts may come in any order: one that ends a clock before it began leaves a debt, not less than none.
                yield clock, Now(max(running, 0), max(at_risk, 0), max(paused, 0), _first(gauge))

    def restored(self) -> None:
        """Rebuild the sums."""
        for key, cell in self.store.data.items():
            name, place = parse_place_key(key)
            clock = name.partition(_SEPARATOR)[2]
            for measure, values in cell.items():
                for value, n in values.items():
                    self._change(place, clock, measure, value, n)

    def _change(self, place: Place, clock: str, measure: str, value: int, n: int) -> None:
        dues = None
        if measure == OPEN:
            dues = self._dues.get((place, clock))
            if dues is None:
                dues = self._dues[place, clock] = _Dues()
            dues.add(value, n)
            if dues.is_empty:
                del self._dues[place, clock]
        for scope in scopes_at(place):
            gauges = self._gauges.setdefault(scope, {})
            gauge = gauges.get(clock)
            if gauge is None:
                gauge = gauges[clock] = _Gauge()
            gauge.counts[measure] += n
            if dues is not None:
                gauge.stale = True
                if dues.is_empty:
                    gauge.dues.pop(place, None)
                else:
                    gauge.dues[place] = dues
            if not (gauge.dues or any(gauge.counts.values())):
                del gauges[clock]
                if not gauges:
                    del self._gauges[scope]


def _first(gauge: _Gauge) -> int | None:
    if gauge.stale:
        firsts = (dues.first() for dues in gauge.dues.values())
        gauge.first = min((due for due in firsts if due is not None), default=None)
        gauge.stale = False
    return gauge.first
