"""A whole simulated contact centre: its phones and its desks in one time, and people who change the channel."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from random import Random
from typing import NamedTuple

from streams.simulator.agenda import Agenda
from streams.simulator.centre import Centre, Said
from streams.simulator.conversation import Told
from streams.simulator.desk import Desk
from streams.simulator.people import Person, visitors_of
from streams.simulator.plan import Incident, Plan
from streams.simulator.truth import DeskTruth, Truth
from streams.simulator.wires import Payload, Wire

TWICE = 0.02
"""Share of the deliveries that come twice, of tools that send again what may have been lost."""

_LATE = 0.02
_APART = 12.0


class Delivery(NamedTuple):
    """Something that a desk's tool sends at `at` (seconds since the epoch)."""

    at: float
    desk: str
    payload: Payload


class House:
    """From `begins` (seconds since the epoch) on. `wires`: of the plan's desks by name; a desk without one is closed.

    `phone` and `written` count what happens.
    """

    def __init__(
        self, plan: Plan, wires: Mapping[str, Wire], *, seed: str, begins: float, incident: Incident | None = None
    ) -> None:
        self._plan = plan
        self._wires = wires
        self._agenda = Agenda()
        self._now = begins
        self._random = Random(f"{seed}/house")  # noqa: S311 - a simulation is to be repeatable
        self._deliveries: list[Delivery] = []
        visitors = visitors_of(seed, plan.callers)
        self._centre = Centre(
            plan,
            seed=seed,
            begins=begins,
            incident=incident,
            agenda=self._agenda,
            visitors=visitors,
            gone=partial(self._gone, "phone"),
        )
        self.written = DeskTruth()
        self._desks = {
            desk.name: Desk(
                plan,
                desk,
                seed=seed,
                begins=begins,
                incident=incident,
                agenda=self._agenda,
                visitors=visitors,
                truth=self.written,
                tell=self._tell,
                gone=partial(self._gone, desk.name),
            )
            for desk in plan.desks
            if desk.name in wires
        }

    @property
    def phone(self) -> Truth:
        """What happened on the phone."""
        return self._centre.truth

    def run(self, until: float) -> Iterator[Said | Delivery]:
        """Go on up to a time (not included); yields what the switchboard says and what is delivered, in order."""
        while (step := self._agenda.next_before(until)) is not None:
            self._now, happening = step
            happening(self._now)
            yield from self._centre.taken()
            deliveries, self._deliveries = self._deliveries, []
            yield from deliveries

    def last_orders(self) -> None:
        """Nobody new calls or writes from now on."""
        self._centre.last_orders()
        for desk in self._desks.values():
            desk.last_orders()

    def welcome(self, person: Person, at: float) -> None:
        """Somebody writes to every desk and calls, one after the other, within the minute after a time."""
        ways: list[Callable[[Person, float], None]] = [desk.come for desk in self._desks.values()]
        ways += [partial(self._centre.call_in, queue, shown=True) for queue in self._plan.queues[:1]]
        for number, way in enumerate(ways):
            self._agenda.plan(at + 5 + number * _APART, partial(way, person))

    def _tell(self, told: Told) -> None:
        """Have the desk's tool send what it has to say: soon, now and then late, now and then twice."""
        name, random = told.desk.name, self._random
        wire = self._wires[name]
        for payload in wire.payloads(told):
            delay = 0.05 + random.expovariate(4)
            if random.random() < _LATE:
                delay += random.uniform(2, 10)
            at = self._now + payload.later + delay
            self._agenda.plan(at, partial(self._deliver, name, payload))
            if wire.repeats and random.random() < TWICE:
                self._agenda.plan(at + random.uniform(1, 30), partial(self._deliver, name, payload))

    def _deliver(self, desk: str, payload: Payload, at: float) -> None:
        self._deliveries.append(Delivery(at, desk, payload))

    def _gone(self, channel: str, person: Person, at: float) -> None:
        """Who gave up may come back on another channel."""
        if self._random.random() >= self._plan.elsewhere:
            return
        ways: dict[str, Callable[[Person, float], None]] = {name: desk.come for name, desk in self._desks.items()}
        if self._plan.queues:
            ways["phone"] = partial(self._centre.call_in, self._random.choice(self._plan.queues))
        ways.pop(channel, None)
        if ways:
            way = self._random.choice(sorted(ways))
            self.written.came_back[way] += 1
            self._agenda.plan(at + self._random.uniform(20, 180), partial(ways[way], person))
