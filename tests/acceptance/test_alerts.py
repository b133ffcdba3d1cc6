"""An alert in service, from a caller who waits too long to its end; workers are killed meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from schemas.ids import alert_id
from streams.kafka import EmbeddedKafka
from tests.acceptance.floor import SESSION
from tests.acceptance.pbx import SOURCE, Pbx, contact_of
from tests.acceptance.program import PATIENCE, Program, in_service, wait_for
from tests.acceptance.reading import Reader, Said
from tests.conftest import unused_namespace

PROMISE = 2
WAIT = 1
KEEP = 4

CONFIG = f"""
[sla]
answer_within = "{PROMISE}s"

[alerts]
group_wait = "{WAIT}s"
keep_firing = "{KEEP}s"

[queues.sales]
display_name = "Sales"

[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
"""


class Alerts:
    """A worker and a connector in service, and every record of alerts.notifications so far."""

    def __init__(self, pbx: Pbx, worker: Program, reader: Reader, producer: Producer, namespace: str) -> None:
        self.pbx = pbx
        self.worker = worker
        self._reader = reader
        self._producer = producer
        self._namespace = namespace
        self.said: list[dict[str, Any]] = []

    def say(self, **command: Any) -> str:
        """Write a record to alerts.commands, as the gateway does; returns its id."""
        name = str(uuid4())
        value = {"id": name, "by": "Dana", "at": datetime.now(UTC).isoformat(), **command}
        self._producer.produce(f"{self._namespace}.alerts.commands", json.dumps(value).encode(), name.encode())
        assert self._producer.flush(PATIENCE) == 0
        return name

    def of(self, queue: str) -> list[dict[str, Any]]:
        """The records about a queue."""
        return [each for each in self.said if each["kind"] == "alert" and each["labels"] == {"queue": queue}]

    def wait_for(self, queue: str, claim: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Read on until it holds of a record about the queue; that one."""
        found: list[dict[str, Any]] = []

        def holds() -> bool:
            self._take(self._reader.news(0.05))
            found[:] = [each for each in self.of(queue) if claim(each)]
            return bool(found)

        wait_for(holds, f"{what}; of {queue} was said {self.of(queue)}; the worker: {self.worker.words[-1_500:]}")
        return found[0]

    def wait_mute(self, name: str) -> None:
        """Read on until a mute is shown."""

        def holds() -> bool:
            self._take(self._reader.news(0.05))
            return any((each["kind"], each["id"]) == ("mute", name) for each in self.said)

        wait_for(holds, f"the mute; the worker: {self.worker.words[-1_500:]}")

    def _take(self, records: list[Said]) -> None:
        for each in records:
            assert each.key is not None
            self.said.append(each.json)


@pytest.fixture(scope="module")
def alerts(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerts]:
    """One installation in service; each test has queues of its own."""
    folder: Path = tmp_path_factory.mktemp("alerts")
    (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    namespace = unused_namespace("alerts")
    settings = {
        "service__bootstrap": kafka.bootstrap,
        "service__namespace": namespace,
        "service__session_timeout": SESSION,
    }
    with ExitStack() as stack:
        worker, _connector = in_service(stack, folder, settings)
        worker.wait_ready()
        pbx = Pbx(folder / "queue_log")
        stack.callback(pbx.close)
        reader = stack.enter_context(Reader(kafka.bootstrap, namespace, "alerts.notifications"))
        producer = Producer({"bootstrap.servers": kafka.bootstrap})
        floor = Alerts(pbx, worker, reader, producer, namespace)
        # The first line waits for the connector to start, and its breach is perhaps found late.
        pbx.enter("1.0", "first")
        floor.wait_for("first", lambda each: True, "a first alert")
        yield floor


def test_an_alert_fires_is_acknowledged_and_resolved_though_the_worker_is_killed_in_between(
    alerts: Alerts, record_property: Callable[[str, object], None]
) -> None:
    entered = alerts.pbx.enter("2.1", "sales")
    due_ms = round((entered + PROMISE) * 1000)
    shown = alerts.wait_for("sales", lambda each: True, "shown at once")
    # A busy machine may have let the wait pass.
    assert shown["state"] in ("pending", "firing")
    assert shown["id"] == alert_id("sla.answer_within", {"queue": "sales"}, due_ms)
    alerts.worker.kill()
    alerts.worker.start()
    trigger = alerts.wait_for("sales", lambda each: each.get("notify") == "trigger", "the alert told")
    told = time.time() - due_ms / 1000
    assert trigger["evidence"]["subjects"][0]["contact"] == contact_of("2.1")
    assert trigger["summary"].startswith("Sales: 1 caller past the 2 s target, oldest waiting since ")
    assert (trigger["state"], trigger["told"], trigger["mode"]) == ("firing", True, "live")

    alerts.say(command="acknowledge", alert=trigger["id"], note="on it")
    alerts.worker.kill()
    alerts.worker.start()
    acknowledged = alerts.wait_for("sales", lambda each: each["state"] == "acknowledged", "acknowledged")
    assert (acknowledged["acknowledged"]["by"], acknowledged["acknowledged"]["note"]) == ("Dana", "on it")

    alerts.pbx.enter("2.2", "sales")
    alerts.wait_for("sales", lambda each: each["evidence"]["open"] == 2, "a second caller past the promise")
    alerts.pbx.say("2.1", "sales", "Tom Ode", "CONNECT", 9, "2.9", 1)
    alerts.pbx.say("2.2", "sales", "NONE", "ABANDON", 1, 1, 9)
    alerts.wait_for("sales", lambda each: each["evidence"]["open"] == 0, "nobody waits any more")
    alerts.worker.kill()
    alerts.worker.start()
    resolved = alerts.wait_for("sales", lambda each: each["state"] == "resolved", "resolved")

    said = alerts.of("sales")
    assert {each["id"] for each in said} == {shown["id"]}
    assert [each["sequence"] for each in said] == list(range(1, len(said) + 1)), "none twice, none left out"
    assert [each["notify"] for each in said if each.get("notify")] == ["trigger", "resolve"]
    assert {each["outcome"] for each in resolved["evidence"]["subjects"]} == {"late", "abandoned"}
    print(f"\nkilled three times; from the due instant to the trigger {told:.2f} s")
    record_property("due to trigger, worker killed meanwhile", f"{told:.2f} s")


def test_undisturbed_an_alert_is_told_within_seconds_of_the_broken_promise(
    alerts: Alerts, record_property: Callable[[str, object], None]
) -> None:
    alerts.worker.wait_ready()
    # A worker that has only just come back may be behind.
    time.sleep(2)
    due = alerts.pbx.enter("3.1", "quick") + PROMISE
    alerts.wait_for("quick", lambda each: True, "shown")
    shown = time.time() - due
    alerts.wait_for("quick", lambda each: each.get("notify") == "trigger", "told")
    told = time.time() - due
    times = f"{shown:.2f} s, {told:.2f} s (grace 1 s, wait {WAIT} s)"
    print(f"\nfrom the due instant to the alert shown and told: {times}")
    record_property("due to shown, due to trigger", times)
    assert shown >= 1
    assert told >= 1 + WAIT


def test_what_is_muted_is_shown_and_told_when_the_mute_is_lifted(alerts: Alerts) -> None:
    until = datetime.fromtimestamp(time.time() + 600, UTC).isoformat()
    name = alerts.say(command="mute", matchers={"queue": "muted"}, why="works", until=until)
    alerts.wait_mute(name)
    alerts.pbx.enter("4.1", "muted")
    shown = alerts.wait_for("muted", lambda each: each["state"] == "firing", "firing")
    assert (shown["muted"], shown.get("notify")) == (name, None)
    alerts.say(command="unmute", mute=name)
    told = alerts.wait_for("muted", lambda each: each.get("notify") == "trigger", "told")
    assert told.get("muted") is None
    assert [each.get("ended", False) for each in alerts.said if each["kind"] == "mute"] == [False, True]
