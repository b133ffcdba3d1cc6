"""Timesheet: one agent's time, cut wherever a call or a declared state begins or ends."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final, NamedTuple

OUT: Final = 0
"""Neither in a call nor available."""
IDLE: Final = 1
"""Available, in no call."""
BUSY: Final = 2
"""In at least one call."""

_ALWAYS = -(1 << 62)


class Shift(NamedTuple):
    """From `start` to `end` (ms; None: for good) the agent was taken for `before`, and is for `after`."""

    start: int
    end: int | None
    before: int
    after: int


class Timesheet:
    """Calls that are over, calls under way, and the declared state, from every cut to the next.

    Whoever is in a call is busy, whatever state was declared. A call of which no end was told counts only until the
    agent is declared offline: of some calls the end is lost.
    """

    __slots__ = ("_cuts", "_over", "_states", "_under_way")

    def __init__(self) -> None:
        self._cuts = [_ALWAYS]
        self._over = [0]
        self._under_way = [0]
        self._states: list[str | None] = [None]

    @property
    def last(self) -> int:
        """The last cut (ms)."""
        return self._cuts[-1]

    def add_call(self, start: int, end: int | None, n: int) -> list[Shift]:
        """Add `n` calls (signed) from `start` to `end` (ms; None: under way). Returns what it changes."""
        first, last = self._range(start, end)
        counts = self._under_way if end is None else self._over
        shifts: list[Shift] = []
        for at in range(first, last):
            before = self._kind(at)
            counts[at] += n
            self._note(at, before, shifts)
        return shifts

    def declare(self, start: int, end: int | None, state_at: Callable[[int], str | None]) -> list[Shift]:
        """The states declared from `start` to `end` (ms; None: for good) changed. Returns what it changes."""
        first, last = self._range(start, end)
        shifts: list[Shift] = []
        for at in range(first, last):
            before = self._kind(at)
            self._states[at] = state_at(self._cuts[at])
            self._note(at, before, shifts)
        return shifts

    def cut_off(self, until: int) -> list[Shift]:
        """Forget all time before `until` (ms). Returns what it was."""
        first = self._cut(until)
        shifts = [
            Shift(self._cuts[at], self._cuts[at + 1], kind, OUT) for at in range(first) if (kind := self._kind(at))
        ]
        self._cuts[:first] = [_ALWAYS]
        self._over[:first] = [0]
        self._under_way[:first] = [0]
        self._states[:first] = [None]
        return shifts

    def _range(self, start: int, end: int | None) -> tuple[int, int]:
        first = self._cut(start)
        return first, len(self._cuts) if end is None else self._cut(end)

    def _cut(self, instant: int) -> int:
        """The place of the cut at an instant, made if there is none."""
        cuts = self._cuts
        place = bisect_left(cuts, instant)
        if place == len(cuts) or cuts[place] != instant:
            cuts.insert(place, instant)
            self._over.insert(place, self._over[place - 1])
            self._under_way.insert(place, self._under_way[place - 1])
            self._states.insert(place, self._states[place - 1])
        return place

    def _kind(self, at: int) -> int:
        state = self._states[at]
        if self._over[at] > 0 or (self._under_way[at] > 0 and state != "offline"):
            return BUSY
        return IDLE if state == "available" else OUT

    def _note(self, at: int, before: int, shifts: list[Shift]) -> None:
        after = self._kind(at)
        if after != before:
            end = self._cuts[at + 1] if at + 1 < len(self._cuts) else None
            shifts.append(Shift(self._cuts[at], end, before, after))
