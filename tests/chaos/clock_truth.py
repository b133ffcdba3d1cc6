"""What is to be said of the clocks of a ticket: worked out step by step as docs/howto-sla.md and metrics.md have it.

Instants and durations in ms. Of what it is told, `broken` says also what would come if nothing more happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.story import Event

AT_RISK = 0.8
TAG = "ticket"
"""The policies are for contacts that bear it."""

POLICIES: Mapping[str, Mapping[str, int]] = {
    "urgent": {
        "first_reply": 2_000,
        "next_reply": 2_500,
        "requester_wait": 4_000,
        "agent_work": 3_000,
        "total_resolution": 6_000,
    },
    "normal": {
        "first_reply": 4_000,
        "next_reply": 3_500,
        "periodic_update": 3_000,
        "pausable_update": 2_500,
        "requester_wait": 6_000,
        "total_resolution": 8_000,
    },
}
"""By priority, which is also the name of the policy: clock -> target. Any other priority is promised nothing."""

Stated = tuple[str, int, str | None, int, str]
"""Transition, when it occurred, outcome or reason, when it is due, policy."""

FOR_EVER = 1 << 60
_SOLVED = ("solved", "closed")
_RUNS_IN = {
    "requester_wait": ("new", "open", "on_hold"),
    "agent_work": ("new", "open"),
    "total_resolution": ("new", "open", "pending", "on_hold"),
}
_UPDATES = ("periodic_update", "pausable_update")


@dataclass
class Clock:
    """One instance: what happened to it (instant, what), 'run', 'pause', 'done', or the reason why it was given up."""

    name: str
    instance: str
    first_cycle: bool = False
    moves: list[tuple[int, str]] = field(default_factory=list)
    state: str = "over"

    def move(self, at: int, what: str) -> None:
        """It runs, pauses, or is over; what it does already changes nothing."""
        state = {"run": "running", "pause": "paused"}.get(what, "over")
        if state == self.state:
            return
        if self.state == "over" and what == "pause":
            self.moves.append((at, "run"))
        self.moves.append((at, what))
        self.state = state


class _Ticket:
    """A ticket while its events are read in the order in which they happened."""

    def __init__(self) -> None:
        self.clocks: list[Clock] = []
        self.priorities: list[tuple[int, str | None]] = [(0, None)]
        self._by_name: dict[str, Clock] = {}
        self._status = "open"
        self._unanswered: Event | None = None
        self._replied = False

    def take(self, event: Event) -> None:
        """The next one."""
        if not self.clocks:
            for name in _RUNS_IN:
                self._start(name, event)
        if event.type == "contact.created":
            self._rank(event.at, event.fields["priority"] if TAG in event.fields["tags"] else None)
        elif event.type == "contact.updated":
            # Who bears no tag yet is promised nothing, whatever the priority.
            tagged = self.priorities[-1][1] is not None
            self._rank(event.at, event.fields["priority"] if tagged else None)
        elif event.type == "contact.status_changed":
            self._turn(event)
        elif event.type == "message.posted" and event.fields["public"]:
            {"customer": self._ask, "agent": self._reply}.get(event.fields["author"], lambda _: None)(event)

    def _rank(self, at: int, priority: str | None) -> None:
        self.priorities.append((at, priority))

    def _start(self, name: str, event: Event, *, first_cycle: bool = False) -> None:
        clock = Clock(name, event.id, first_cycle)
        clock.move(event.at, "run")
        self.clocks.append(clock)
        self._by_name[name] = clock

    def _is_on(self, name: str) -> bool:
        return name in self._by_name and self._by_name[name].state != "over"

    def _end(self, names: Iterable[str], at: int, how: str) -> None:
        for name in names:
            if name in self._by_name:
                self._by_name[name].move(at, how)

    def _ask(self, event: Event) -> None:
        self._unanswered = self._unanswered or event
        self._wait()

    def _wait(self) -> None:
        asked = self._unanswered
        if asked is None or self._status in _SOLVED:
            return
        if "first_reply" not in self._by_name and not self._replied:
            self._start("first_reply", asked)
        if not self._is_on("next_reply"):
            self._start("next_reply", asked, first_cycle=self._is_on("first_reply"))

    def _reply(self, event: Event) -> None:
        solved = self._status in _SOLVED
        if "first_reply" in self._by_name:
            self._end(("first_reply",), event.at, "done")
        elif solved:
            self._replied = self._replied or self._unanswered is not None
        elif not self._replied:
            self._start("first_reply", event)
        self._end(("next_reply", *_UPDATES), event.at, "done")
        self._unanswered = None
        if not solved:
            for name in _UPDATES:
                self._start(name, event)
            self._pause_update(event.at)

    def _pause_update(self, at: int) -> None:
        if self._is_on("pausable_update"):
            self._by_name["pausable_update"].move(at, "pause" if self._status == "pending" else "run")

    def _turn(self, event: Event) -> None:
        self._status = status = event.fields["status"]
        for name, running in _RUNS_IN.items():
            self._by_name[name].move(event.at, "done" if status in _SOLVED else "run" if status in running else "pause")
        if status in _SOLVED:
            self._end(("first_reply", "next_reply"), event.at, "solved_without_reply")
            self._end(_UPDATES, event.at, "solved")
            self._unanswered = None
        else:
            self._pause_update(event.at)
            self._wait()


class _Walk:
    """A clock, and what is promised of it, on their way together."""

    def __init__(self, clock: Clock, priorities: list[tuple[int, str | None]]) -> None:
        self.stated: list[Stated] = []
        self._clock = clock
        self._priority: str | None = None
        self._stretches: list[tuple[int, int]] = []
        self._since: int | None = None
        self._ran = self._now = self._due = 0
        self._active = self._breached = False
        self._over = True
        self._warned: set[int] = set()
        start = clock.moves[0][0]
        for at, priority in priorities:
            if at <= start:
                self._priority = priority
        changes: list[tuple[int, str, str | None]] = [(at, what, None) for at, what in clock.moves]
        changes += [(at, "ranked", priority) for at, priority in priorities if at > start]
        for at, what, priority in sorted(changes, key=lambda each: each[0]):
            self._pass(at)
            self._change(at, what, priority)
        self._pass(FOR_EVER)

    @property
    def _target(self) -> int | None:
        targets = POLICIES.get(self._priority or "", {})
        if self._clock.first_cycle and "first_reply" in targets:
            return None
        return targets.get(self._clock.name)

    def _change(self, at: int, what: str, priority: str | None) -> None:
        if what == "ranked":
            self._rank(at, priority)
            return
        self._now = at
        if what == "run":
            self._run(at)
            return
        if self._since is not None:
            self._stretches.append((self._since, at))
            self._since = None
        if what == "pause":
            self._say("paused", at)
            return
        self._over = True
        if what == "done":
            self._say("fulfilled", at, "late" if self._breached else "attained")
        else:
            self._say("lapsed" if self._breached else "cancelled", at, what)
            self._active = False

    def _run(self, at: int) -> None:
        self._since = self._ran = at
        self._over = False
        promised = self._target
        if promised is not None:
            self._due = self._reached(promised)
            name = "resumed" if self._active else "activated"
            self._active = True
            self._say(name, at)
        self._active = promised is not None

    def _rank(self, at: int, priority: str | None) -> None:
        if priority == self._priority:
            return
        before, was = self._target, self._priority
        self._priority = priority
        promised = self._target
        if self._over or (before, promised) == (None, None):
            return
        self._now = at
        if promised is None:
            self._priority = was
            self._say("lapsed" if self._breached else "cancelled", at, "no_policy")
            self._priority = priority
            self._active = False
            return
        self._due = self._reached(promised)
        if self._active:
            self._say("retargeted", at)
            return
        self._active = True
        self._say("activated", at)
        if self._since is None:
            self._say("paused", at)

    def _pass(self, until: int) -> None:
        """Time passes up to, and without, an instant."""
        target = self._target
        if not self._active or self._over or self._breached or target is None:
            return
        if self._since is None:
            until = min(until, self._stretches[-1][1])
        elif self._due > self._now:
            risk = max(self._reached(round(target * AT_RISK)), self._ran)
            if risk < min(until, self._due) and self._due not in self._warned:
                self._warned.add(self._due)
                self._say("at_risk", risk)
        if self._due < until:
            self._say("breached", self._due)
            self._breached = True

    def _reached(self, amount: int) -> int:
        """When it has run for so long, or would have: what is used up as it pauses is used up when it goes on."""
        running = [] if self._since is None else [(self._since, FOR_EVER)]
        end = self._ran
        for start, end in (*self._stretches, *running):
            if end - start > amount:
                return start + amount
            amount -= end - start
        return end + amount

    def _say(self, name: str, at: int, detail: str | None = None) -> None:
        if self._active:
            self.stated.append((name, at, detail, self._due, self._priority or ""))


_ORDER = {"contact.created": 0, "contact.updated": 1, "message.posted": 2, "contact.status_changed": 3}


def stated_of(events: Iterable[Event]) -> dict[tuple[str, str], list[Stated]]:
    """By clock and instance, all that is to be said of a ticket to which this happened, and then nothing for ever."""
    ticket = _Ticket()
    for event in sorted(events, key=lambda each: (each.at, _ORDER.get(each.type, 0))):
        ticket.take(event)
    walked = {(clock.name, clock.instance): _Walk(clock, ticket.priorities).stated for clock in ticket.clocks}
    return {key: stated for key, stated in walked.items() if stated}


def settings() -> list[str]:
    """The lines of floorwalker.toml that promise this. One policy counts by a calendar that is always open."""
    lines = ["[calendars.always]", 'hours = "Mo-Su 00:00-24:00"', ""]
    for place, (priority, targets) in enumerate(POLICIES.items()):
        told = ", ".join(f"{name} = {target / 1_000}" for name, target in targets.items())
        lines += ["[[policies]]", f'id = "{priority}"', 'channels = ["email", "chat"]', f'priorities = ["{priority}"]']
        lines += [f'tags = ["{TAG}"]', f"at_risk = {AT_RISK}", f"targets = {{ {told} }}"]
        lines += ['calendar = "always"', ""] if place else [""]
    return lines


def breach_of(stated: Iterable[Any]) -> int | None:
    """When it is broken by what is said of it; None: it is not."""
    return next((each[1] for each in stated if each[0] == "breached"), None)
