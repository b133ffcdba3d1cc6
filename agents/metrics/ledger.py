"""Ledger: signed counts by name, minute and place, and their sums over every window.

The scheme of the state is that of the panes: counts are kept by minute, so that any window can be made anew from them.
Some time after its hour a minute is folded into two archives, that of its local day and that of all time: quarter,
half and whole hours are then final, while the day (for DAYS_KEPT days) and the total go on taking late counts. An hour
of which nothing was folded is never final, however old.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from agents.metrics.panes import DAYS_KEPT
from agents.metrics.scopes import Place, Scope, parse_place_key, place_key, scopes_at
from agents.metrics.windows import ALL, ROLLING, Calendar, Span
from schemas.instants import DAY, MINUTE
from schemas.live import Metric
from streams.store import Store

Counts = dict[str, int]
"""Name -> signed count; what is 0 is not there."""

News = tuple[tuple[Scope, ...], list[Span]]
"""Scopes and windows whose sums changed."""

_EVER = "ever"
_ROLLING = frozenset(span for span, _ in ROLLING)


class Said(NamedTuple):
    """What counts say: of every clock how many were attained and breached; metrics of surveys and resolutions."""

    decided: dict[str, tuple[int, int]]
    others: dict[str, Metric]


class Sum:
    """The counts of one scope and window. `said`: what they say, once somebody has worked it out."""

    __slots__ = ("counts", "said")

    def __init__(self) -> None:
        self.counts: Counts = {}
        self.said: Said | None = None


NOTHING = Sum()
Sums = dict[Scope, Sum]


class Ledger:
    """All counts. `advance`, `settle` and `fold` say of which windows there is news."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._clock: int | None = None
        self._changed: dict[tuple[Place, int], Counts] = {}
        self._minutes: dict[int, dict[Place, Counts]] = {}
        self._sums: dict[Span, Sums] = {ALL: {}}
        self._days: dict[int, dict[Place, Counts]] = {}
        self._final: set[int] = set()
        self._expired = 0
        self._cells: Store[Counts] = Store(b"l", Counts, version=2)
        self._archives: Store[Counts] = Store(b"x", Counts, version=2)
        self._folded: Store[bool] = Store(b"y", bool)

    @property
    def stores(self) -> tuple[Store[Counts], Store[Counts], Store[bool]]:
        """Its state."""
        return self._cells, self._archives, self._folded

    def add(self, place: Place, minute: int, name: str, n: int) -> None:
        """Count (signed). It is in no window before `settle`."""
        cell = (place, minute)
        changes = self._changed.get(cell)
        if changes is None:
            changes = self._changed[cell] = {}
        changes[name] = changes.get(name, 0) + n

    def settle(self) -> Iterator[News]:
        """Bring every window up to what was counted since the last call."""
        changed, self._changed = self._changed, {}
        for (place, minute), changes in changed.items():
            if not any(changes.values()):
                continue
            spans = self._spans(minute)
            # What is made from the cells now has to be made before they change.
            sums = [self._of(span) for span in spans]
            if self._is_final(minute):
                self._archive(place, minute, changes)
            else:
                self._count(place, minute, changes)
            scopes = scopes_at(place)
            for each in sums:
                _apply(each, scopes, changes)
            yield scopes, spans

    def advance(self, clock: int) -> Iterator[News]:
        """Move the clock (ms): rolling windows take the minutes that begin and give back those that leave."""
        before, self._clock = self._clock, clock
        now = clock // MINUTE
        if before is not None and before // MINUTE == now:
            return
        for span, size in ROLLING:
            sums = self._sums.setdefault(span, {})
            held = set(sums)
            first = now - size if before is None else max(now - size, before // MINUTE + 1)
            if before is not None:
                last = before // MINUTE
                self._roll(sums, range(last - size, min(now - size, last + 1)), -1)
            self._roll(sums, range(first, now + 1), 1)
            yield tuple(held | set(sums)), [span]
            for scope in [scope for scope, each in sums.items() if not each.counts]:
                del sums[scope]

    def of(self, scope: Scope, span: Span) -> Sum:
        """The sums of a window. Settle first."""
        return self._of(span).get(scope, NOTHING)

    def scopes(self) -> Collection[Scope]:
        """The scopes in which anything was ever counted. Settle first."""
        return self._sums[ALL]

    def fold(self, limit: int, clock: int) -> None:
        """Fold the hours before minute `limit`."""
        for minute in [minute for minute in self._minutes if minute < limit]:
            hour = self._hour(minute)
            if hour not in self._final:
                self._final.add(hour)
                self._folded.put(str(hour), True)
            for place, counts in self._minutes.pop(minute).items():
                self._archive(place, minute, counts)
                self._cells.delete(place_key(minute, place))
        self._expire(clock)

    def forget(self, before: int, kept: Collection[Span]) -> None:
        """Let go of the sums of windows that ended before an instant (ms), but for those `kept`."""
        for span in [span for span in self._sums if span.end is not None and span.end < before and span not in kept]:
            del self._sums[span]

    def restored(self, clock: int | None) -> Iterator[News]:
        """Rebuild what is derived as of `clock`. Returns the windows that are open."""
        self._clock = clock
        self._final.update(map(int, self._folded.data))
        everything = self._sums[ALL]
        for key, counts in self._archives.data.items():
            time, place = parse_place_key(key)
            if time == _EVER:
                _apply(everything, scopes_at(place), counts)
            else:
                self._days.setdefault(int(time), {})[place] = counts
        for key, counts in self._cells.data.items():
            time, place = parse_place_key(key)
            self._minutes.setdefault(int(time), {})[place] = counts
            _apply(everything, scopes_at(place), counts)
        if clock is not None:
            self._expire(clock)
            for span, size in ROLLING:
                sums = self._sums.setdefault(span, {})
                self._roll(sums, range(clock // MINUTE - size, clock // MINUTE + 1), 1)
        for minute, places in self._minutes.items():
            spans = [span for span in self._spans(minute) if clock is None or span.end is None or span.end > clock]
            for place in places:
                yield scopes_at(place), spans

    def _spans(self, minute: int) -> list[Span]:
        found = self._calendar.spans(minute)
        if self._is_final(minute):
            day = found[3]
            return [ALL, day] if (day.start or 0) in self._days else [ALL]
        age = None if self._clock is None else self._clock // MINUTE - minute
        return [ALL, *found, *(span for span, size in ROLLING if age is not None and 0 <= age <= size)]

    def _of(self, span: Span) -> Sums:
        sums = self._sums.get(span)
        if sums is None:
            sums = self._sums[span] = {}
            if span in _ROLLING:
                return sums
            if span.kind == "day":
                for place, counts in self._days.get(span.start or 0, {}).items():
                    _apply(sums, scopes_at(place), counts)
            self._roll(sums, span.minutes, 1)
        return sums

    def _roll(self, sums: Sums, minutes: range, sign: int) -> None:
        found = minutes if len(minutes) < len(self._minutes) else [each for each in self._minutes if each in minutes]
        for minute in found:
            for place, counts in self._minutes.get(minute, {}).items():
                _apply(sums, scopes_at(place), counts, sign)

    def _count(self, place: Place, minute: int, changes: Counts) -> None:
        places = self._minutes.setdefault(minute, {})
        counts = places.get(place)
        if counts is None:
            counts = places[place] = {}
        _add(counts, changes)
        key = place_key(minute, place)
        if counts:
            self._cells.put(key, counts)
            return
        self._cells.delete(key)
        del places[place]
        if not places:
            del self._minutes[minute]

    def _archive(self, place: Place, minute: int, changes: Counts) -> None:
        key = place_key(_EVER, place)
        ever = self._archives.get(key) or {}
        _add(ever, changes)
        self._archives.put(key, ever)
        day = self._calendar.spans(minute)[3].start or 0
        if day >= self._expired:
            counts = self._days.setdefault(day, {}).setdefault(place, {})
            _add(counts, changes)
            self._archives.put(place_key(day, place), counts)

    def _expire(self, clock: int) -> None:
        self._expired = clock - DAYS_KEPT * DAY
        for day in [day for day in self._days if day < self._expired]:
            for place in self._days.pop(day):
                self._archives.delete(place_key(day, place))

    def _is_final(self, minute: int) -> bool:
        return bool(self._final) and self._hour(minute) in self._final

    def _hour(self, minute: int) -> int:
        return self._calendar.hour(minute).start or 0


def _apply(sums: Sums, scopes: tuple[Scope, ...], changes: Counts, sign: int = 1) -> None:
    for scope in scopes:
        found = sums.get(scope)
        if found is None:
            found = sums[scope] = Sum()
        found.said = None
        _add(found.counts, changes, sign)


def _add(counts: Counts, changes: Counts, sign: int = 1) -> None:
    for name, n in changes.items():
        total = counts.get(name, 0) + sign * n
        if total:
            counts[name] = total
        else:
            counts.pop(name, None)
