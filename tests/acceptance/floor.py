"""An installation of its own on the shared broker: workers in event time, replays into it, and what comes out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

from agents.intake.formats import FORMATS
from streams.connectors.replay import Replayed, replay
from tests.acceptance import bank
from tests.acceptance.program import BIN, PATIENCE, Program, wait_for
from tests.acceptance.reading import Outcome, Reader, has_ended, outcome_of, pipeline_of

SESSION = 3
"""Seconds after which Kafka gives a dead worker's partitions away."""


class Floor:
    """A namespace in event time. `workers`: so many worker processes, which end with the `with` block."""

    def __init__(self, bootstrap: str, namespace: str, folder: Path, workers: int = 1) -> None:
        self.bootstrap = bootstrap
        self.namespace = namespace
        self.pipeline: dict[str, Any] | None = None
        settings = {
            "metrics__timezone": bank.ZONE,
            "service__data_folder": folder,
            "service__session_timeout": SESSION,
        }
        command = (
            *(BIN / "floorwalker", "worker", "--clock", "event", "--port", 0),
            *("--bootstrap", bootstrap, "--namespace", namespace),
        )
        self.workers = [
            Program(*command, folder=folder, log=folder / f"{namespace}-{number}.log", settings=settings)
            for number in range(workers)
        ]
        self._progress: Reader | None = None
        self._understood: Reader | None = None
        self._outcomes = 0

    def __enter__(self) -> Floor:
        for worker in self.workers:
            worker.start()
        try:
            # The first one makes the topics.
            self.wait_ready()
            self._progress = Reader(self.bootstrap, self.namespace, "metrics.live")
            self._understood = Reader(self.bootstrap, self.namespace, "contacts.events")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
        for reader in (self._progress, self._understood):
            if reader is not None:
                reader.close()

    def wait_ready(self) -> None:
        """Wait until all workers are at work."""
        for worker in self.workers:
            worker.wait_ready()

    def replay(self, *files: Path, end: bool = True, rate: float | None = None) -> Replayed:
        """Send files; returns when they are in Kafka."""
        return asyncio.run(
            replay(
                self.bootstrap,
                self.namespace,
                files,
                FORMATS[bank.FORMAT],
                source=bank.FORMAT,
                tz=bank.ZONE,
                date=bank.DAY,
                end=end,
                rate=rate,
            )
        )

    def replay_meanwhile(self, *files: Path, end: bool, rate: float) -> Replay:
        """Send files at a rate while the test goes on."""
        return Replay(self, files, end, rate)

    def read_so_far(self) -> int:
        """How many source records are counted."""
        assert self._progress is not None
        self.pipeline = pipeline_of(self._progress.news(0.05)) or self.pipeline
        return int(self.pipeline["read"]) if self.pipeline else 0

    def wait_understood(self, read: int) -> None:
        """Wait until so many source records have an outcome on contacts.events.

        Counts on metrics.live are told when event time moves on: the last ones of a replay without an end wait.
        """
        assert self._understood is not None
        reader = self._understood

        def understood() -> bool:
            # Watermarks have no key.
            self._outcomes += sum(each.key is not None for each in reader.news(0.05))
            return self._outcomes >= read

        wait_for(understood, f"{read} source records understood; {self._last_words()}")

    def wait_ended(self, read: int) -> None:
        """Wait until so many source records are counted and every task is at its end."""

        def ended() -> bool:
            self.read_so_far()
            return has_ended(self.pipeline, read)

        wait_for(ended, f"{read} source records and all ends; {self._last_words()}", 2 * PATIENCE)

    def outcome(self) -> Outcome:
        """What came of it."""
        with Reader(self.bootstrap, self.namespace, "metrics.live", "alerts.sla", "customers.profiles") as reader:
            return outcome_of(reader.to_the_end())

    def _last_words(self) -> str:
        return f"the workers say: {[worker.words[-1_500:] for worker in self.workers]}"


class Replay:
    """A replay under way; leaving the `with` block waits for its end."""

    def __init__(self, floor: Floor, files: Sequence[Path], end: bool, rate: float) -> None:
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(floor, files, end, rate))

    def _run(self, floor: Floor, files: Sequence[Path], end: bool, rate: float) -> None:
        try:
            floor.replay(*files, end=end, rate=rate)
        except BaseException as error:  # noqa: BLE001 - raised where the test waits
            self._error = error

    def __enter__(self) -> Replay:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error


def measured(seconds: float) -> float:
    """Seconds since `seconds` of the monotonic clock, as told in reports."""
    return round(time.monotonic() - seconds, 2)
