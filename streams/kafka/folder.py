"""The folder that a cluster lives in: who holds it, and what stays the same from one start to the next."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from streams.kafka.errors import FolderInUse, FolderMismatch


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """What ``cluster.json`` keeps: Kafka's cluster id and the (client, controller) ports by node id."""

    cluster_id: str
    ports: tuple[tuple[int, int], ...]

    def with_ports(self, ports: tuple[tuple[int, int], ...]) -> ClusterRecord:
        """The same cluster on other ports."""
        return replace(self, ports=ports)


class ClusterFolder:
    """One cluster's folder: ``cluster.json``, ``lock``, ``logs/``, ``broker-N/`` (configuration and data)."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        if "," in str(self.path):
            raise ValueError(f"Kafka takes no folder with a comma in its path: {self.path}")
        self._lock: IO[str] | None = None

    @property
    def logs(self) -> Path:
        """Where the brokers' logs are."""
        return self.path / "logs"

    def broker(self, node: int) -> Path:
        """The folder of one broker."""
        return self.path / f"broker-{node}"

    def acquire(self) -> None:
        """Make the folder and take it for this object. Raises FolderInUse when somebody else has it."""
        if self._lock is not None:
            return
        self.logs.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise FolderInUse(
                f"A Kafka is already running in {self.path} (process {holder}). "
                "Stop it, choose another folder, or use the running one with --bootstrap HOST:PORT."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def release(self) -> None:
        """Give the folder back. Does nothing when it isn't held."""
        if self._lock is not None:
            self._lock.close()  # closing the file ends the lock
            self._lock = None

    def read(self) -> ClusterRecord | None:
        """The record of the cluster that lives here; None for a new folder. FolderMismatch when damaged."""
        file = self.path / "cluster.json"
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            ports = tuple((int(client), int(controller)) for client, controller in content["ports"])
            return ClusterRecord(str(content["cluster_id"]), ports)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise FolderMismatch(
                f"{file} is damaged ({error}). Move {self.path} away to begin with an empty Kafka."
            ) from error

    def write(self, record: ClusterRecord) -> None:
        """Keep the record, whole or not at all."""
        draft = self.path / "cluster.json.part"
        draft.write_text(json.dumps(asdict(record), indent=1), encoding="utf-8")
        draft.replace(self.path / "cluster.json")


def new_cluster_id() -> str:
    """A cluster id in Kafka's form: a random UUID in 22 characters of URL-safe base 64, no leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode("ascii")
        if not text.startswith("-"):
            return text
