"""Two rounds of a fixed seed: faults on workers, networks and brokers, and nothing lost, doubled, missed or false."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.rounds import Plan
from tests.chaos.run import run

SEED = 20
SECONDS = 25.0


@pytest.mark.slow
@pytest.mark.alone
def test_under_faults_every_event_counts_once_and_every_breach_is_told_once(tmp_path: Path) -> None:
    said: list[str] = []

    outcomes = run([Plan(SEED, number, SECONDS) for number in range(2)], tmp_path, said.append)

    assert all(each.passed for each in outcomes), "\n".join(said)
    total = json.loads((tmp_path / "chaos.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (tmp_path / "chaos.jsonl").read_text(encoding="utf-8").splitlines()]
    assert total["rounds"] == len(lines) == 2
    assert total["events"] == sum(line["events"] for line in lines) > 5_000
    assert sum(total["faults"].values()) >= 8, "\n".join(said)
    assert total["failed_seeds"] == []
