"""The faults on brokers. They follow one another, each once all replicas are in sync again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException

from tests.chaos.cluster import BROKERS, SMALL
from tests.chaos.faults import Cut, Fault, Join, Kill, KillInFlush, Leave, NoTarget, Pause, Site
from tests.chaos.schedule import Planned
from tests.chaos.times import PARTITIONS, SESSION

RESTART = 90.0
"""Seconds that a broker may take to serve again."""

DYING = 5.0
"""Seconds longer that a broker gets to notice that its disk is full."""

BLIND = 6.0
"""So long after all brokers are gone a worker must say on /readyz that it is not at work: 5 s, and a moment."""

BUSY = ("contacts.events", "customers.events", "contacts-changelog", "customers.members", "customers.links")
STAGES = ("intake", "contacts", "customers", "profiles", "registry")
ALONE = ("customers.links", "registry")
"""What of these has one partition, or is one task."""


class BrokerKill(Fault):
    """kill -9 of one broker, and a new start."""

    def __init__(self, planned: Planned) -> None:
        super().__init__(planned)
        self._node = -1

    def inject(self, site: Site) -> None:
        """Choose and kill it."""
        try:
            self._node, why = self.choose(site)
        except KafkaException as error:
            raise NoTarget from error
        if self._node < 0:
            raise NoTarget
        self.target = f"broker {self._node}, {why}"
        site.cluster.kafka.kill(self._node)

    def mend(self, site: Site) -> None:
        """Start it again and wait until it serves."""
        site.cluster.kafka.restart(self._node, timeout=RESTART)

    def choose(self, site: Site) -> tuple[int, str]:
        """The broker, and why this one. KafkaException, or -1, where nobody knows one."""
        raise NotImplementedError


class KillLeader(BrokerKill):
    """The broker that leads a busy partition."""

    def choose(self, site: Site) -> tuple[int, str]:
        """By the metadata."""
        topic = BUSY[int(self.planned.way * len(BUSY))]
        partition = 0 if topic in ALONE else int(self.planned.pick * PARTITIONS)
        return site.cluster.leader_of(f"{site.namespace}.{topic}", partition), f"leader of {topic}/{partition}"


class KillCoordinator(BrokerKill):
    """The broker that coordinates the transactions of a task."""

    def choose(self, site: Site) -> tuple[int, str]:
        """By the id, as Kafka does."""
        stage = STAGES[int(self.planned.way * len(STAGES))]
        task = f"{stage}-{0 if stage in ALONE else int(self.planned.pick * PARTITIONS)}"
        node = site.cluster.coordinator_of(f"{site.namespace}.floorwalker-{task}")
        return node, f"transaction coordinator of {task}"


class KillAll(Fault):
    """kill -9 of all brokers at once. Workers must say so on /readyz where it takes long enough."""

    def inject(self, site: Site) -> None:
        """Kill them."""
        self.target = "all brokers"
        killed_at = time.monotonic()
        for node in range(BROKERS):
            site.cluster.kafka.kill(node)
        if self.planned.seconds > BLIND + 1.0:
            before = {worker.name: worker for worker in site.fleet.at_work()}
            time.sleep(max(0.0, BLIND + 1.0 - (time.monotonic() - killed_at)))
            for worker in site.fleet.at_work():
                status, _ = worker.readiness()
                if worker.name in before and status == 200:
                    blind = time.monotonic() - killed_at
                    site.complaints.append(f"{worker.name} said that it was ready {blind:.1f} s after all brokers died")

    def mend(self, site: Site) -> None:
        """Start all of them: none comes into service alone."""
        site.cluster.kafka.restart(*range(BROKERS), timeout=RESTART)

    def hindered_to(self, ended_ms: int) -> int:
        """Until the sessions are over of members that the group still knows and that died meanwhile."""
        return ended_ms + round(SESSION * 1000)


class Rolling(Fault):
    """One broker after the other stopped in order and started again, as for a new version."""

    def inject(self, site: Site) -> None:
        """The whole of it: each waits until the one before is in sync."""
        self.target = "all brokers"
        for node in range(BROKERS):
            site.cluster.kafka.restart(node, timeout=RESTART)
            site.cluster.wait_in_sync(15.0)

    def mend(self, site: Site) -> None:
        """All of them run."""


class DiskFull(Fault):
    """No byte free on one broker's disk: Kafka ends such a broker; it is emptied and started again."""

    def inject(self, site: Site) -> None:
        """Fill it."""
        if not site.cluster.has_small_disk:
            raise NoTarget
        self.target = f"broker {SMALL}"
        site.cluster.fill_disk()

    def mend(self, site: Site) -> None:
        """Empty it; what still runs has perhaps given its folder up, so it is started anew."""
        until = time.monotonic() + DYING
        while (alive := site.cluster.kafka.pid(SMALL) is not None) and time.monotonic() < until:
            time.sleep(0.1)
        self.target += " (stayed up)" if alive else " (died)"
        site.cluster.kafka.kill(SMALL)
        site.cluster.empty_disk()
        site.cluster.kafka.restart(SMALL, timeout=RESTART)


FAULTS: Mapping[str, Callable[[Planned], Fault]] = {
    "worker-kill": Kill,
    "worker-kill-in-flush": KillInFlush,
    "worker-pause": Pause,
    "worker-zombie": Pause,
    "worker-join": Join,
    "worker-leave": Leave,
    "network-cut": Cut,
    "network-cut-long": Cut,
    "broker-kill-leader": KillLeader,
    "broker-kill-coordinator": KillCoordinator,
    "brokers-kill-all": KillAll,
    "brokers-rolling": Rolling,
    "disk-full": DiskFull,
}
"""The class of each kind of the schedule."""
