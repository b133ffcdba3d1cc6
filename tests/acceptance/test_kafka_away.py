"""Kafka is not there: at the start, and while calls go on. The service waits, says so, and loses nothing."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streams.kafka import EmbeddedKafka
from streams.kafka.ports import free_port
from tests.acceptance.pbx import SOURCE, Pbx
from tests.acceptance.program import PATIENCE, Program, in_service, wait_for
from tests.acceptance.reading import Reader

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "20"))
"""Seconds without a broker while calls go on: longer than the session."""

CONFIG = f"""
[sla]
answer_within = "2s"

[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
"""


@pytest.mark.slow
def test_who_starts_before_kafka_waits_and_what_happens_while_it_is_away_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    port = free_port()
    settings = {"service__bootstrap": f"127.0.0.1:{port}", "service__namespace": "away"}
    pipeline: dict[str, Any] = {}
    breaches: list[str] = []
    with ExitStack() as stack:
        worker, connectors = in_service(stack, tmp_path, settings)
        pbx = Pbx(tmp_path / "queue_log")
        stack.callback(pbx.close)
        pbx.enter("0.0", "sales")
        wait_for(lambda: awaited(worker) == ["kafka"], "it says that it waits for Kafka")

        kafka = stack.enter_context(EmbeddedKafka(tmp_path / "kafka", ports=[port]))
        worker.wait_ready()
        reader = stack.enter_context(Reader(kafka.bootstrap, "away", "alerts.sla", "metrics.live"))

        def counted() -> int:
            for each in reader.news(0.05):
                if each.topic == "alerts.sla" and each.key is not None and each.json["transition"] == "breached":
                    breaches.append(each.json["contact"])
                elif each.key == "pipeline":
                    pipeline.update(each.json)
            return int(pipeline.get("sources", {}).get(SOURCE, {}).get("records", 0))

        wait_for(lambda: counted() == 1, "the line of before Kafka's time")

        kafka.kill(0)
        died = time.monotonic()
        wait_for(lambda: bool(awaited(worker)), "it says that it is not at work")
        lines = 1
        while time.monotonic() < died + OUTAGE:
            pbx.enter(f"1.{lines}", "sales")
            lines += 1
            time.sleep(0.25)
        assert awaited(worker), "it claims to be at work without a broker"
        kafka.restart(0)
        worker.wait_ready()
        wait_for(lambda: counted() >= lines, f"all {lines} lines are counted", 2 * PATIENCE)
        wait_for(lambda: counted() >= lines and len(set(breaches)) == lines, "every caller has waited too long")
        time.sleep(1)
        assert counted() == lines
        assert len(breaches) == lines, "a breach is declared once"
        assert connectors.process.poll() is None
        assert "task.failed" not in worker.words


def awaited(worker: Program) -> list[str]:
    """What /readyz says that the worker waits for."""
    port = worker.port()
    if port is None:
        return []
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE):
            return []
    except urllib.error.HTTPError as error:
        return list(json.loads(error.read())["waiting_for"])
