"""A simulated centre: calls arrive, wait, ring, are answered or given up, while agents come, rest and go."""

from collections.abc import Callable, Iterator
from functools import partial
from math import log
from random import Random
from typing import NamedTuple

from streams.simulator.agenda import Agenda
from streams.simulator.arrivals import Arrivals
from streams.simulator.call import Call
from streams.simulator.floor import Floor
from streams.simulator.people import Person, Visitors, visitors_of
from streams.simulator.plan import Incident, Plan, QueuePlan
from streams.simulator.staff import Agent
from streams.simulator.truth import Truth

RINGS_IN_VAIN = 15.0
"""Seconds that a telephone rings before the next agent is tried."""

WITHHELD = "anonymous"
"""What the trunk sends where the caller does not want their number known."""

_WITHHOLD = 0.04
_TALK_SHAPE = 0.6
_SHORTEST_TALK = 8.0


class Said(NamedTuple):
    """What the switchboard says of one moment; the fields are those of a line of queue_log. `at`: seconds."""

    at: float
    call: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...]

    @property
    def line(self) -> str:
        """The line, with its line feed."""
        return f"{int(self.at)}|{self.call}|{self.queue}|{self.agent}|{self.event}|{'|'.join(self.data)}\n"


def nobody(person: Person, at: float) -> None:
    """Takes notice of nobody who has given up."""


