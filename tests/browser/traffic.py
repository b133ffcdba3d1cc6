"""Calls that come and go, written to a queue_log as a PBX does: seeded, a line at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple

from tests.acceptance.pbx import Pbx


class Waiting(NamedTuple):
    """A caller in a queue."""

    call: str
    queue: str
    since: int


@dataclass
class Talking:
    """A caller with an agent."""

    call: str
    queue: str
    agent: str
    waited: int
    since: int


class Traffic:
    """What happens next on a floor of some queues; each `step` is one line of the log.

    `longest`: seconds after which the oldest caller is answered before anything else happens.
    """

    def __init__(self, pbx: Pbx, queues: tuple[str, ...], *, agents: int = 6, seed: str = "", longest: int = 8) -> None:
        self._pbx = pbx
        self._queues = queues
        self._random = Random(seed)
        self._longest = longest
        self._number = 0
        self._prefix = seed or "t"
        self._free = [f"PJSIP/{self._prefix}-{number}" for number in range(agents)]
        self._waiting: list[Waiting] = []
        self._talking: list[Talking] = []

    def sign_in(self) -> None:
        """All agents in all queues."""
        for agent in self._free:
            for queue in self._queues:
                self._pbx.say("NONE", queue, agent, "ADDMEMBER", "")

    def step(self) -> None:
        """One line more."""
        now = int(time.time())
        late = bool(self._waiting) and now - self._waiting[0].since >= self._longest
        if (late or (self._waiting and self._random.random() < 0.4)) and self._free:
            self._connect(now)
        elif self._talking and (late or self._random.random() < 0.4):
            self._complete(now)
        elif self._waiting and (len(self._waiting) > 5 or self._random.random() < 0.15):
            self._abandon(now)
        else:
            self._enter()

    def finish(self) -> None:
        """Every call comes to its end."""
        while self._waiting or self._talking:
            now = int(time.time())
            if self._waiting and self._free:
                self._connect(now)
            else:
                self._complete(now)

    def _enter(self) -> None:
        self._number += 1
        queue = self._random.choice(self._queues)
        call = f"{self._prefix}.{self._number}"
        self._waiting.append(Waiting(call, queue, self._pbx.enter(call, queue)))

    def _connect(self, now: int) -> None:
        caller, agent = self._waiting.pop(0), self._free.pop(0)
        waited = now - caller.since
        self._pbx.say(caller.call, caller.queue, agent, "CONNECT", waited, f"{caller.call}b", 1)
        self._talking.append(Talking(caller.call, caller.queue, agent, waited, now))

    def _abandon(self, now: int) -> None:
        caller = self._waiting.pop(self._random.randrange(len(self._waiting)))
        self._pbx.say(caller.call, caller.queue, "NONE", "ABANDON", 1, 1, now - caller.since)

    def _complete(self, now: int) -> None:
        call = self._talking.pop(0)
        spoke = now - call.since
        self._pbx.say(call.call, call.queue, call.agent, "COMPLETECALLER", call.waited, spoke, 1)
        self._free.append(call.agent)


class Meanwhile:
    """Steps of a traffic on a thread of its own, `every` so many seconds on average; the `with` block ends it."""

    def __init__(self, traffic: Traffic, every: float, seed: str = "pauses") -> None:
        self._traffic = traffic
        self._every = every
        self._random = Random(seed)
        self._over = Event()
        self._thread = Thread(target=self._run, name="traffic", daemon=True)

    def _run(self) -> None:
        while not self._over.wait(self._random.expovariate(1 / self._every)):
            self._traffic.step()

    def __enter__(self) -> Meanwhile:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(10)
