"""Three brokers under fault: who leads what, who coordinates whom, and one of them on a disk that can be filled."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.kafka import EmbeddedKafka
from tests.chaos.proxy import Network
from tests.chaos.times import BROKER_SESSION

BROKERS = 3
SMALL = BROKERS - 1
"""The broker on the small disk."""

DISK = 1024 * 1024 * 1024
"""Bytes of that disk."""

_TRANSACTIONS = "__transaction_state"


class Cluster:
    """An embedded Kafka of three brokers, a listener for each network (a worker's). A context manager."""

    def __init__(self, folder: Path, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._disk = folder / "kafka" / f"broker-{SMALL}"
        self.has_small_disk = _mount(self._disk)
        self.kafka = EmbeddedKafka(
            folder / "kafka",
            brokers=BROKERS,
            heap="320m",
            jvm=["-XX:TieredStopAtLevel=1"],  # they live for minutes: less compiled is sooner in service
            properties={
                "broker.session.timeout.ms": str(round(BROKER_SESSION * 1000)),
                "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
                "log.index.size.max.bytes": str(1024 * 1024),
            },
            listeners={f"WORKER{i}": network.ports for i, network in enumerate(networks)},
        )

    def __enter__(self) -> Cluster:
        try:
            self.kafka.start(timeout=180)
            for i, network in enumerate(self._networks):
                network.lead_to([self.kafka.listener_port(f"WORKER{i}", node) for node in range(BROKERS)])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in range(BROKERS):
            self.kafka.kill(node)  # nothing in it is wanted any more
        self.kafka.stop()
        if self.has_small_disk:
            subprocess.run(["umount", str(self._disk)], check=False, capture_output=True)

    # -- what it says of itself ------------------------------------------------------------------------------

    @property
    def bootstrap(self) -> str:
        """Past all networks."""
        return self.kafka.bootstrap

    def leader_of(self, topic: str, partition: int) -> int:
        """The broker that leads a partition; -1 while none does."""
        found = self._metadata(topic).topics.get(topic)
        entry = found.partitions.get(partition) if found is not None else None
        return -1 if entry is None else int(entry.leader)

    def coordinator_of(self, transactional_id: str) -> int:
        """The broker that coordinates a transactional id: the one that leads its partition of Kafka's own topic."""
        count = len(self._metadata(_TRANSACTIONS).topics[_TRANSACTIONS].partitions)
        return self.leader_of(_TRANSACTIONS, abs(java_hash(transactional_id)) % count)

    def wait_in_sync(self, seconds: float) -> bool:
        """Wait until every replica of every partition is in sync; whether that came true in time."""
        deadline = time.monotonic() + seconds
        while not self._in_sync():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.3)
        return True

    def _in_sync(self) -> bool:
        try:
            topics = self._metadata().topics.values()
        except KafkaException:
            return False
        return all(len(each.isrs) == len(each.replicas) for topic in topics for each in topic.partitions.values())

    def delete_topics(self, namespace: str) -> None:
        """Forget a round: its topics would be looked after for nothing."""
        admin = self._admin()
        names = [name for name in self._metadata().topics if name.startswith(f"{namespace}.")]
        for done in admin.delete_topics(names, operation_timeout=30).values() if names else ():
            with suppress(KafkaException):
                done.result(40)

    def _metadata(self, topic: str | None = None) -> Any:
        return self._admin().list_topics(topic, timeout=5)

    def _admin(self) -> AdminClient:
        # It would say on the terminal which brokers are dead.
        return AdminClient({"bootstrap.servers": self.bootstrap, "socket.timeout.ms": 3_000, "log_level": 0})

    # -- the small disk --------------------------------------------------------------------------------------

    def fill_disk(self) -> None:
        """Leave no byte free on the small disk."""
        with (self._disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while ballast.write(bytes(1024 * 1024)):
                pass

    def empty_disk(self) -> None:
        """Give back what `fill_disk` took."""
        (self._disk / "ballast").unlink(missing_ok=True)


def java_hash(text: str) -> int:
    """`String.hashCode` of Java, a signed 32-bit number, by which Kafka chooses a transactional id's partition.

    Source: `partitionFor` in Kafka's TransactionStateManager: `Utils.abs(id.hashCode) % partitions`.
    """
    value = 0
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        value = (value * 31 + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


def _mount(folder: Path) -> bool:
    """A small disk in memory where this user may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return False
    options = f"size={DISK}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "floorwalker-chaos", str(folder)], check=False, capture_output=True
    )
    return done.returncode == 0
