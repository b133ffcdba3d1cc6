"""Panes: every fact of a channel and queue, by the minute of the offer. All windows are sums of panes.

The scheme of the state: a pane holds its facts one by one, so any window can be made anew from panes: after a
restart, and when a correction takes the longest wait away. Some time after its hour a pane is folded into two
archives, that of its local day and that of all time: quarter, half and whole hours are then final, while the day
(for DAYS_KEPT days) and the total go on taking late facts, exactly. An hour of which nothing was folded is never
final, however old: history read into a running service gets all its windows.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from agents.metrics.archive import PRESET_EDGES, Archive
from agents.metrics.scopes import Leaf, Scope, cell_key, parse_cell_key, scopes_of
from agents.metrics.tally import CODE_BITS, CODE_MASK, IS_WAIT, Delta, Layout, Tally
from agents.metrics.windows import ALL, Calendar, Span
from schemas.instants import DAY, MINUTE, from_ms
from streams.store import Store

DAYS_KEPT = 35
_EVER = "ever"


class UnknownThreshold(ValueError):
    """The settings name a threshold that panes folded earlier were not counted by."""


class Pane(msgspec.Struct, array_like=True, gc=False):
    """Facts of one minute: packed (measure, value) -> signed count; and the largest wait, -1 for none."""

    facts: dict[int, int]
    longest: int = -1


class Panes:
    """All panes and archives, and what changed in them since the last `take_deltas`."""

    def __init__(self, layout: Layout, calendar: Calendar) -> None:
        self.layout = layout
        self.leaves: dict[Leaf, dict[int, Pane]] = {}
        self._calendar = calendar
        self._members: dict[Scope, dict[Leaf, dict[int, Pane]]] = {}
        self._archived: dict[int | None, dict[Leaf, Archive]] = {}
        self._edges: tuple[int, ...] = tuple(sorted({*PRESET_EDGES, *layout.edges}))
        self._final: set[int] = set()
        self._expired = 0
        self._deltas: dict[tuple[Leaf, int], Delta] = {}
        self._panes: Store[Pane] = Store(b"p", Pane)
        self._archives: Store[Archive] = Store(b"a", Archive)
        self._folded: Store[tuple[int, ...]] = Store(b"h", tuple[int, ...])

    @property
    def stores(self) -> tuple[Store[Pane], Store[Archive], Store[tuple[int, ...]]]:
        """Its state."""
        return self._panes, self._archives, self._folded

    def add(self, leaf: Leaf, minute: int, code: int, value: int, n: int) -> None:
        """Take one signed fact (not 'waiting')."""
        panes = self.leaves.get(leaf)
        pane = None if panes is None else panes.get(minute)
        if pane is None:
            if self.is_final(minute):
                self._add_late(leaf, minute, code, value, n)
                return
            pane = self._open(leaf, minute)
        cell = (leaf, minute)
        delta = self._deltas.get(cell)
        if delta is None:
            delta = self._deltas[cell] = Delta()
        facts = pane.facts
        key = value << CODE_BITS | code
        before = facts.get(key, 0)
        after = before + n
        if after:
            facts[key] = after
        else:
            facts.pop(key, None)
        delta.count(self.layout, code, value, n)
        if IS_WAIT[code]:
            if after > 0 >= before:
                if value > pane.longest:
                    pane.longest = value
                if value > delta.high:
                    delta.high = value
            elif before > 0 >= after:
                if value > delta.gone:
                    delta.gone = value
                if value >= pane.longest:
                    pane.longest = _longest(facts)

    def take_deltas(self) -> dict[tuple[Leaf, int], Delta]:
        """What changed by leaf and minute since the last call; notes what has to be stored."""
        deltas, self._deltas = self._deltas, {}
        for (leaf, minute), delta in deltas.items():
            if delta.late:
                continue
            key = cell_key(minute, leaf)
            if self.leaves[leaf][minute].facts:
                self._panes.touch(key)
            else:
                del self.leaves[leaf][minute]
                self._panes.delete(key)
        return deltas

    def at(self, minute: int) -> Iterator[tuple[Leaf, Pane]]:
        """The panes of one minute."""
        for leaf, panes in self.leaves.items():
            pane = panes.get(minute)
            if pane is not None:
                yield leaf, pane

    def fill(self, tally: Tally, scope: Scope, span: Span, minutes: range) -> None:
        """Add up a window: the panes of `minutes` (of 'all': all panes), and what is archived of it."""
        layout = self.layout
        for pane in self._of(scope, span, minutes):
            tally.add(layout.deltas(pane.facts), pane.longest)
        for archive in self._archives_of(scope, span):
            tally.add(archive.deltas(layout), archive.longest)

    def longest(self, scope: Scope, span: Span, minutes: range) -> int:
        """Largest completed wait of a window in ms, -1 for none."""
        waits = [pane.longest for pane in self._of(scope, span, minutes)]
        waits.extend(archive.longest for archive in self._archives_of(scope, span))
        return max(waits, default=-1)

    @property
    def scopes(self) -> Collection[Scope]:
        """The scopes of which any fact is known, now and later."""
        return self._members

    def knows_day(self, day: Span) -> bool:
        """Whether anything of this day is archived (for DAYS_KEPT days it is)."""
        return day.start in self._archived

    def is_final(self, minute: int) -> bool:
        """Whether panes of this minute's hour are folded, so that only its day can be told anew."""
        return bool(self._final) and self._hour(minute) in self._final

    def fold(self, clock: int, keep_ms: int) -> int:
        """Fold the hours that ended `keep_ms` before `clock`; returns the first minute that is not folded."""
        limit = self._calendar.hour((clock - keep_ms) // MINUTE).minutes.start
        for leaf, panes in self.leaves.items():
            for minute in [minute for minute in panes if minute < limit]:
                hour = self._hour(minute)
                if hour not in self._final:
                    self._final.add(hour)
                    edges = tuple(edge for edge in self.layout.edges if edge not in PRESET_EDGES)
                    self._folded.put(str(hour), edges)
                for key, n in panes.pop(minute).facts.items():
                    self._archive(leaf, minute, key & CODE_MASK, key >> CODE_BITS, n)
                self._panes.delete(cell_key(minute, leaf))
        self._expire(clock)
        return limit

    def restored(self, clock: int | None) -> None:
        """Rebuild the indexes as of `clock`. Raises UnknownThreshold for one that folded panes were not counted by."""
        for key, pane in self._panes.data.items():
            time, leaf = parse_cell_key(key)
            self._leaf(leaf)[int(time)] = pane
        for key, archive in self._archives.data.items():
            time, leaf = parse_cell_key(key)
            self._leaf(leaf)
            self._archived.setdefault(None if time == _EVER else int(time), {})[leaf] = archive
        wanted = set(self.layout.edges).difference(PRESET_EDGES)
        for hour, edges in self._folded.data.items():
            missing = wanted.difference(edges)
            if missing:
                raise UnknownThreshold(
                    f"contacts within {min(missing) / 1000:g} s cannot be told for the hour from "
                    f"{from_ms(int(hour)):%Y-%m-%d %H:%M} UTC: it was folded without that threshold. Take it "
                    "back, choose one that is always kept (1 to 8, 10, 12, 15, 20, 25, 30, 40, 45, 60, 90, 120, 180, "
                    "240, 300, 600 s ...), or start in a fresh namespace"
                )
            self._final.add(int(hour))
        if clock is not None and self._final:
            self._expire(clock)

    def _expire(self, clock: int) -> None:
        self._expired = clock - DAYS_KEPT * DAY
        for day in [day for day in self._archived if day is not None and day < self._expired]:
            for leaf in self._archived.pop(day):
                self._archives.delete(cell_key(day, leaf))

    def _hour(self, minute: int) -> int:
        return self._calendar.hour(minute).start or 0

    def _leaf(self, leaf: Leaf) -> dict[int, Pane]:
        panes = self.leaves.get(leaf)
        if panes is None:
            panes = self.leaves[leaf] = {}
            for scope in scopes_of(leaf):
                self._members.setdefault(scope, {})[leaf] = panes
        return panes

    def _open(self, leaf: Leaf, minute: int) -> Pane:
        pane = self._leaf(leaf)[minute] = Pane({})
        self._panes.put(cell_key(minute, leaf), pane)
        return pane

    def _of(self, scope: Scope, span: Span, minutes: range) -> Iterator[Pane]:
        for panes in self._members.get(scope, {}).values():
            if span == ALL:
                yield from panes.values()
            elif len(panes) < len(minutes):
                yield from (pane for minute, pane in panes.items() if minute in minutes)
            else:
                yield from (panes[minute] for minute in minutes if minute in panes)

    def _archives_of(self, scope: Scope, span: Span) -> Iterable[Archive]:
        if span.kind not in ("day", "all"):
            return ()
        archives = self._archived.get(span.start, {})
        return (archives[leaf] for leaf in self._members.get(scope, {}) if leaf in archives)

    def _add_late(self, leaf: Leaf, minute: int, code: int, value: int, n: int) -> None:
        self._leaf(leaf)
        delta = self._deltas.get((leaf, minute))
        if delta is None:
            delta = self._deltas[leaf, minute] = Delta(late=True)
        delta.count(self.layout, code, value, n)
        archives = self._archive(leaf, minute, code, value, n)
        if IS_WAIT[code]:
            if any(archive.top.get(value, 0) > 0 for archive in archives):
                delta.high = max(delta.high, value)
            else:
                delta.gone = max(delta.gone, value)

    def _archive(self, leaf: Leaf, minute: int, code: int, value: int, n: int) -> list[Archive]:
        day = self._calendar.spans(minute)[3].start or 0
        times: tuple[int | None, ...] = (None, day) if day >= self._expired else (None,)
        taken = []
        for time in times:
            key = cell_key(_EVER if time is None else time, leaf)
            archive = self._archives.get(key)
            if archive is None:
                archive = Archive({}, {}, {})
                self._archived.setdefault(time, {})[leaf] = archive
            archive.add(code, value, n, self._edges)
            self._archives.put(key, archive)
            taken.append(archive)
        return taken


def _longest(facts: dict[int, int]) -> int:
    waits = (key >> CODE_BITS for key, n in facts.items() if n > 0 and IS_WAIT[key & CODE_MASK])
    return max(waits, default=-1)
