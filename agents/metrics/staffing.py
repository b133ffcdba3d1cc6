"""Staffing: how long the agents of the whole floor were in a call, and how long available in none.

The scheme of the state: calls and declared states are kept one by one, by agent and hour, so that any of them can be
taken back. An agent's time is folded some time later into two archives, that of its local day and that of all time,
up to the last hour of which anything is known of the agent; it is final then, and what is told of it later counts
only where it goes on after that hour.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from agents.metrics import roster
from agents.metrics.panes import DAYS_KEPT
from agents.metrics.steps import Steps
from agents.metrics.timesheet import BUSY, IDLE, Shift, Timesheet
from agents.metrics.windows import Calendar, Span
from schemas.instants import DAY, HOUR, MINUTE
from schemas.partials import AgentNow, CallKey, StateKey
from streams.store import Store

UNDER_WAY = -1
"""Stands for the end of a call of which none was told."""

_EVER = "ever"
_SEPARATOR = "\x1f"


class Spent(NamedTuple):
    """Time of all agents together, ms."""

    busy: int
    idle: int


class Cell(msgspec.Struct, array_like=True, gc=False):
    """What began in one hour of an agent's time, in signed counts.

    `calls`: start -> UNDER_WAY or end -> count; `states`: queue ('': everywhere) -> since -> state -> count.
    """

    calls: dict[int, dict[int, int]]
    states: dict[str, dict[int, dict[str, int]]]


class _Worker:
    """One agent: the time, the states that hold by queue, the hours of which there are cells."""

    __slots__ = ("declared", "hours", "name", "sheet", "until")

    def __init__(self, name: str, until: int | None) -> None:
        self.name = name
        self.until = until
        self.sheet = Timesheet()
        self.declared: dict[str, tuple[list[int], list[str]]] = {}
        self.hours: set[int] = set()

    def state_at(self, instant: int) -> str | None:
        """The state on the floor, calls left aside, as the roster tells it of several queues."""
        known: dict[str, AgentNow] = {}
        for queue, (instants, states) in self.declared.items():
            place = bisect_right(instants, instant) - 1
            if place >= 0:
                known[queue] = AgentNow(self.name, queue or None, states[place], None, instants[place])
        return roster.Agent(0, known.pop("", None), known).states().get(None)

    def declare(self, queue: str, since: int, state: str | None) -> int | None:
        """A state holds from `since` on, or none does. Returns until when: the next of this queue."""
        instants, states = self.declared.setdefault(queue, ([], []))
        place = bisect_left(instants, since)
        if place < len(instants) and instants[place] == since:
            del instants[place], states[place]
        if state is not None:
            instants.insert(place, since)
            states.insert(place, state)
            place += 1
        return instants[place] if place < len(instants) else None

    def forget(self, until: int) -> None:
        """Of the states that were declared up to `until`, only the last ones matter."""
        for instants, states in self.declared.values():
            gone = max(bisect_right(instants, until) - 1, 0)
            del instants[:gone], states[:gone]


class Staffing:
    """The time of all agents."""

    def __init__(self, calendar: Calendar) -> None:
        self._news: dict[int, dict[int, int]] = {BUSY: {}, IDLE: {}}
        self._calendar = calendar
        self._workers: dict[str, _Worker] = {}
        self._busy = Steps()
        self._idle = Steps()
        self._cells: Store[Cell] = Store(b"c", Cell)
        self._untils: Store[int] = Store(b"f", int)
        self._archives: Store[Spent] = Store(b"v", Spent)
        self._final = 0

    @property
    def stores(self) -> tuple[Store[Cell], Store[int], Store[Spent]]:
        """Its state."""
        return self._cells, self._untils, self._archives

    def apply(self, calls: Iterable[tuple[CallKey, int]], states: Iterable[tuple[StateKey, int]]) -> None:
        """Take signed counts of calls and of states."""
        told: dict[tuple[str, int], dict[int, int]] = {}
        for (agent, start, end), n in calls:
            ends = told.setdefault((agent, start), {})
            end = UNDER_WAY if end is None else end
            ends[end] = ends.get(end, 0) + n
        for (agent, start), ends in told.items():
            self._add_calls(agent, start, ends)
        for (agent, queue, since, state), n in states:
            self._add_state(agent, queue or "", since, state, n)

    def take_news(self) -> list[tuple[int, int | None]]:
        """The times that changed since the last call, all in all: from, to (ms; None: for good)."""
        news, self._news = self._news, {BUSY: {}, IDLE: {}}
        return [time for steps in news.values() for time in _changed(steps)]

    def spent(self, span: Span, start: int | None, end: int) -> Spent | None:
        """The time from `start` (ms; None: ever) to `end` that belongs to a window; None if some of it is folded.

        A day and all time have it in their archives.
        """
        busy, idle = self._busy.area(end), self._idle.area(end)
        if start is not None:
            busy, idle = busy - self._busy.area(start), idle - self._idle.area(start)
        if span.kind not in ("day", "all"):
            return Spent(busy, idle) if start is None or start >= self._final else None
        archived = self._archives.get(_EVER if span.start is None else str(span.start))
        return Spent(busy, idle) if archived is None else Spent(busy + archived.busy, idle + archived.idle)

    def knows(self, span: Span) -> bool:
        """Whether the time of a window can be told: of one below the day, until some of it is folded."""
        return span.start is None or span.kind == "day" or span.start >= self._final

    def going_on(self, start: int, end: int) -> bool:
        """Whether any agent was busy or idle between two instants (ms)."""
        return any(steps.area(end) > steps.area(start) for steps in (self._busy, self._idle))

    def fold(self, clock: int, keep_ms: int) -> None:
        """Fold the time that ended `keep_ms` before `clock`."""
        limit = (self._calendar.hour((clock - keep_ms) // MINUTE).start or 0) // HOUR * HOUR
        expired = clock - DAYS_KEPT * DAY
        for worker in list(self._workers.values()):
            until = min(limit, worker.sheet.last // HOUR * HOUR)
            if until > (worker.until or 0):
                self._fold(worker, until, expired)
        for day in [day for day in self._archives.data if day != _EVER and int(day) < expired]:
            self._archives.delete(day)

    def restored(self) -> None:
        """Rebuild every agent's time."""
        for key, cell in list(self._cells.data.items()):
            name, _, hour = key.rpartition(_SEPARATOR)
            worker = self._worker(name)
            worker.hours.add(int(hour))
            for queue, instants in cell.states.items():
                for since, counts in instants.items():
                    state = _holding(counts)
                    if state is not None:
                        worker.declare(queue, since, state)
            for start, ends in cell.calls.items():
                self._shift_calls(worker, start, {}, _counted(ends))
        for worker in self._workers.values():
            for held, _ in worker.declared.values():
                for since, following in zip(held, (*held[1:], None), strict=True):
                    self._declare(worker, since, following)
        self.take_news()
        self._final = max(self._untils.data.values(), default=0)

    def _worker(self, name: str) -> _Worker:
        worker = self._workers.get(name)
        if worker is None:
            worker = self._workers[name] = _Worker(name, self._untils.get(name))
        return worker

    def _cell(self, worker: _Worker, instant: int) -> Cell:
        hour = instant // HOUR
        key = _key(worker.name, hour)
        cell = self._cells.get(key)
        if cell is None:
            cell = Cell({}, {})
            worker.hours.add(hour)
        self._cells.put(key, cell)
        return cell

    def _add_calls(self, agent: str, start: int, told: dict[int, int]) -> None:
        worker = self._worker(agent)
        cell = self._cell(worker, start)
        ends = cell.calls.setdefault(start, {})
        before = _counted(ends)
        for end, n in told.items():
            ends[end] = ends.get(end, 0) + n
            if not ends[end]:
                del ends[end]
        if not ends:
            del cell.calls[start]
        self._shift_calls(worker, start, before, _counted(ends))

    def _shift_calls(self, worker: _Worker, start: int, before: dict[int, int], after: dict[int, int]) -> None:
        start = start if worker.until is None else max(start, worker.until)
        for end in dict.fromkeys((*before, *after)):
            n = after.get(end, 0) - before.get(end, 0)
            if n and (end == UNDER_WAY or end > start):
                self._shift(worker.sheet.add_call(start, None if end == UNDER_WAY else end, n))

    def _add_state(self, agent: str, queue: str, since: int, state: str, n: int) -> None:
        worker = self._worker(agent)
        counts = self._cell(worker, since).states.setdefault(queue, {}).setdefault(since, {})
        before = _holding(counts)
        counts[state] = counts.get(state, 0) + n
        if not counts[state]:
            del counts[state]
        after = _holding(counts)
        if before != after:
            self._declare(worker, since, worker.declare(queue, since, after))

    def _declare(self, worker: _Worker, start: int, end: int | None) -> None:
        if worker.until is not None:
            start = max(start, worker.until)
        if end is None or end > start:
            self._shift(worker.sheet.declare(start, end, worker.state_at))

    def _shift(self, shifts: Iterable[Shift]) -> None:
        for start, end, before, after in shifts:
            for kind, n in ((before, -1), (after, 1)):
                self._step(start, end, kind, n)
                if kind:
                    steps = self._news[kind]
                    steps[start] = steps.get(start, 0) + n
                    if end is not None:
                        steps[end] = steps.get(end, 0) - n

    def _step(self, start: int, end: int | None, kind: int, n: int) -> None:
        if kind:
            steps = self._busy if kind == BUSY else self._idle
            steps.add(start, n)
            if end is not None:
                steps.add(end, -n)

    def _fold(self, worker: _Worker, until: int, expired: int) -> None:
        for start, end, kind, _ in worker.sheet.cut_off(until):
            self._step(start, end, kind, -1)
            self._archive(start, end or until, kind, expired)
        worker.until = until
        self._final = max(self._final, until)
        worker.forget(until)
        for hour in sorted(worker.hours):
            if hour * HOUR < until:
                self._prune(worker, hour, until)
        if worker.hours:
            self._untils.put(worker.name, until)
        else:
            del self._workers[worker.name]
            self._untils.delete(worker.name)

    def _archive(self, start: int, end: int, kind: int, expired: int) -> None:
        """Add time to that of its days and of ever; of days that are let go of, to that of ever alone."""
        while start < end:
            stop, times = min(end, expired), [_EVER]
            if start >= expired:
                day = self._calendar.spans(start // MINUTE)[3]
                stop = end if day.end is None else min(end, day.end)
                times.append(str(day.start))
            for time in times:
                busy, idle = self._archives.get(time) or (0, 0)
                busy, idle = busy + (stop - start if kind == BUSY else 0), idle + (stop - start if kind == IDLE else 0)
                self._archives.put(time, Spent(busy, idle))
            start = stop

    def _prune(self, worker: _Worker, hour: int, until: int) -> None:
        """Forget what began in an hour and no longer counts from `until` on."""
        key = _key(worker.name, hour)
        cell = self._cells.data[key]
        for start, ends in list(cell.calls.items()):
            if all(end != UNDER_WAY and end <= until for end in _counted(ends)):
                del cell.calls[start]
        for queue, instants in list(cell.states.items()):
            held = worker.declared.get(queue, ([], []))[0]
            for since in [since for since in instants if since < until and since not in held[:1]]:
                del instants[since]
            if not instants:
                del cell.states[queue]
        if cell.calls or cell.states:
            self._cells.touch(key)
        else:
            worker.hours.discard(hour)
            self._cells.delete(key)


def _key(agent: str, hour: int) -> str:
    return f"{agent}{_SEPARATOR}{hour}"


def _changed(steps: dict[int, int]) -> Iterator[tuple[int, int | None]]:
    """From when to when (None: for good) steps do not add up to nothing."""
    level, since = 0, 0
    for at in sorted(steps):
        before, level = level, level + steps[at]
        if level and not before:
            since = at
        elif before and not level:
            yield since, at
    if level:
        yield since, None


def _counted(ends: dict[int, int]) -> dict[int, int]:
    """End or UNDER_WAY -> how many calls. One that is over is no longer under way; nothing is less than none."""
    counted: dict[int, int] = {}
    over = 0
    for end, n in ends.items():
        if end != UNDER_WAY:
            over += n
            if n > 0:
                counted[end] = n
    under_way = ends.get(UNDER_WAY, 0) - over
    if under_way > 0:
        counted[UNDER_WAY] = under_way
    return counted


def _holding(counts: dict[str, int]) -> str | None:
    """The state that holds: none that was taken back, and of several always the same."""
    return min((state for state, n in counts.items() if n > 0), default=None)
