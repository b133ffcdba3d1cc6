"""The programs as people start them: processes of their own, which end with the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from streams.kafka import tether

BIN = Path(sys.executable).parent
PATIENCE = 120.0
"""Seconds after which a test gives up: generous, since other work may share the machine."""

CUSTOMER_NAMESPACE = "0d1b9a52-52a1-4c7e-9a1d-6c1d0f6c8d11"


def environment(**settings: object) -> dict[str, str]:
    """That of this process without its settings of Floorwalker, and with these (`service__port=0`)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOORWALKER_")}
    said = {f"FLOORWALKER_{name.upper()}": str(value) for name, value in settings.items()}
    # Several tests run at a time.
    kept["FLOORWALKER_CONNECT__PORT"] = "0"
    # One secret for all runs: their customers have the same ids.
    return {**kept, "FLOORWALKER_SERVICE__CUSTOMER_NAMESPACE": CUSTOMER_NAMESPACE, **said}


def wait_for(claim: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Wait until it holds; an AssertionError says what did not come true."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def floorwalker(
    *arguments: object, folder: Path, settings: Mapping[str, object] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command of `floorwalker` to its end in `folder`."""
    return subprocess.run(
        [str(BIN / "floorwalker"), *map(str, arguments)],
        cwd=folder,
        env=environment(**(settings or {})),
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )


class Program:
    """A program that runs until it is told to end. `log`: the file that takes its words."""

    def __init__(self, *command: object, folder: Path, log: Path, settings: Mapping[str, object] | None = None) -> None:
        self.log = log
        self._command = [str(each) for each in command]
        self._folder = folder
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0

    def __enter__(self) -> Program:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it (again)."""
        self._begun = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as words:
            self._process = subprocess.Popen(
                [sys.executable, tether.__file__, str(os.getpid()), *self._command],
                cwd=self._folder,
                env=environment(**self._settings),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """Its process."""
        assert self._process is not None, "it has not been started"
        return self._process

    def kill(self) -> None:
        """SIGKILL: no last words."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        """SIGINT, as Ctrl-C does; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    @property
    def words(self) -> str:
        """What it wrote since it was last started."""
        return self.log.read_bytes()[self._begun :].decode("utf-8", "replace")

    def events(self) -> list[dict[str, Any]]:
        """The log lines among its words."""
        return [json.loads(line) for line in self.words.splitlines() if line.startswith("{") and line.endswith("}")]

    def port(self) -> int | None:
        """Where it serves /readyz; None as long as it has not said so."""
        ports = [int(event["port"]) for event in self.events() if event.get("event") == "health.listening"]
        return ports[-1] if ports else None

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        assert self.process.poll() is None, f"it ended by itself: {self.words[-3_000:]}"
        port = self.port()
        return port is not None and answers(f"http://127.0.0.1:{port}/readyz")

    def wait_ready(self) -> None:
        """Wait until /readyz says so."""
        wait_for(self.is_ready, f"{self._command[-1]} ready; it says: {self.words[-3_000:]}")


def in_service(stack: ExitStack, folder: Path, settings: Mapping[str, object]) -> tuple[Program, Program]:
    """Start a worker in service and the connectors in `folder`; both end with the stack."""

    def start(*arguments: object) -> Program:
        log = folder / f"{arguments[0]}.log"
        return stack.enter_context(Program(BIN / "floorwalker", *arguments, folder=folder, log=log, settings=settings))

    return start("worker", "--clock", "wall", "--port", 0), start("connect")


def answers(url: str) -> bool:
    """Whether a page is served with 200."""
    try:
        with urllib.request.urlopen(url, timeout=15) as response:  # noqa: S310 - a page of our own
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
