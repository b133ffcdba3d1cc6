"""What the engine's tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streams.kafka import EmbeddedKafka
from tests.integration.engine.counting import Conduct
from tests.integration.engine.harness import WorkerProcess, create

StartWorker = Callable[..., WorkerProcess]


@pytest.fixture
def conduct(kafka: EmbeddedKafka, namespace: str) -> Conduct:
    """Topics of this test alone, on the shared broker."""
    made = Conduct(bootstrap=kafka.bootstrap, namespace=namespace)
    create(made)
    return made


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    """Starts worker processes, which end with the test."""
    with ExitStack() as workers:
        count = 0

        def start(conduct: Conduct, **_: Any) -> WorkerProcess:
            nonlocal count
            count += 1
            return workers.enter_context(WorkerProcess(conduct, tmp_path / f"worker-{count}.log"))

        yield start
