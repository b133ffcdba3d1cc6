"""A history worked out anew in a fresh namespace: what came out of it the first time comes out again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from agents.intake.formats import FORMATS
from schemas.instants import HOUR
from streams.connectors.line_records import LineRecords
from streams.connectors.lines import Line
from streams.connectors.ordinals import Ordinals
from streams.kafka import EmbeddedKafka
from streams.partitioner import partition_of
from streams.simulator import sample_plan, write_history
from tests.acceptance import bank
from tests.acceptance.floor import Floor
from tests.acceptance.program import floorwalker
from tests.acceptance.reading import Outcome, Reader, outcome_of, outcome_of_json
from tests.conftest import unused_namespace
from tests.integration.connector_topics import PARTITIONS, make_topics

NOT_FOUND, REFUSED = 3, 4
BEGINS = 1_788_000_000
FORMAT = "asterisk-queue-log"


def outcome(bootstrap: str, namespace: str) -> Outcome:
    with Reader(bootstrap, namespace, "metrics.live", "alerts.sla", "customers.profiles") as reader:
        return outcome_of(reader.to_the_end())


def rebuild(folder: Path, bootstrap: str, old: str, fresh: str, *more: str) -> tuple[int, str]:
    ended = floorwalker(
        *("replay", "--rebuild", "--from", old, "--namespace", fresh, "--bootstrap", bootstrap, *more), folder=folder
    )
    assert "Traceback" not in ended.stderr
    return ended.returncode, ended.stderr


@pytest.mark.slow
def test_files_that_were_replayed_give_the_same_again_and_only_in_a_fresh_namespace(
    replayed: Floor, tmp_path: Path
) -> None:
    fresh = unused_namespace("rebuilt")
    code, words = rebuild(tmp_path, replayed.bootstrap, replayed.namespace, fresh, "--tz", bank.ZONE)
    assert code == 0, words[-3_000:]
    assert f"{len(bank.calls()):,} source records of namespace {replayed.namespace} worked through" in words
    assert outcome(replayed.bootstrap, fresh) == replayed.outcome()

    code, words = rebuild(tmp_path, replayed.bootstrap, replayed.namespace, fresh)
    assert (code, "is not empty" in words) == (REFUSED, True)
    code, words = rebuild(tmp_path, replayed.bootstrap, "nowhere", unused_namespace("rebuilt"))
    assert (code, "topic nowhere.channel.email does not exist" in words) == (NOT_FOUND, True)


async def fill(bootstrap: str, namespace: str, lines: list[bytes]) -> None:
    """Put the lines of a queue_log on the channel topic as a connector in service would have: each a moment after it
    was written, and no watermarks."""
    format_ = FORMATS[FORMAT]
    records, ordinals = LineRecords(format_, FORMAT), Ordinals()
    await make_topics(bootstrap, namespace)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for number, data in enumerate(lines, 1):
            record = records.record(Line(data, len(data), number), "queue_log", ordinals)
            assert record.time is not None
            await producer.send(
                f"{namespace}.{record.topic}",
                key=record.key,
                value=record.value,
                headers=record.headers,
                partition=partition_of(record.key, PARTITIONS),
                timestamp_ms=record.time + 300,
            )
    finally:
        await producer.stop()


@pytest.mark.slow
def test_a_history_in_service_gives_what_a_backtest_of_its_file_gives(kafka: EmbeddedKafka, tmp_path: Path) -> None:
    write_history(tmp_path / "queue_log", sample_plan(), seed="again", begins=BEGINS, ends=BEGINS + 3 * HOUR // 1000)
    old, fresh = unused_namespace("served"), unused_namespace("rebuilt")
    lines = (tmp_path / "queue_log").read_bytes().splitlines()
    asyncio.run(fill(kafka.bootstrap, old, lines))
    code, words = rebuild(tmp_path, kafka.bootstrap, old, fresh)
    assert code == 0, words[-3_000:]

    ended = floorwalker(
        *("backtest", "queue_log", "--format", FORMAT, "--json", "out.json", "--no-progress"),
        *("--partitions", PARTITIONS),
        folder=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    backtested = outcome_of_json(json.loads((tmp_path / "out.json").read_bytes()))
    rebuilt = outcome(kafka.bootstrap, fresh)
    assert rebuilt.counts == backtested.counts
    assert rebuilt.counts["read"] == rebuilt.counts["accepted"] + rebuilt.counts["ignored"] == len(lines)
    assert rebuilt.customers == backtested.customers
    assert rebuilt.numbers == backtested.numbers
    assert {each for each in rebuilt.alerts if each[1] == "breached"} == {
        each for each in backtested.alerts if each[1] == "breached"
    }
