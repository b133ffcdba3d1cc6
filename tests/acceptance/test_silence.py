"""A log that stops growing while the service runs: an alert, through a killed worker, until the next line."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from streams.kafka import EmbeddedKafka
from tests.acceptance.pbx import SOURCE, Pbx
from tests.acceptance.program import in_service, wait_for
from tests.acceptance.reading import Reader
from tests.conftest import unused_namespace

CONFIG = f"""
[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
silent_after = "3s"
"""


def test_a_source_that_stops_is_told_once_and_its_end_too_though_the_worker_is_killed_between(
    kafka: EmbeddedKafka, tmp_path: Path
) -> None:
    (tmp_path / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    namespace = unused_namespace("silence")
    settings = {"service__bootstrap": kafka.bootstrap, "service__namespace": namespace}
    said: list[dict[str, Any]] = []
    pipeline: dict[str, Any] = {}
    with ExitStack() as stack:
        worker, _ = in_service(stack, tmp_path, settings)
        worker.wait_ready()
        reader = stack.enter_context(Reader(kafka.bootstrap, namespace, "alerts.trends", "metrics.live"))
        pbx = Pbx(tmp_path / "queue_log")
        stack.callback(pbx.close)

        def read() -> None:
            for each in reader.news(0.05):
                if each.topic == "alerts.trends" and each.key is not None:
                    said.append(each.json)
                elif each.key == "pipeline":
                    pipeline.update(each.json)

        def told(*transitions: str) -> bool:
            # Where this takes its time, the source falls silent once more.
            read()
            return [each["transition"] for each in said][: len(transitions)] == list(transitions)

        def heard(records: int) -> bool:
            read()
            return bool(pipeline.get("sources", {}).get(SOURCE, {}).get("records", 0) >= records)

        pbx.enter("1.0", "sales")
        wait_for(lambda: heard(1), "the first line is counted")
        wait_for(lambda: told("opened"), "the silence")
        worker.kill()
        worker.start()
        worker.wait_ready()
        pbx.enter("1.1", "sales")
        wait_for(lambda: told("opened", "closed"), "the end of the silence")
        opened, closed = said[:2]
        wait_for(lambda: heard(2), "the second line is counted")
    assert opened["rule"] == "source.silent"
    assert opened["source"] == SOURCE
    assert opened["trend"] == closed["trend"]
    assert opened["evidence"]["limit"] == 3
    assert len({each["id"] for each in said}) == len(said), "nothing is told twice"
