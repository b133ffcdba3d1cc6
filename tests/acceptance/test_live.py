"""A queue_log that grows while the service runs: seen within a second or two, through rotation, and judged on time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from typing import Any

import pytest

from streams.kafka import EmbeddedKafka
from tests.acceptance.pbx import SOURCE, Pbx, contact_of
from tests.acceptance.program import PATIENCE, Program, in_service, wait_for
from tests.acceptance.reading import Reader, Said
from tests.conftest import unused_namespace

BOUND = 15.0
"""Seconds within which a line must be a number, and a breach told: far more than it takes, since other work may share
the machine."""

PROMISE = 3
GRACE = 1

CONFIG = f"""
[queues.promised]
answer_within = "{PROMISE}s"

[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
"""


class LiveFloor:
    """A worker and a connector in service, the log that they follow, and all that was published so far."""

    def __init__(self, pbx: Pbx, worker: Program, connector: Program, reader: Reader) -> None:
        self.pbx = pbx
        self.worker = worker
        self.connector = connector
        self._reader = reader
        self.said: list[Said] = []
        self.windows: dict[tuple[str | None, str], dict[str, Any]] = {}
        self.pipeline: dict[str, Any] = {}

    def wait_for(self, claim: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
        """Read on until it holds; returns when it did (seconds since the epoch)."""

        def holds() -> bool:
            if claim():
                return True
            self._read()
            return claim()

        wait_for(holds, f"{what}; the worker says: {self.worker.words[-1_500:]}", seconds)
        return time.time()

    def value(self, queue: str, metric: str, kind: str = "all") -> float | None:
        """The number of a queue on all channels, as last published."""
        window = self.windows.get((queue, kind))
        value = window["metrics"][metric]["value"] if window else None
        return None if value is None else float(value)

    def alerts(self, call: str) -> list[dict[str, Any]]:
        """What became of a call's promise, after it began to run."""
        contact = contact_of(call)
        alerts = [each.json for each in self.said if each.topic == "alerts.sla" and each.key is not None]
        return [each for each in alerts if each["contact"] == contact and each["transition"] != "activated"]

    def failed(self) -> list[Said]:
        """What stands on contacts.failed."""
        return [each for each in self.said if each.topic == "contacts.failed"]

    def _read(self) -> None:
        for each in self._reader.news(0.05):
            if each.topic != "metrics.live":
                self.said.append(each)
            elif each.key == "pipeline":
                self.pipeline = each.json
            elif each.key != "trends":
                window = each.json
                if not {"channel", "policy", "segment"} & set(window["scope"]):
                    self.windows[window["scope"].get("queue"), window["window"]["kind"]] = window


@pytest.fixture(scope="module")
def live(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveFloor]:
    """One installation in service for all tests here; each has queues of its own."""
    folder = tmp_path_factory.mktemp("live")
    (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    namespace = unused_namespace("live")
    settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
    with ExitStack() as stack:
        worker, connector = in_service(stack, folder, settings)
        worker.wait_ready()
        pbx = Pbx(folder / "queue_log")
        stack.callback(pbx.close)
        topics = ("metrics.live", "alerts.sla", "contacts.failed")
        reader = stack.enter_context(Reader(kafka.bootstrap, namespace, *topics))
        floor = LiveFloor(pbx, worker, connector, reader)
        # The first line waits for the connector to start; those that are measured do not.
        pbx.enter("1.0", "first")
        floor.wait_for(lambda: floor.value("first", "contacts_offered") == 1, "the first line")
        yield floor


def test_a_line_of_the_log_is_a_number_on_the_wallboard_soon_after(
    live: LiveFloor, record_property: Callable[[str, object], None]
) -> None:
    chance, latencies = Random("moments"), []
    for number in range(1, 16):
        time.sleep(chance.uniform(0.2, 0.7))
        written = time.time()
        live.pbx.enter(f"2.{number}", "latency")

        def offered(wanted: float = number) -> bool:
            return live.value("latency", "contacts_offered") == wanted

        seen = live.wait_for(offered, f"call {number} offered", BOUND)
        latencies.append(seen - written)
    told = f"median {median(latencies):.2f} s, longest {max(latencies):.2f} s"
    print(f"\nfrom the line in queue_log to the record of metrics.live: {told}")
    record_property("from line to metrics.live", told)
    assert live.value("latency", "contacts_in_queue") == 15
    live.wait_for(lambda: live.value("latency", "contacts_offered", "rolling15min") == 15, "in the last quarter, too")


def test_a_call_is_followed_from_the_queue_to_its_end(live: LiveFloor) -> None:
    entered = live.pbx.enter("3.1", "sales")
    live.wait_for(lambda: live.value("sales", "contacts_in_queue") == 1, "one waits")
    waited = live.pbx.say("3.1", "sales", "Tom Ode", "CONNECT", 2, "3.2", 1) - entered
    live.wait_for(lambda: live.value("sales", "contacts_in_queue") == 0, "nobody waits any more")
    assert live.value("sales", "contacts_answered") == 1
    assert live.value("sales", "average_speed_of_answer") == 2, f"as the log has it, not the difference ({waited} s)"
    live.pbx.say("3.1", "sales", "Tom Ode", "COMPLETECALLER", 2, 154, 1)
    live.wait_for(lambda: live.value("sales", "average_handle_time") == 154, "the handle time")


def test_no_line_is_lost_or_counted_twice_through_rotation_truncation_and_a_killed_connector(live: LiveFloor) -> None:
    def offered(wanted: int) -> None:
        live.wait_for(lambda: live.value("moves", "contacts_offered") == wanted, f"{wanted} offered")

    live.pbx.enter("4.1", "moves")
    live.pbx.rotate()
    live.pbx.enter("4.2", "moves")
    offered(2)
    live.pbx.reopen()
    live.pbx.enter("4.3", "moves")
    offered(3)
    live.pbx.copy_and_truncate()
    live.pbx.enter("4.4", "moves")
    offered(4)
    live.connector.kill()
    live.pbx.enter("4.5", "moves")
    live.pbx.rotate()
    live.pbx.reopen()
    live.pbx.enter("4.6", "moves")
    live.connector.start()
    offered(6)
    live.pbx.enter("4.7", "moves")
    offered(7)
    live.wait_for(lambda: live.pipeline.get("read", 0) >= live.pbx.lines, "all lines counted")
    counts = live.pipeline
    assert counts["read"] == counts["accepted"] + counts["ignored"] + counts["failed"] + counts["duplicates"]
    assert counts["read"] - counts["duplicates"] == live.pbx.lines


def test_a_caller_who_waits_past_the_promise_is_breached_on_time_with_no_further_event(
    live: LiveFloor, record_property: Callable[[str, object], None]
) -> None:
    entered = datetime.fromtimestamp(live.pbx.enter("5.1", "promised"), UTC)
    due = entered + timedelta(seconds=PROMISE)

    def breaches() -> list[dict[str, Any]]:
        return [each for each in live.alerts("5.1") if each["transition"] == "breached"]

    seen = live.wait_for(lambda: bool(breaches()), "a breach", PROMISE + GRACE + BOUND)
    (breach,) = breaches()
    detected = datetime.fromisoformat(breach["detected_at"])
    assert datetime.fromisoformat(breach["due_at"]) == due
    assert breach["occurred_at"] == breach["due_at"]
    assert detected >= due + timedelta(seconds=GRACE)
    assert (breach["queue"], breach["target"]) == ("promised", PROMISE)
    told = (
        f"detected {(detected - due).total_seconds():.2f} s after it was due, read after {seen - due.timestamp():.2f} s"
    )
    print(f"\na breach was {told}")
    record_property("breach", told)

    # Answered late: the breach stays, and is not said again.
    live.pbx.say("5.1", "promised", "Tom Ode", "CONNECT", 7, "5.2", 1)
    live.wait_for(lambda: live.alerts("5.1")[-1]["transition"] == "fulfilled", "the promise late fulfilled")
    assert [each["transition"] for each in live.alerts("5.1")] == ["at_risk", "breached", "fulfilled"]
    assert live.alerts("5.1")[-1]["outcome"] == "late"


def test_an_event_over_five_minutes_ahead_of_its_reading_fails(live: LiveFloor) -> None:
    live.pbx.enter("6.1", "ahead", ahead=290)
    live.wait_for(lambda: live.value("ahead", "contacts_offered") == 1, "an event a little ahead")
    known = live.pipeline.get("failed", 0)
    line = live.pbx.enter("6.2", "ahead", ahead=330)
    live.wait_for(lambda: bool(live.failed()), "an event on contacts.failed")
    (failed,) = live.failed()
    assert failed.value == f"{line}|6.2|ahead|NONE|ENTERQUEUE||+4930901820|1".encode()
    assert (failed.headers["failed.reason"], failed.headers["failed.stage"]) == ("time", "intake")
    assert failed.headers["failed.file"] == "queue_log"
    file_lines = live.pbx.path.read_bytes().splitlines()
    assert file_lines[int(failed.headers["failed.line"]) - 1] == failed.value
    live.wait_for(lambda: live.pipeline.get("failed", 0) == known + 1, "the failure counted")
    assert live.value("ahead", "contacts_offered") == 1
