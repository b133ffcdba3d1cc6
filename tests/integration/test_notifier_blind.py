"""The watchman: a pipeline that stands still is told by the notifier itself, once, and its end too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from threading import Event, Thread

import pytest

from streams.kafka import EmbeddedKafka
from tests.acceptance.program import wait_for
from tests.integration.notifier_kit import SLACK, Floor, HookSink, ago, hook, notifier, now


class Pipeline:
    """Writes a fresh pipeline record each half second while it moves. `last`: no record is older than this instant
    of time.monotonic() says."""

    def __init__(self, floor: Floor) -> None:
        self.last = time.monotonic()
        self.moves = Event()
        self.moves.set()
        self._floor = floor
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._over.wait(0.5):
            if self.moves.is_set():
                self.last = time.monotonic()
                self._floor.mark(now())


@pytest.fixture
def web() -> Iterator[HookSink]:
    with HookSink() as sink:
        yield sink


def test_a_pipeline_that_stands_still_is_told_once_through_a_restart_and_then_that_it_moves_again(
    kafka: EmbeddedKafka, namespace: str, web: HookSink, tmp_path: Path
) -> None:
    floor = Floor(kafka.bootstrap, namespace)
    pipeline = Pipeline(floor)
    with notifier(floor, tmp_path, hook(web), alerts__blind_after="6s") as program:
        program.wait_ready()
        time.sleep(8)
        assert web.requests == [], "nothing is told while it moves"
        pipeline.moves.clear()
        wait_for(lambda: len(web.requests) == 1, "the alert")
        assert 5.9 <= web.requests[0].at - pipeline.last < 10.0 + SLACK
        program.kill()
        program.start()
        program.wait_ready()
        time.sleep(8)
        assert len({each.id for each in web.requests}) == 1, "a restart does not tell it as another one"
        pipeline.moves.set()
        wait_for(lambda: len(web.of("resolve")) == 1, "its end")
        deliveries = floor.wait_deliveries(2)
    pipeline.stop()
    trigger = web.of("trigger")[0].content["data"]["alert"]
    assert (trigger["rule"], trigger["severity"]) == ("pipeline.blind", "critical")
    assert sorted(each["notify"] for each in deliveries) == ["resolve", "trigger"]
    # Killed between sending a record and hearing that the topic has it, it sends the same once more.
    alerts = [each for each, _ in groupby(each for each in floor.records() if each["kind"] == "alert")]
    assert [(each["state"], each["id"]) for each in alerts] == [("firing", trigger["id"]), ("resolved", trigger["id"])]
    floor.close()


def test_one_task_that_stands_still_is_enough(
    kafka: EmbeddedKafka, namespace: str, web: HookSink, tmp_path: Path
) -> None:
    floor = Floor(kafka.bootstrap, namespace)
    floor.mark(now(), ("contacts-3", ago(4_000)))
    with notifier(floor, tmp_path, hook(web), alerts__blind_after="5s"):
        wait_for(lambda: len(web.requests) == 1, "the alert")
    text = web.requests[0].content["data"]["text"]
    assert "task contacts-3, since" in text
    floor.close()


def test_without_kafka_it_is_told_all_the_same(
    kafka: EmbeddedKafka, namespace: str, web: HookSink, tmp_path: Path
) -> None:
    floor = Floor(kafka.bootstrap, namespace)
    away = "127.0.0.1:1"
    there, floor.bootstrap = floor.bootstrap, away
    with notifier(floor, tmp_path, hook(web), alerts__blind_after="5s"):
        wait_for(lambda: len(web.requests) == 1, "the alert")
        assert not floor.deliveries()
    # What was told is put on the topic when Kafka is back; nothing is told again.
    floor.bootstrap = there
    with notifier(floor, tmp_path, hook(web), alerts__blind_after="5s"):
        floor.wait_deliveries(1)
        time.sleep(2)
    assert len(web.requests) == 1
    assert [each["rule"] for each in floor.records() if each["kind"] == "alert"] == ["pipeline.blind"]
    floor.close()
