"""The judge on whole rounds: it finds nothing wrong with the service, and finds what was built in to be wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streams.kafka import EmbeddedKafka
from tests.chaos.contract import Verdict
from tests.chaos.floor import Floor
from tests.chaos.small_round import SESSION, SmallRound

SEED = 11
SECONDS = 10.0
PATIENCE = 40.0
"""Seconds that the judge waits for the end state."""

pytestmark = pytest.mark.slow


def mutant(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.chaos.mutants", name, "worker")


def killed(small: SmallRound) -> Verdict:
    """A worker is killed twice in the midst of its work."""
    for moment in (2.5, 6.0):
        small.wait(moment)
        small.strike(0)
    return small.verdict(PATIENCE)


def stunned(small: SmallRound) -> Verdict:
    """One of two workers stands still until the other has its partitions, and then goes on."""
    small.wait(3.0)
    small.stun(1, SESSION + 2.0)
    return small.verdict(PATIENCE)


def test_nothing_is_wrong_where_one_worker_is_killed_and_the_other_stands_still(
    kafka: EmbeddedKafka, namespace: str, tmp_path: Path
) -> None:
    with SmallRound(kafka.bootstrap, namespace, tmp_path, Floor(SEED, SECONDS), workers=2) as small:
        small.wait(2.0)
        small.strike(0)
        small.stun(1, SESSION + 2.0)
        assert small.verdict(PATIENCE)["findings"] == []


def test_positions_that_leave_outside_the_transaction_are_found(
    kafka: EmbeddedKafka, namespace: str, tmp_path: Path
) -> None:
    program = mutant("positions_apart")
    with SmallRound(kafka.bootstrap, namespace, tmp_path, Floor(SEED, SECONDS), 1, program) as small:
        assert killed(small)["doubled"] > 0


def test_a_former_owner_that_is_not_fenced_is_found(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    program = mutant("no_fence")
    with SmallRound(kafka.bootstrap, namespace, tmp_path, Floor(SEED, SECONDS), 2, program) as small:
        assert stunned(small)["doubled"] > 0


def test_links_that_are_never_undone_are_found(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    program = mutant("no_partings")
    with SmallRound(kafka.bootstrap, namespace, tmp_path, Floor(SEED, SECONDS), 1, program) as small:
        found = small.verdict(PATIENCE / 2)["findings"]
    assert any("link set of identifier" in each for each in found), found
    assert any("identifiers of customer" in each or "contacts of customer" in each for each in found), found
