"""The workers of a round: processes of their own, each behind a network of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

from streams.kafka.process import spawn
from tests.chaos.contract import CUSTOMER_NAMESPACE
from tests.chaos.proxy import Line, Network
from tests.chaos.times import GRACE, PARTITIONS, SESSION

FLOORWALKER = (str(Path(sys.executable).parent / "floorwalker"), "worker")
"""The program under fault."""

LEAVE = 45.0
"""Seconds that a worker may take to leave in order."""


class Worker:
    """One place for a worker: its folder, network and process. Signals and state, for any thread to use.

    `faulted`: a fault has it in hand. `wanted`: it should be running.
    """

    def __init__(self, number: int, folder: Path, network: Network, program: Sequence[str]) -> None:
        self.number = number
        self.network = network
        self.faulted = False
        self.wanted = False
        self.log = folder / f"worker-{number}.log"
        self._program = tuple(program)
        self._config = folder / f"worker-{number}.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0

    def configure(self, namespace: str, settings: str, data: Path) -> None:
        """Write its floorwalker.toml: the floor's sections and where it works."""
        data.mkdir(parents=True, exist_ok=True)
        service = {
            "namespace": namespace,
            "bootstrap": self.network.bootstrap,
            "partitions": PARTITIONS,
            "data_folder": str(data),
            "session_timeout": SESSION,
            "grace": GRACE,
            "customer_namespace": CUSTOMER_NAMESPACE,
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in service.items()]
        self._config.write_text("\n".join(["[service]", *lines, "", settings]), encoding="utf-8")

    @property
    def name(self) -> str:
        """As logs and findings call it."""
        return f"worker-{self.number}"

    @property
    def running(self) -> bool:
        """Whether its process lives, a stopped one too."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the process that ended; None while it runs or before its first start."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start it (again)."""
        self.wanted = True
        self._begun = self.log.stat().st_size if self.log.exists() else 0
        options = ("--config", str(self._config), "--clock", "wall", "--port", "0")
        self._process = spawn([*self._program, *options], self.log)

    def signal(self, number: signal.Signals) -> None:
        """Send its process a signal; nothing happens where it has ended."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self.wanted = False
        self.strike()
        if self._process is not None:
            self._process.wait(10)

    def strike(self) -> None:
        """SIGKILL at this very moment, without waiting."""
        self.wanted = False
        self.signal(signal.SIGKILL)

    def leave(self) -> int | None:
        """SIGTERM; its exit code, None where it had to be killed after `LEAVE`: its log then says where it stood."""
        self.wanted = False
        self.signal(signal.SIGTERM)
        if self._process is None:
            return None
        try:
            return self._process.wait(LEAVE)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGABRT)  # Python's fault handler writes what each thread was at
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self.kill()
            return None

    def words(self) -> str:
        """What it wrote since it was last started."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._begun)
            return log.read().decode("utf-8", "replace")

    def readiness(self) -> tuple[int, list[str]]:
        """What /readyz answers: its status and what the worker waits for. Status 0: it does not answer."""
        port = self._port()
        if port is None:
            return 0, []
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
                return int(answer.status), []
        except urllib.error.HTTPError as error:
            return error.code, list(json.loads(error.read()).get("waiting_for", []))
        except (OSError, ValueError):
            return 0, []

    def _port(self) -> int | None:
        for line in self.words().splitlines():
            if '"health.listening"' in line:
                return int(json.loads(line)["port"])
        return None


class Fleet:
    """All places for workers of one round. `program`: what is run in each."""

    def __init__(
        self,
        folder: Path,
        networks: Sequence[Network],
        namespace: str,
        settings: str,
        program: Sequence[str] = FLOORWALKER,
    ) -> None:
        self.namespace = namespace
        self.workers = [Worker(i, folder, network, program) for i, network in enumerate(networks)]
        for worker in self.workers:
            worker.configure(namespace, settings, folder / "data" / worker.name)
        self._guard = Lock()

    def take(self, pick: float, *, running: bool = True, leaving: int = 0) -> Worker | None:
        """A worker for a fault, by a number from 0 to 1; None where none is free.

        `running`: one at work, else an empty place. `leaving`: so many others must stay at work.
        """
        with self._guard:
            free = [each for each in self.workers if not each.faulted and each.running is running]
            if not free or (leaving and len(self.at_work()) <= leaving):
                return None
            worker = free[int(pick * len(free))]
            worker.faulted = True
            return worker

    def give_back(self, worker: Worker) -> None:
        """The fault is over."""
        worker.faulted = False

    def at_work(self) -> list[Worker]:
        """Those that run and that no fault has in hand."""
        return [each for each in self.workers if each.running and not each.faulted]

    def start(self, count: int) -> None:
        """Start the first so many, and wait until they are at work."""
        for worker in self.workers[:count]:
            worker.start()
        self.wait_ready(120)

    def wait_ready(self, seconds: float) -> None:
        """Wait until all that are wanted are at work. Raises TimeoutError, which tells their last words."""
        deadline = time.monotonic() + seconds
        while late := [each for each in self.workers if each.wanted and each.readiness()[0] != 200]:
            if time.monotonic() > deadline or not all(each.running for each in late):
                told = "\n".join(
                    f"{each.name} waits for {each.readiness()[1]}: {each.words()[-2_000:]}" for each in late
                )
                raise TimeoutError(f"not at work, for {seconds:.0f} s or because it ended:\n{told}")
            time.sleep(0.2)

    def fallen(self) -> list[str]:
        """Those that ended by themselves, started again: each in a line that tells how."""
        with self._guard:  # a fault takes a worker before it kills it
            fallen = [each for each in self.workers if each.wanted and not each.faulted and not each.running]
        lines = []
        for worker in fallen:
            tail = " | ".join(worker.words().splitlines()[-3:])[-600:]
            lines.append(f"{worker.name} ended by itself with exit code {worker.exit_code}: {tail}")
            worker.start()
        return lines

    def end(self) -> None:
        """End all workers, however they are."""
        for worker in self.workers:
            worker.signal(signal.SIGCONT)
            worker.kill()
            worker.network.set_trap(None)
            worker.network.turn(Line.WHOLE)


def set_up_environment() -> None:
    """Of this process, which workers inherit: none of Floorwalker's settings, and Python's fault handler."""
    os.environ["PYTHONFAULTHANDLER"] = "1"
    for name in [name for name in os.environ if name.startswith("FLOORWALKER_")]:
        del os.environ[name]
