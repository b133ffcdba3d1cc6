"""What integration tests share: one real Kafka per run, and a namespace per test."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator

import pytest

from streams.kafka import EmbeddedKafka


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """One broker for the whole run, with sessions as short as tests want. Who stops or kills brokers starts their own."""
    folder = tmp_path_factory.mktemp("kafka")
    with EmbeddedKafka(folder, properties={"group.min.session.timeout.ms": "1000"}) as cluster:
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """A prefix for topics, groups and transactional ids that no other test uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40]
    return f"{name}-{uuid.uuid4().hex[:8]}"
