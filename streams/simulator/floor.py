"""The floor of a simulated centre: agents come and go, rest, and pause when their system is down."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Protocol

from streams.simulator.agenda import Agenda
from streams.simulator.plan import Incident, Plan
from streams.simulator.staff import Agent, Rest, Shift, shifts

RESTING = 0.25
"""Share of the staff on duty that may rest at a time; others rest later."""

_LATER = 600.0
_BREATH = 4.0
_NOTICED = 15.0


class Say(Protocol):
    """Writes a line: time, call, queue, agent, event, data."""

    def __call__(self, at: float, call: str, queue: str, agent: str, event: str, *data: object) -> None:
        """See above."""


class Floor:
    """Who is there and free. `match`: called when an agent may have become free."""

    def __init__(
        self,
        plan: Plan,
        seed: str,
        begins: float,
        incident: Incident | None,
        agenda: Agenda,
        say: Say,
        match: Callable[[float], None],
    ) -> None:
        self.agents = [Agent(each) for each in plan.agents]
        self._agenda = agenda
        self._say = say
        self._match = match
        self._random = Random(f"{seed}/floor")  # noqa: S311 - a simulation is to be repeatable
        self._incident = incident
        yesterday = _local_date(begins, plan) - timedelta(days=1)
        for agent in self.agents:
            rota = shifts(plan, agent.plan, seed, yesterday)
            self._plan_shift(agent, iter(rota).__next__, begins)
        if incident is not None:
            agenda.plan(incident.begins, self._fail)
            agenda.plan(incident.ends, self._recover)

    def idlest(self, queue: str, at: float) -> Agent | None:
        """Of those whose telephone may ring, the one who has been idle longest."""
        free = [agent for agent in self.agents if agent.serves(queue, at)]
        return min(free, key=lambda agent: agent.idle_since, default=None)

    def freed(self, agent: Agent, at: float) -> None:
        """An agent's telephone has stopped ringing, or a call is over."""
        if agent.leaving:
            self._go(agent, at)
        elif agent.next_rest is not None:
            rest, agent.next_rest = agent.next_rest, None
            self._rest(agent, rest, at)
        else:
            self._agenda.plan(max(at, agent.free_from), self._match)

    def after_call(self, agent: Agent, at: float, wrap_up: float | None) -> None:
        """A call is over. `wrap_up`: seconds for which the agent pauses to write it up; None: a few seconds' breath."""
        agent.idle_since = at
        agent.free_from = at + _BREATH
        if wrap_up is not None and agent.next_rest is None and not agent.leaving:
            self._pause(agent, "wrap-up", at)
            self._agenda.plan(at + wrap_up, partial(self._unpause, agent, "wrap-up"))
        else:
            self.freed(agent, at)

    def close(self, at: float) -> None:
        """All go home."""
        for agent in self.agents:
            if agent.on_duty:
                self._go(agent, at)

    # -- shifts --------------------------------------------------------------------------------------------

    def _plan_shift(self, agent: Agent, next_shift: Callable[[], Shift], now: float) -> None:
        shift = next_shift()
        while shift.ends <= now:
            shift = next_shift()
        # Who is on duty when the simulation begins comes within a second or two.
        begins = max(shift.begins, now + self._random.uniform(0, 2))

        def come(at: float) -> None:
            self._come(agent, at)
            for rest in shift.rests:
                if rest.at > at:
                    self._agenda.plan(rest.at, partial(self._wants_rest, agent, rest))
            self._agenda.plan(shift.ends, go)

        def go(at: float) -> None:
            if agent.call is not None:
                agent.leaving = True
            else:
                self._go(agent, at)
            self._plan_shift(agent, next_shift, at)

        self._agenda.plan(begins, come)

    def _come(self, agent: Agent, at: float) -> None:
        agent.on_duty, agent.idle_since, agent.free_from = True, at, at
        for queue in agent.plan.queues:
            self._say(at, "NONE", queue, agent.plan.name, "ADDMEMBER", "")
            if self._incident is not None and self._incident.covers(queue, at):
                self._go_down(agent, at)
        self._match(at)

    def _go(self, agent: Agent, at: float) -> None:
        for queue in agent.plan.queues:
            self._say(at, "NONE", queue, agent.plan.name, "REMOVEMEMBER", "")
        agent.on_duty = agent.leaving = False
        agent.pause, agent.next_rest = None, None
        agent.down.clear()

    # -- rests ---------------------------------------------------------------------------------------------

    def _wants_rest(self, agent: Agent, rest: Rest, at: float) -> None:
        if not agent.on_duty or agent.leaving:
            return
        on_duty = [each for each in self.agents if each.on_duty]
        resting = sum(each.pause is not None or each.next_rest is not None for each in on_duty)
        if agent.pause is not None or resting + 1 > max(1.0, RESTING * len(on_duty)):
            self._agenda.plan(at + _LATER, partial(self._wants_rest, agent, rest))
        elif agent.call is not None:
            agent.next_rest = rest
        else:
            self._rest(agent, rest, at)

    def _rest(self, agent: Agent, rest: Rest, at: float) -> None:
        self._pause(agent, rest.reason, at)
        self._agenda.plan(at + rest.lasts, partial(self._unpause, agent, rest.reason))

    def _pause(self, agent: Agent, reason: str, at: float) -> None:
        agent.pause = reason
        for queue in agent.plan.queues:
            if queue not in agent.down:
                self._say(at, "NONE", queue, agent.plan.name, "PAUSE", reason)

    def _unpause(self, agent: Agent, reason: str, at: float) -> None:
        if agent.pause != reason:
            return
        agent.pause, agent.idle_since = None, at
        for queue in agent.plan.queues:
            if queue not in agent.down:
                self._say(at, "NONE", queue, agent.plan.name, "UNPAUSE", reason)
        self._match(at)

    # -- the incident --------------------------------------------------------------------------------------

    def _fail(self, at: float) -> None:
        incident = self._incident
        if incident is None:
            return
        staff = [agent for agent in self.agents if agent.on_duty and incident.queue in agent.plan.queues]
        for agent in staff[incident.left :]:
            # Not all notice at once.
            notices = min(at + self._random.uniform(0, _NOTICED), incident.begins + incident.lasts / 4)
            self._agenda.plan(notices, partial(self._go_down, agent))

    def _go_down(self, agent: Agent, at: float) -> None:
        incident = self._incident
        if incident is None or not agent.on_duty or incident.queue in agent.down:
            return
        agent.down.add(incident.queue)
        if agent.pause is None:
            self._say(at, "NONE", incident.queue, agent.plan.name, "PAUSE", incident.reason)

    def _recover(self, at: float) -> None:
        incident = self._incident
        if incident is None:
            return
        for agent in self.agents:
            if incident.queue in agent.down:
                agent.down.discard(incident.queue)
                if agent.pause is None:
                    self._say(at, "NONE", incident.queue, agent.plan.name, "UNPAUSE", incident.reason)
        self._match(at)


def _local_date(at: float, plan: Plan) -> date:
    return datetime.fromtimestamp(at, plan.zone).date()
