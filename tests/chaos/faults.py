"""What a fault is, and the faults on workers and their networks."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from threading import Event

from tests.chaos.cluster import BROKERS, Cluster
from tests.chaos.contract import FaultRecord
from tests.chaos.fleet import Fleet, Worker
from tests.chaos.proxy import Line, Trap
from tests.chaos.schedule import Planned
from tests.chaos.times import SESSION, now_ms

FLUSH_REQUESTS = {"Produce": 0, "AddOffsetsToTxn": 25, "TxnOffsetCommit": 28, "EndTxn": 26}
"""What a flush asks of the brokers, with the API keys of Kafka's protocol. Workers have no other producers."""

FLUSH_WAIT = 8.0
"""Seconds to wait for a flush to come by."""


class NoTarget(Exception):
    """There is nothing that the fault could hit now."""


@dataclass
class Site:
    """What faults happen to. `complaints`: what was seen that must not be, faults or not."""

    cluster: Cluster
    fleet: Fleet
    namespace: str
    complaints: list[str] = field(default_factory=list)


class Fault(ABC):
    """One fault: injected, held for its seconds, mended. `target` says what it hit."""

    def __init__(self, planned: Planned) -> None:
        self.planned = planned
        self.target = ""
        self.began_ms = 0

    @abstractmethod
    def inject(self, site: Site) -> None:
        """Let it happen. Raises NoTarget, having done nothing."""

    @abstractmethod
    def mend(self, site: Site) -> None:
        """End it: what was taken away is there again when this returns."""

    def hindered_to(self, ended_ms: int) -> int:
        """Until when the service is hindered by it at most, beyond what every fault brings: one session and a rest."""
        return ended_ms

    def run(self, site: Site) -> FaultRecord:
        """All of it. Raises NoTarget."""
        self.began_ms = now_ms()
        self.inject(site)
        try:
            time.sleep(max(0.0, self.planned.seconds - (now_ms() - self.began_ms) / 1000))
        finally:
            self.mend(site)
        ended_ms = now_ms()
        return {
            "kind": self.planned.kind,
            "target": self.target,
            "began_ms": self.began_ms,
            "ended_ms": ended_ms,
            "hindered_from_ms": self.began_ms,
            "hindered_to_ms": self.hindered_to(ended_ms),
        }


class WorkerFault(Fault):
    """A fault on one worker, which no other fault takes meanwhile."""

    running = True
    leaving = 0

    def __init__(self, planned: Planned) -> None:
        super().__init__(planned)
        self._worker: Worker | None = None

    @property
    def worker(self) -> Worker:
        """The one that it hit."""
        if self._worker is None:
            raise NoTarget
        return self._worker

    def inject(self, site: Site) -> None:
        """Choose a worker and hit it."""
        self._worker = site.fleet.take(self.planned.pick, running=self.running, leaving=self.leaving)
        self.target = self.worker.name
        try:
            self.hit(site)
        except BaseException:
            site.fleet.give_back(self.worker)
            raise

    def mend(self, site: Site) -> None:
        """Repair the worker and let others have it."""
        try:
            self.repair(site)
        finally:
            site.fleet.give_back(self.worker)

    @abstractmethod
    def hit(self, site: Site) -> None:
        """What happens to the worker."""

    def repair(self, site: Site) -> None:
        """What ends it."""


class Kill(WorkerFault):
    """SIGKILL at a random instant, and a new start.

    The new one is another member of the group: the dead one's partitions wait for its session to end.
    """

    def hit(self, site: Site) -> None:
        """SIGKILL."""
        self.worker.kill()

    def repair(self, site: Site) -> None:
        """Start it again."""
        self.worker.start()

    def hindered_to(self, ended_ms: int) -> int:
        """Until the dead one's session is over, and for one more from the new one's start."""
        return ended_ms + round(SESSION * 1000)


class KillInFlush(Kill):
    """SIGKILL when a worker asks something of a flush: before it is passed on to the broker, or right after."""

    def hit(self, site: Site) -> None:
        """Lie in wait for the request."""
        names = list(FLUSH_REQUESTS)
        name = names[int(self.planned.way * len(names))]
        passed_on = self.planned.way * len(names) % 1.0 > 0.5
        trap = Trap(FLUSH_REQUESTS[name], passed_on, self._strike, Event())
        self.worker.network.set_trap(trap)
        if not trap.closed.wait(FLUSH_WAIT):
            self.worker.network.set_trap(None)
            if not trap.closed.is_set():
                raise NoTarget
        self.worker.kill()
        self.target = f"{self.worker.name} {'after' if passed_on else 'before'} {name}"

    def _strike(self) -> None:
        self.began_ms = now_ms()
        self.worker.strike()


class Pause(WorkerFault):
    """SIGSTOP and SIGCONT: shorter than the session it is a hiccup; longer, and a zombie goes on afterwards."""

    def hit(self, site: Site) -> None:
        """SIGSTOP."""
        self.worker.signal(signal.SIGSTOP)

    def repair(self, site: Site) -> None:
        """SIGCONT."""
        self.worker.signal(signal.SIGCONT)


class Join(WorkerFault):
    """One more worker."""

    running = False

    def hit(self, site: Site) -> None:
        """Start it."""
        self.worker.start()

    def hindered_to(self, ended_ms: int) -> int:
        """The group shares its partitions out anew when it has loaded: for a session from its start."""
        return ended_ms + round(SESSION * 1000)


class Leave(WorkerFault):
    """SIGTERM: one worker less, one stays at least."""

    leaving = 1

    def hit(self, site: Site) -> None:
        """SIGTERM, until it is gone."""
        code = self.worker.leave()
        # A program that is still being loaded, and has not said a word, cannot listen to signals yet.
        loading = code == -signal.SIGTERM and not self.worker.words()
        if code != 0 and not loading:
            site.complaints.append(f"{self.target} was told to leave and ended with exit code {code}: {self._tail()}")

    def _tail(self) -> str:
        return " | ".join(self.worker.words().splitlines()[-3:])[-600:]


class Cut(WorkerFault):
    """The network between a worker and the brokers, or one of them, falls silent or refuses connections."""

    def hit(self, site: Site) -> None:
        """Cut it."""
        silent = self.planned.way < 0.7
        one = self.planned.way * 10 % 1.0 < 0.4
        brokers = (int(self.planned.way * 100 % 1.0 * BROKERS),) if one else None
        who = "all brokers" if brokers is None else f"broker {brokers[0]}"
        self.target = f"{self.worker.name} - {who} {'silent' if silent else 'refused'}"
        self.worker.network.turn(Line.CUT if silent else Line.REFUSED, brokers)

    def repair(self, site: Site) -> None:
        """Mend it."""
        self.worker.network.turn(Line.WHOLE)
