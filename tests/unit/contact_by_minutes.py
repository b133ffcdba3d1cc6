"""The clocks of a ticket once more, minute by minute and from its events alone: slow, and plain enough to be believed.

Events lie on whole minutes. Every clock counts the same hours whatever the policy: those of `CALENDAR`, or all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.policies import CalendarTerms, ClockName

CALENDAR = CalendarTerms(
    id="thirds", hours=", ".join(f"Mo-Su {h:02}:{m}0-{h:02}:{m + 2}0" for h in range(24) for m in (0, 3))
)
IN_HOURS = frozenset({"first_reply", "requester_wait", "periodic_update"})
RUNS_IN = {
    "requester_wait": ("new", "open", "on_hold"),
    "agent_work": ("new", "open"),
    "total_resolution": ("new", "open", "pending", "on_hold"),
}

Targets = Mapping[ClockName, int]
"""Minutes that are promised."""
Told = tuple[str, str, str, int]
"""Clock, id of the event that started it, what became of it, and in which minute."""


@dataclass
class Instance:
    """One clock. `past`: of each minute in which it was not over, what was used by then, and whether it ran on."""

    clock: ClockName
    started_by: str
    first_cycle: bool = False
    used: int = 0
    runs: bool = True
    over: bool = False
    breached: bool = False
    promised: bool = False
    target: int = 0
    past: list[tuple[int, int, bool]] = field(default_factory=list)


class Ticket:
    """`targets`: what is promised at a priority in a minute. `say` each event in order, `pass_minute` after those of
    each minute; `told` is what became of its clocks. The customer does not write while it is solved."""

    def __init__(self, targets: Callable[[str | None, int], Targets]) -> None:
        self.targets = targets
        self.told: list[Told] = []
        self.clocks: list[Instance] = []
        self.status = "open"
        self.priority: str | None = None
        self.waiting: str | None = None
        self.merged = False

    def say(self, minute: int, event: str, kind: str, word: str = "") -> None:
        if self.merged:
            return
        if kind == "created":
            for clock in RUNS_IN:
                self.clocks.append(Instance(clock, event))  # type: ignore[arg-type]
        elif kind == "updated":
            self.priority = word
        elif kind == "customer":
            self.waiting = self.waiting or event
            self.await_reply()
        elif kind == "agent":
            self.reply(minute, event)
        elif kind == "status":
            self.turn(minute, event, word)
        elif kind == "merged":
            self.merged = True
            for one in self.clocks:
                self.end(one, minute, "merged")

    def open_of(self, *names: str) -> list[Instance]:
        return [one for one in self.clocks if one.clock in names and not one.over]

    def await_reply(self) -> None:
        if self.waiting is None or self.status == "solved":
            return
        begun = [one for one in self.clocks if one.clock == "first_reply"]
        if not begun:
            begun = [Instance("first_reply", self.waiting)]
            self.clocks += begun
        if not self.open_of("next_reply"):
            first = any(not one.over for one in begun)
            self.clocks.append(Instance("next_reply", self.waiting, first_cycle=first))

    def reply(self, minute: int, event: str) -> None:
        solved = self.status == "solved"
        for one in self.open_of("first_reply", "next_reply", "periodic_update", "pausable_update"):
            self.end(one, minute)
        if not solved:
            if not any(one.clock == "first_reply" for one in self.clocks):
                self.clocks.append(Instance("first_reply", event))
            self.clocks.append(Instance("periodic_update", event))
            self.clocks.append(Instance("pausable_update", event, runs=self.status != "pending"))
        self.waiting = None

    def turn(self, minute: int, event: str, status: str) -> None:
        self.status = status
        if status == "solved":
            for one in self.open_of("first_reply", "next_reply"):
                self.end(one, minute, "solved_without_reply")
            for one in self.open_of("periodic_update", "pausable_update"):
                self.end(one, minute, "solved")
            for one in self.open_of(*RUNS_IN):
                self.end(one, minute)
            self.waiting = None
            return
        for one in self.clocks:
            if one.clock in RUNS_IN:
                was_over, one.over, one.runs = one.over, False, status in RUNS_IN[one.clock]
                if was_over:
                    self.look(one, minute)
                    self.find_breach(one)
        for one in self.open_of("pausable_update"):
            one.runs = status != "pending"
        self.await_reply()

    def end(self, one: Instance, minute: int, reason: str | None = None) -> None:
        """Judged by what was promised until then."""
        if one.over:
            return
        one.over, one.runs = True, False
        if not one.past:
            self.look(one, minute)
        if one.promised:
            done = "late" if one.breached else "attained"
            gone = f"lapsed {reason}" if one.breached else f"cancelled {reason}"
            self.told.append((one.clock, one.started_by, done if reason is None else gone, minute))
            one.promised = False

    def look(self, one: Instance, minute: int) -> None:
        """What is promised of it from this minute on."""
        targets = self.targets(self.priority, minute)
        one.target = 0 if one.first_cycle and targets.get("first_reply") else targets.get(one.clock, 0)
        if one.promised and not one.target:
            how = "lapsed" if one.breached else "cancelled"
            self.told.append((one.clock, one.started_by, f"{how} no_policy", minute))
        one.promised = one.target > 0

    def begin_minute(self, minute: int) -> None:
        """The minute before is over."""
        for one in self.clocks:
            one.used += one.runs and (one.clock not in IN_HOURS or (minute - 1) % 30 < 20)

    def pass_minute(self, minute: int) -> None:
        """All that happened in it has been said."""
        for one in self.clocks:
            if one.over:
                continue
            self.look(one, minute)
            one.past.append((minute, one.used, one.runs))
            self.find_breach(one)

    def find_breach(self, one: Instance) -> None:
        """By what is promised now, whenever it was."""
        due = next((at for at, used, ran_on in one.past if used >= one.target and ran_on), None)
        if one.promised and not one.breached and due is not None:
            one.breached = True
            self.told.append((one.clock, one.started_by, "breached", due))


def outcomes(
    events: Sequence[tuple[int, str, str, str]], targets: Callable[[str | None, int], Targets], last: int
) -> set[Told]:
    """What became of the clocks of a ticket up to a minute. `events`: minute, id, kind and word, in order."""
    ticket = Ticket(targets)
    for minute in range(last + 1):
        ticket.begin_minute(minute)
        for at, *said in events:
            if at == minute:
                ticket.say(minute, *said)
        ticket.pass_minute(minute)
    return set(ticket.told)