class Centre:
    """One centre from `begins` (seconds since the epoch) on. `truth` counts what happens.

    `agenda`, `visitors`: shared with what else happens in the same house; None: its own. `gone`: told who gave up and
    does not call again.

    >>> from streams.simulator.plan import sample_plan
    >>> centre = Centre(sample_plan(), seed="doc", begins=1_792_490_400)
    >>> lines = list(centre.run(1_792_490_400 + 600))
    >>> lines == list(Centre(sample_plan(), seed="doc", begins=1_792_490_400).run(1_792_490_400 + 600))
    True
    """

    def __init__(
        self,
        plan: Plan,
        *,
        seed: str,
        begins: float,
        incident: Incident | None = None,
        agenda: Agenda | None = None,
        visitors: Visitors | None = None,
        gone: Callable[[Person, float], None] = nobody,
    ) -> None:
        self.truth = Truth()
        self._plan = plan
        self._queues = {queue.name: queue for queue in plan.queues}
        self._random = Random(f"{seed}/calls")  # noqa: S311 - a simulation is to be repeatable
        self._visitors = visitors or visitors_of(seed, plan.callers)
        self._gone = gone
        self._agenda = agenda or Agenda()
        self._waiting: list[Call] = []
        self._calls: dict[Call, None] = {}
        self._channels = self._random.randrange(1_000, 9_000)
        self._said: list[Said] = []
        self._open = True
        self._floor = Floor(plan, seed, begins, incident, self._agenda, self._say, self._match)
        for queue in plan.queues:
            arrivals = Arrivals(plan, queue, seed, incident)
            self._agenda.plan(begins, partial(self._await_arrival, queue, arrivals))

    def run(self, until: float) -> Iterator[str]:
        """Go on up to a time (not included); yields the lines that are written, each with its line feed."""
        while (step := self._agenda.next_before(until)) is not None:
            at, happening = step
            happening(at)
            yield from (said.line for said in self.taken())

    def last_orders(self) -> None:
        """No more calls arrive from now on."""
        self._open = False

    def close(self, at: float) -> Iterator[str]:
        """All go home: who waits gives up, who talks hangs up, the agents leave their queues."""
        self._open = False
        for call in list(self._calls):
            if call.connected is not None:
                self._hang_up(call, call.turn, at)
            else:
                self._give_up(call, call.turn, at)
        self._agenda.clear()
        self._floor.close(at)
        yield from (said.line for said in self.taken())

    def taken(self) -> list[Said]:
        """What was said since it was last taken."""
        said, self._said = self._said, []
        return said

    def call_in(self, queue: QueuePlan, person: Person, at: float, *, shown: bool = False) -> None:
        """Somebody calls. `shown`: certainly with their number."""
        if self._open:
            number = WITHHELD if self._random.random() < _WITHHOLD and not shown else person.number
            self._enter(Call(self._channel(at - self._random.uniform(0, 4)), person, number, queue, at), at)

    @property
    def in_queue(self) -> int:
        """How many callers wait, ringing included."""
        return sum(call.connected is None for call in self._calls)

    # -- lines ---------------------------------------------------------------------------------------------

    def _say(self, at: float, call: str, queue: str, agent: str, event: str, *data: object) -> None:
        self.truth.lines += 1
        self._said.append(Said(at, call, queue, agent, event, tuple(map(str, data))))

    def _say_of(self, call: Call, at: float, agent: str, event: str, *data: object) -> None:
        self._say(at, call.id, call.queue.name, agent, event, *data)

    # -- arrivals ------------------------------------------------------------------------------------------

    def _await_arrival(self, queue: QueuePlan, arrivals: Arrivals, at: float) -> None:
        self._agenda.plan(arrivals.next(at), partial(self._arrive, queue, arrivals))

    def _arrive(self, queue: QueuePlan, arrivals: Arrivals, at: float) -> None:
        self._await_arrival(queue, arrivals, at)
        self.call_in(queue, self._visitors.next(), at)

    def _channel(self, at: float) -> str:
        """The unique id of a new channel, as Asterisk makes them."""
        self._channels += 1
        return f"{int(at)}.{self._channels}"

    # -- waiting -------------------------------------------------------------------------------------------

    def _enter(self, call: Call, at: float) -> None:
        call.turn += 1
        call.entered, call.agent, call.connected = at, None, None
        call.position = 1 + sum(each.queue is call.queue for each in self._waiting)
        self._calls[call] = None
        self._waiting.append(call)
        self.truth.offered[call.queue.name] += 1
        self._say_of(call, at, "NONE", "ENTERQUEUE", "", call.number, call.position)
        patience = self._random.expovariate(1 / call.queue.patience)
        if patience < call.queue.timeout:
            self._agenda.plan(at + patience, partial(self._give_up, call, call.turn))
        else:
            self._agenda.plan(at + call.queue.timeout, partial(self._time_out, call, call.turn))
        self._match(at)

    def _leave(self, call: Call, at: float) -> int:
        """Take a caller out of the queue; returns their position at last."""
        position = 1 + sum(each.queue is call.queue and each.entered < call.entered for each in self._waiting)
        self._waiting.remove(call)
        del self._calls[call]
        agent, call.agent = call.agent, None
        call.turn += 1
        if agent is not None:
            agent.call = None
            self._say_of(call, at, agent.plan.name, "RINGCANCELED", (int(at) - int(call.ring_began)) * 1_000)
        return position

    def _give_up(self, call: Call, turn: int, at: float) -> None:
        if call.turn != turn:
            return
        agent = call.agent
        position = self._leave(call, at)
        self.truth.abandoned[call.queue.name] += 1
        self._say_of(call, at, "NONE", "ABANDON", position, call.position, call.waited(at))
        if self._random.random() < self._plan.redial:
            again = partial(self.call_in, call.queue, call.person)
            self._agenda.plan(at + self._random.uniform(30, 240), again)
        else:
            self._gone(call.person, at)
        if agent is not None:
            self._floor.freed(agent, at)

    def _time_out(self, call: Call, turn: int, at: float) -> None:
        if call.turn != turn:
            return
        agent = call.agent
        position = self._leave(call, at)
        self.truth.timed_out[call.queue.name] += 1
        self._say_of(call, at, "NONE", "EXITWITHTIMEOUT", position, call.position, call.waited(at))
        if agent is not None:
            self._floor.freed(agent, at)

    # -- ringing -------------------------------------------------------------------------------------------

    def _match(self, at: float) -> None:
        """Have telephones ring for who waits longest, at the agents who have been idle longest."""
        for call in self._waiting:
            if not call.waiting:
                continue
            agent = self._floor.idlest(call.queue.name, at)
            if agent is None:
                continue
            call.agent, agent.call, call.ring_began = agent, call, at
            if self._random.random() < self._plan.missed:
                self._agenda.plan(at + RINGS_IN_VAIN, partial(self._miss, call, call.turn, agent))
            else:
                rings = 1.5 + self._random.gammavariate(2.0, 1.3)
                self._agenda.plan(at + rings, partial(self._connect, call, call.turn, agent))

    def _miss(self, call: Call, turn: int, agent: Agent, at: float) -> None:
        if call.turn != turn or call.agent is not agent:
            return
        self._say_of(call, at, agent.plan.name, "RINGNOANSWER", int(RINGS_IN_VAIN * 1_000))
        call.agent = agent.call = None
        agent.free_from = at + 20.0
        self._floor.freed(agent, at)

    def _connect(self, call: Call, turn: int, agent: Agent, at: float) -> None:
        if call.turn != turn or call.agent is not agent:
            return
        self._waiting.remove(call)
        call.turn += 1
        call.connected = at
        hold, ring = call.waited(at), int(at) - int(call.ring_began)
        self.truth.answer(call.queue.name, hold)
        self._say_of(call, at, agent.plan.name, "CONNECT", hold, self._channel(call.ring_began), ring)
        talk = self._random.lognormvariate(log(call.queue.talk) - _TALK_SHAPE**2 / 2, _TALK_SHAPE)
        self._agenda.plan(at + max(_SHORTEST_TALK, talk), partial(self._hang_up, call, call.turn))

    # -- after the talk ------------------------------------------------------------------------------------

    def _hang_up(self, call: Call, turn: int, at: float) -> None:
        agent = call.agent
        if call.turn != turn or agent is None or call.connected is None:
            return
        del self._calls[call]
        call.turn += 1
        hold, talk = int(call.connected) - int(call.entered), call.talked(at)
        name, chance = agent.plan.name, self._random.random()
        if chance < self._plan.transferred and self._open:
            self._transfer(call, at, name, hold, talk)
        else:
            event = "COMPLETECALLER" if chance < 0.6 else "COMPLETEAGENT"
            self._say_of(call, at, name, event, hold, talk, call.position)
        agent.call = None
        wraps_up = self._random.random() < self._plan.wrap_up
        self._floor.after_call(agent, at, self._random.uniform(10, 50) if wraps_up else None)

    def _transfer(self, call: Call, at: float, name: str, hold: int, talk: int) -> None:
        others = [queue for queue in self._plan.queues if queue is not call.queue]
        if others and self._random.random() < 0.5:
            other = self._random.choice(others)
            self._say_of(call, at, name, "BLINDTRANSFER", other.name, "queues", hold, talk, call.position)
            call.queue = other
            self._enter(call, at)
        else:
            extension = self._random.randint(200, 299)
            self._say_of(call, at, name, "BLINDTRANSFER", extension, "internal", hold, talk, call.position)
