"""What tests on a real Kafka share: one broker per run, and a namespace per test. Some have the machine alone."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator

import pytest

from streams.kafka import EmbeddedKafka
from tests.turns import lock_files, turn


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Set-up and all: in its turn."""
    with turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


def pytest_sessionfinish() -> None:
    """Leave no lock files."""
    for each in lock_files() or ():
        each.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """One broker for the whole run. Tests that stop, kill or pause brokers start their own."""
    folder = tmp_path_factory.mktemp("kafka")
    with EmbeddedKafka(folder) as cluster:
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A prefix for topics, groups and transactional ids that no other test uses."""
    return unused_namespace(request.node.name)


def unused_namespace(name: str) -> str:
    """One that tells whose it is."""
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"{readable}-{uuid.uuid4().hex[:8]}"
