"""Every record counts once, however workers come, go and die."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.integration.engine.conftest import StartWorker
from tests.integration.engine.counting import Conduct
from tests.integration.engine.harness import (
    Feeder,
    assert_counted_once,
    commit,
    committed,
    feed,
    said,
    wait_for,
)


@pytest.mark.slow
def test_a_worker_killed_at_random_moments_loses_and_doubles_nothing(
    conduct: Conduct, start_worker: StartWorker
) -> None:
    chance = random.Random(1)

    with Feeder(conduct, rate=2000) as feeder:
        for _ in range(2):
            worker = start_worker(conduct)
            worker.wait_restored(2)
            time.sleep(chance.uniform(0.1, 1.5))
            worker.kill()
        start_worker(conduct).wait_restored(2)

    assert_counted_once(conduct, feeder.count)


@pytest.mark.slow
def test_of_two_workers_either_may_be_killed_at_any_moment(conduct: Conduct, start_worker: StartWorker) -> None:
    chance = random.Random(2)

    with Feeder(conduct, rate=2000) as feeder:
        workers = [start_worker(conduct), start_worker(conduct)]
        for victim in (0, 1):
            for worker in workers:
                worker.wait_restored()
            time.sleep(chance.uniform(0.5, 1.5))
            workers[victim].kill()
            workers[victim] = start_worker(conduct)
        for worker in workers:
            worker.wait_restored()

    assert_counted_once(conduct, feeder.count)


@pytest.mark.slow
def test_a_second_worker_joins_and_leaves_and_what_stays_is_not_restored_again(
    conduct: Conduct, start_worker: StartWorker
) -> None:
    # Nobody dies: whoever is slow must not be taken for dead.
    conduct.session_timeout = 30.0
    with Feeder(conduct) as feeder:
        first = start_worker(conduct)
        first.wait_restored(2)
        second = start_worker(conduct)
        second.wait_restored()
        time.sleep(1)
        assert second.interrupt() == 0
        first.wait_restored(3)
        time.sleep(0.5)

    assert_counted_once(conduct, feeder.count)
    restored = [first.log.count(f"task=count-{partition}") for partition in (0, 1)]
    assert sorted(restored) == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("behind", [True, False], ids=["older", "newer"])
def test_the_groups_committed_offset_is_not_what_a_task_goes_by(
    conduct: Conduct, start_worker: StartWorker, behind: bool
) -> None:
    total = feed(conduct, ("x" for _ in range(1000)))
    worker = start_worker(conduct)
    wait_for(lambda: sum(map(len, said(conduct).values())) >= total, "all are counted")
    assert worker.interrupt() == 0
    stood = committed(conduct)
    assert sum(stood.values()) >= total

    total += feed(conduct, ("y" for _ in range(500)))
    commit(conduct, dict.fromkeys(stood, 0) if behind else {part: at + 100 for part, at in stood.items()})
    start_worker(conduct)

    assert_counted_once(conduct, total)


@pytest.mark.slow
def test_a_worker_that_stood_still_can_not_write_and_disturbs_nobody(
    conduct: Conduct, start_worker: StartWorker
) -> None:
    conduct.flush_interval = 0.5
    with Feeder(conduct) as feeder:
        zombie, heir = start_worker(conduct), start_worker(conduct)
        zombie.wait_restored()
        heir.wait_restored()
        time.sleep(1)
        before = heir.log.count("task.restored")

        zombie.send(signal.SIGSTOP)
        heir.wait_restored(before + 1)
        time.sleep(1)
        zombie.send(signal.SIGCONT)
        wait_for(lambda: zombie.log.count("engine.revoked") >= 2, "the zombie has found out")
        wait_for(lambda: "ProducerFenced" in zombie.log, "the zombie could not write")
        time.sleep(4)

    assert_counted_once(conduct, feeder.count)
    assert "task.fenced" not in heir.log


@pytest.mark.slow
def test_an_open_transaction_of_a_dead_worker_hides_later_records_for_its_time_out_only(
    conduct: Conduct, start_worker: StartWorker
) -> None:
    conduct.stay_open = True
    feed(conduct, ["x"] * 20)
    worker = start_worker(conduct)
    wait_for(lambda: "transaction stays open" in worker.log, "a transaction is open")
    time.sleep(0.5)
    worker.kill()
    died = time.monotonic()
    feed(conduct, ['{"n":1,"value":"of another","topic":""}'] * 10, topic="out")

    assert said(conduct) == {}
    wait_for(lambda: sum(map(len, said(conduct).values())) == 10, "the other's records are seen", seconds=40)
    assert time.monotonic() - died > 5
