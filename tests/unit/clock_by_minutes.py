"""The judge of clocks once more, told nothing but what each minute is: slow, and plain enough to be believed."""

from collections.abc import Sequence
from functools import cache

from agents.contacts.run import Run, Term
from schemas.calendars import Calendar
from schemas.instants import MINUTE

NO_TIME = -1
"""A start that was paused or over at once: nothing can be due then."""

Told = tuple[str, int, int, int, int]
"""Transition, instant, when it was known, due instant and time used: in minutes since the epoch."""


def by_minutes(run: Run, terms: Sequence[Term], judged: int) -> list[Told]:
    """The steps of a clock of which all happens at whole minutes, at-risk steps aside. The mode is piecewise."""
    stops = [each.at for each in run.ends]
    last = max(judged, *(span.start for span in run.spans), *(span.end or 0 for span in run.spans), *stops)
    day = _Day(run, terms)
    for minute in range(run.start // MINUTE, last // MINUTE + 1):
        day.pass_minute(minute, has_come=minute * MINUTE <= judged or minute * MINUTE < last)
    return day.told


class _Day:
    def __init__(self, run: Run, terms: Sequence[Term]) -> None:
        self.run, self.terms = run, terms
        self.told: list[Told] = []
        self.counted: list[tuple[int, Calendar | None]] = []
        self.paused: set[int] = set()
        self.starts: list[int] = []
        self.active = self.breached = self.running = self.over = False
        self.term = terms[0]

    def pass_minute(self, minute: int, *, has_come: bool) -> None:
        now = minute * MINUTE
        first = not self.starts
        if not first:
            self.close(now, minute)
        changes = [term for term in self.terms if term.at == now and now > self.run.start]
        if changes:
            self.change(changes[-1], minute)
            if not self.over:
                self.look(minute, minute - 1)
        if any(span.start == now for span in self.run.spans):
            self.start(minute)
            self.look(minute, minute - 1)
            self.close(now, minute)
            if not self.running:
                self.starts[-1] = NO_TIME
        if not self.over:
            self.look(minute, minute if has_come else minute - 1)
        if self.running:
            self.counted.append((minute, self.term.calendar))

    def close(self, now: int, minute: int) -> None:
        if self.running and any(span.end == now and span.until for span in self.run.spans):
            self.running = False
            self.paused.add(minute)
            if self.active:
                self.say("paused", minute)
        ends = [end for end in self.run.ends if end.at == now]
        if ends and not self.over:
            if self.running:
                self.paused.add(minute)
            self.running, self.over = False, True
            late = self.breached
            name = "fulfilled" if ends[0].how == "fulfilled" else "lapsed" if late else "cancelled"
            if self.active:
                self.say(name, minute)

    def start(self, minute: int) -> None:
        self.running, self.over = True, False
        self.starts.append(minute)
        if self.promises():
            self.say("resumed" if self.active else "activated", minute)
        self.active = self.promises()

    def change(self, term: Term, minute: int) -> None:
        same = (term.policy, term.version, term.calendar) == (self.term.policy, self.term.version, self.term.calendar)
        was_active = self.active
        if not same and not self.over and was_active and term.policy is None:
            self.say("lapsed" if self.breached else "cancelled", minute)
            self.active = False
        self.term = term
        if same or self.over or term.policy is None:
            return
        self.active = True
        self.say("retargeted" if was_active else "activated", minute)
        if not was_active and not self.running:
            self.say("paused", minute)

    def look(self, minute: int, until: int) -> None:
        """Whether it is breached by now: what was due until then."""
        due = self.due()
        if self.active and not self.breached and due <= until and (self.running or due < max(self.paused)):
            self.breached = True
            self.told.append(("breached", due, minute, due, self.used()))

    def promises(self) -> bool:
        return self.term.policy is not None

    def say(self, name: str, minute: int) -> None:
        self.told.append((name, minute, minute, self.due(), self.used()))

    def used(self) -> int:
        return sum(_is_open(calendar, minute) for minute, calendar in self.counted)

    def due(self) -> int:
        """The first minute by which the target is used; if it paused just then, the next start."""
        target, used = self.term.target // MINUTE, 0
        for minute, calendar in self.counted:
            used += _is_open(calendar, minute)
            if used >= target and minute + 1 not in self.paused:
                return minute + 1
            if used >= target:
                return next((start for start in self.starts if start > minute), max(self.paused))
        minute = max(self.paused, default=0) if not self.running else max(self.starts[-1], self.last_counted())
        while used < target:
            used += _is_open(self.term.calendar, minute)
            minute += 1
        return minute

    def last_counted(self) -> int:
        return self.counted[-1][0] + 1 if self.counted else 0


@cache
def _is_open(calendar: Calendar | None, minute: int) -> bool:
    return calendar is None or calendar.is_open(minute * MINUTE)
