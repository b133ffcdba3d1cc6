"""The staff of a simulated centre: who is on duty when, and what each is doing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from streams.simulator.plan import AgentPlan, Plan

if TYPE_CHECKING:
    from streams.simulator.call import Call

_DAYS_OF_WORK = 5
_LATE = 300.0
_RESTS = (("break", 0.2, 0.3, 10), ("lunch", 0.42, 0.6, 30), ("break", 0.72, 0.82, 10))
"""Reason, earliest and latest begin as shares of the shift, minutes."""


class Rest(NamedTuple):
    """A pause that stands in the rota."""

    at: float
    reason: str
    lasts: float


class Shift(NamedTuple):
    """One day's work; times are seconds since the epoch."""

    begins: float
    ends: float
    rests: tuple[Rest, ...]


@dataclass(eq=False)
class Agent:
    """One agent now. `pause`: reason of a pause in all queues. `down`: queues in which an incident keeps them paused.

    `next_rest`: what begins when the call is over. `leaving`: the shift is over, the call is not. `free_from`: not
    rung before.
    """

    plan: AgentPlan
    on_duty: bool = False
    pause: str | None = None
    down: set[str] = field(default_factory=set)
    call: "Call | None" = None
    next_rest: Rest | None = None
    leaving: bool = False
    free_from: float = 0.0
    idle_since: float = 0.0

    def serves(self, queue: str, at: float) -> bool:
        """Whether their telephone may ring for this queue."""
        return (
            self.on_duty
            and self.call is None
            and self.pause is None
            and not self.leaving
            and queue in self.plan.queues
            and queue not in self.down
            and at >= self.free_from
        )


def shifts(plan: Plan, agent: AgentPlan, seed: str, first: date) -> Iterator[Shift]:
    """The shifts of one agent from a local day on, in order, without end."""
    day = first
    while True:
        if (day.toordinal() + agent.rotation) % 7 < _DAYS_OF_WORK:
            yield _shift(plan, agent, Random(f"{seed}/shift/{agent.name}/{day}"), day)  # noqa: S311 - repeatable
        day += timedelta(days=1)


def _shift(plan: Plan, agent: AgentPlan, random: Random, day: date) -> Shift:
    midnight = datetime(day.year, day.month, day.day, tzinfo=plan.zone)
    begins = midnight.timestamp() + agent.starts * 3_600 + random.uniform(-_LATE, _LATE)
    lasts = agent.hours * 3_600
    rests = tuple(
        Rest(begins + lasts * random.uniform(early, late), reason, random.uniform(0.8, 1.2) * minutes * 60)
        for reason, early, late, minutes in _RESTS
    )
    return Shift(begins, begins + lasts, rests)
