"""What the acceptance tests share: one backtest of the whole file, and installations on the shared broker."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.kafka import EmbeddedKafka
from tests.acceptance import bank
from tests.acceptance.floor import Floor, measured
from tests.acceptance.program import floorwalker
from tests.acceptance.reading import Outcome, outcome_of_json
from tests.conftest import unused_namespace

StartFloor = Callable[..., Floor]


class Backtest(NamedTuple):
    """One run of `floorwalker backtest`."""

    process: subprocess.CompletedProcess[str]
    out: dict[str, Any]
    outcome: Outcome
    seconds: float


def backtest(folder: Path, *files: Path) -> Backtest:
    """Run the command as the issue has it."""
    began = time.monotonic()
    process = floorwalker(
        *("backtest", *files, "--format", bank.FORMAT, "--date", bank.DAY, "--tz", bank.ZONE, "--json", "out.json"),
        folder=folder,
    )
    assert process.returncode == 0, process.stderr[-3_000:]
    out = json.loads((folder / "out.json").read_bytes())
    return Backtest(process, out, outcome_of_json(out), measured(began))


@pytest.fixture(scope="session")
def gold(tmp_path_factory: pytest.TempPathFactory) -> Backtest:
    """The whole file, run once: what all other ways of feeding it must give as well."""
    return backtest(tmp_path_factory.mktemp("gold"), bank.FILE)


@pytest.fixture
def start_floor(kafka: EmbeddedKafka, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartFloor]:
    """Starts installations, which end with the test."""
    with ExitStack() as floors:

        def start(workers: int = 1) -> Floor:
            namespace = unused_namespace(request.node.name)
            return floors.enter_context(Floor(kafka.bootstrap, namespace, tmp_path, workers))

        yield start


@pytest.fixture(scope="session")
def replayed(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """An installation through which the whole file went once, undisturbed."""
    folder = tmp_path_factory.mktemp("replayed")
    with Floor(kafka.bootstrap, unused_namespace("replayed"), folder) as floor:
        floor.replay(bank.FILE)
        floor.wait_ended(len(bank.calls()))
        for worker in floor.workers:
            worker.interrupt()
        yield floor
