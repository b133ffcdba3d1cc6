"""SIGKILL at seeded moments: what was lost is worked out again, what was said is not said twice."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from tests.acceptance import bank
from tests.acceptance.conftest import Backtest, StartFloor

KILLS = 5
RATE = 300
"""Source records a second: so slow that every kill comes while some are on their way."""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_replay_ends_in_the_same_numbers_and_alerts_however_often_workers_are_killed(
    workers: int, gold: Backtest, start_floor: StartFloor, tmp_path: Path
) -> None:
    chance = Random(f"{workers} killed")
    calls = bank.by_end()
    share = -(-len(calls) // KILLS)
    floor = start_floor(workers)
    for kill in range(KILLS):
        part = bank.write(tmp_path / f"part-{kill}.csv", calls[kill * share : (kill + 1) * share])
        # Now and then it hits a worker that is still restoring.
        if chance.random() < 0.7:
            floor.wait_ready()
        victim = chance.choice(floor.workers)
        with floor.replay_meanwhile(part, end=kill == KILLS - 1, rate=RATE):
            time.sleep(chance.uniform(0.1, 2.0))
            victim.kill()
            victim.start()
    floor.wait_ended(len(calls))
    outcome = floor.outcome()
    assert outcome.counts == gold.outcome.counts
    assert outcome.alerts == gold.outcome.alerts
    assert outcome.numbers == gold.outcome.numbers
    assert outcome.customers == gold.outcome.customers
