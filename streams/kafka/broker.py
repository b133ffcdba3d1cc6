"""One broker: its files and its process."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from streams.kafka.distribution import JVM_FLAGS, Distribution
from streams.kafka.errors import BrokerFailed
from streams.kafka.ports import LOOPBACK
from streams.kafka.probe import brokers_in_service
from streams.kafka.process import spawn
from streams.kafka.properties import LOGGING, Listener, server_properties

_POLL = 0.05


class Broker:
    """A combined broker and controller in a Java process of its own."""

    def __init__(self, node: int, folder: Path, logs: Path) -> None:
        self.node = node
        self.log = logs / f"broker-{node}.log"
        self._console = logs / f"broker-{node}.console"
        self._folder = folder
        self._data = folder / "data"
        self._port = 0
        self._java: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process's id; None while it doesn't run."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the process runs (paused counts)."""
        return self._process is not None and self._process.poll() is None

    @property
    def data_is_closed(self) -> bool:
        """Whether the process has ended, or has closed its data and only takes leave of the others."""
        return not self.alive or (self._data / ".kafka_cleanshutdown").exists()

    def configure(
        self,
        distribution: Distribution,
        ports: Sequence[tuple[int, int]],
        heap: str,
        jvm: Sequence[str],
        overrides: Mapping[str, str],
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Write the configuration files. ``ports`` are the (client, controller) ports of all nodes."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = ports[self.node][0]
        properties = server_properties(self.node, ports, self._data, overrides, listeners)
        (self._folder / "server.properties").write_text(properties, encoding="ascii")
        (self._folder / "log4j2.properties").write_text(LOGGING, encoding="ascii")
        self._java = [
            str(distribution.java),
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",  # small heap, shared cores: an eighth less CPU than G1 for the same records
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
            f"-Dbroker.log={self.log}",
            *JVM_FLAGS,
            *jvm,
            "-cp",
            distribution.classpath,
        ]

    def format(self, cluster_id: str) -> None:
        """Begin to prepare the data folder for Kafka where that has not been done; see ``formatted``."""
        if not self._is_prepared:
            arguments = ["format", "-t", cluster_id, "-c", str(self._folder / "server.properties")]
            self._process = self._spawn("kafka.tools.StorageTool", *arguments)

    def formatted(self) -> bool:
        """Whether the data folder is prepared. Raises BrokerFailed when it can't be."""
        if self.alive:
            return False
        if not self._is_prepared:
            raise BrokerFailed(f"Kafka could not prepare {self._data}.\n{self.tail()}")
        return True

    @property
    def _is_prepared(self) -> bool:
        return (self._data / "meta.properties").exists()

    def wait_for_data(self, timeout: float) -> None:
        """Wait until no broker of an earlier run holds the data any more; ``timeout`` in seconds.

        Raises BrokerFailed when one still does then.
        """
        deadline = time.monotonic() + timeout
        while self._data_is_held():
            if time.monotonic() > deadline:
                raise BrokerFailed(f"A broker of an earlier run still works in {self._data}. End it and try again.")
            time.sleep(_POLL)

    def _data_is_held(self) -> bool:
        try:
            with (self._data / ".lock").open("r+b") as lock:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # Java's file locks are of this kind
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def launch(self) -> None:
        """Start the process; it serves once ``in_service`` says so."""
        if self.alive:
            return
        self._console.write_bytes(b"")
        self._process = self._spawn("kafka.Kafka", str(self._folder / "server.properties"))

    def in_service(self) -> frozenset[int]:
        """The node ids that this broker, asked itself, says are in service. Empty while it doesn't answer.

        Raises BrokerFailed when the process has ended.
        """
        if self._process is not None and not self.alive:
            raise BrokerFailed(
                f"Broker {self.node} ended by itself (exit code {self._process.returncode}).\n{self.tail()}"
            )
        return brokers_in_service(LOOPBACK, self._port)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process. Does nothing when it doesn't run."""
        if self._process is not None and self.alive:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def wait(self, timeout: float) -> bool:
        """Wait ``timeout`` seconds at most for the process to end; whether it has."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def tail(self, lines: int = 15) -> str:
        """The last lines of the log and of the console, for a message."""
        parts = []
        for file in (self.log, self._console):
            with suppress(OSError):
                text = file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
                if text:
                    parts.append(f"The end of {file}:\n" + "\n".join(f"  {line}" for line in text))
        return "\n".join(parts) or f"It left nothing in {self.log}."

    def _spawn(self, *main: str) -> subprocess.Popen[bytes]:
        return spawn([*self._java, *main], self._console)
