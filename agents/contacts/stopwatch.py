"""Business time that a clock has used, and when it has used so much of it, over calendars that change."""

from bisect import bisect_left
from itertools import accumulate
from typing import NamedTuple

from schemas.calendars import Calendar, NeverDue
from schemas.policies import CalendarMode

NEVER = 7_258_118_400_000
"""When something is due by a calendar that is not open for so long: the year 2200 (ms)."""


class _Stretch(NamedTuple):
    """A time in which it ran by one calendar. `since_run`: the calendar in force when it last began to run;
    `paused`: at its end it stopped running."""

    start: int
    end: int
    in_force: Calendar | None
    since_run: Calendar | None
    paused: bool


class Stopwatch:
    """What one clock has used, each stretch by the calendar that the mode names (schemas.policies.CalendarMode).

    Instants come in order. A pause at the very instant at which an amount is used up comes before it is.
    """

    __slots__ = ("_first", "_in_force", "_mode", "_since", "_since_run", "_stretches", "_totals")

    def __init__(self, calendar: Calendar | None, mode: CalendarMode) -> None:
        self._first = self._in_force = self._since_run = calendar
        self._mode: CalendarMode = mode
        self._since: int | None = None
        self._stretches: list[_Stretch] = []
        # What is used at the end of each stretch, after the nothing that is used before the first.
        self._totals = [0]

    def run(self, at: int) -> None:
        """It begins to run."""
        self._since, self._since_run = at, self._in_force

    def pause(self, at: int) -> None:
        """It stops running."""
        self._close(at, paused=True)
        self._since = None

    def measure(self, at: int, calendar: Calendar | None, mode: CalendarMode) -> None:
        """From now on another calendar is in force, or another mode."""
        if self._since is not None:
            self._close(at, paused=False)
            self._since = at
        self._in_force, self._mode = calendar, mode
        pieces = (_elapsed(self._measure(each), each.start, each.end) for each in self._stretches)
        self._totals = list(accumulate(pieces, initial=0))

    def used(self, at: int) -> int:
        """What is used at `at`, which is not before the last change (ms)."""
        used = self._totals[-1]
        return used if self._since is None else used + _elapsed(self._calendar(), self._since, at)

    def reach(self, amount: int) -> int:
        """The earliest instant at which `amount` is used: of a paused one, when it would have been."""
        for nth in range(max(bisect_left(self._totals, amount), 1) - 1, len(self._stretches)):
            each = self._stretches[nth]
            at = _due(self._measure(each), each.start, amount - self._totals[nth])
            if at < each.end or not each.paused:
                return at
        since = self._stretches[-1].end if self._since is None else self._since
        return _due(self._calendar(), since, amount - self._totals[-1])

    def stopped(self) -> int | None:
        """Since when it does not run; None: it runs."""
        return self._stretches[-1].end if self._since is None else None

    def _close(self, at: int, *, paused: bool) -> None:
        if self._since is not None:
            self._totals.append(self._totals[-1] + _elapsed(self._calendar(), self._since, at))
            self._stretches.append(_Stretch(self._since, at, self._in_force, self._since_run, paused))

    def _calendar(self) -> Calendar | None:
        return self._by_mode(self._in_force, self._since_run)

    def _measure(self, stretch: _Stretch) -> Calendar | None:
        return self._by_mode(stretch.in_force, stretch.since_run)

    def _by_mode(self, in_force: Calendar | None, since_run: Calendar | None) -> Calendar | None:
        if self._mode == "piecewise":
            return in_force
        if self._mode == "at_status_change":
            return since_run
        return self._first if self._mode == "first_schedule" else self._in_force


def _elapsed(calendar: Calendar | None, start: int, end: int) -> int:
    return end - start if calendar is None else calendar.elapsed(start, end)


def _due(calendar: Calendar | None, start: int, amount: int) -> int:
    if calendar is None or amount <= 0:
        return start + max(amount, 0)
    try:
        return calendar.due(start, amount)
    except NeverDue:
        return NEVER
