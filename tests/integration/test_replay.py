"""Files onto the channel topics of a real Kafka."""

from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import ConsumerRecord

from agents.intake.formats import format_named
from agents.intake.parsing import Context
from schemas.envelopes import Mark, decode_mark
from schemas.topics import LARGEST_RECORD
from streams.connectors.publisher import TopicMissing
from streams.connectors.replay import MARK_EVERY, replay
from streams.kafka import EmbeddedKafka
from tests.integration.connector_topics import everything, make_topics

DAY = Path(__file__).parents[2].parent / "shared" / "data" / "anonymous_bank_1999-08-01.csv"


@pytest_asyncio.fixture
async def topics(kafka: EmbeddedKafka, namespace: str) -> str:
    """The connectors' topics in a namespace of the test's own."""
    await make_topics(kafka.bootstrap, namespace)
    return namespace


def marks(records: list[ConsumerRecord]) -> list[Mark]:
    return [decode_mark(record.value) for record in records if record.key is None]


def payloads(records: list[ConsumerRecord]) -> list[ConsumerRecord]:
    return [record for record in records if record.key is not None]


@pytest.mark.asyncio
async def test_the_banks_day_goes_in_by_the_end_of_its_calls_between_marks_that_never_go_back(
    kafka: EmbeddedKafka, topics: str
) -> None:
    format_ = format_named("anonymous-bank")
    told: list[tuple[int, int, int]] = []
    replayed = await replay(
        kafka.bootstrap,
        topics,
        [DAY],
        format_,
        source="bank",
        tz="Asia/Jerusalem",
        date="1999-08-01",
        progress=lambda *args: told.append(args),
    )
    phone = await everything(kafka.bootstrap, f"{topics}.channel.phone")
    rows = [record for records in phone for record in payloads(records)]
    header, *lines = DAY.read_bytes().splitlines()

    assert (replayed.read, replayed.refused) == (2_375, 0)
    assert sorted(record.value for record in rows) == sorted(lines)
    assert {dict(record.headers)["columns"] for record in rows} == {header}
    numbers = {int(dict(record.headers)["line"]): record.value for record in rows}
    assert numbers == dict(enumerate(lines, start=2))
    assert told[-1][0] == 2_375
    assert told[-1][1] == told[-1][2] - len(header) - 1

    for records in phone:
        reached = 0
        for record in records:
            if record.key is None:
                mark = decode_mark(record.value)
                assert mark.time >= reached
                reached = mark.time
            else:
                time = format_.time(record.value, dict(record.headers))
                assert time is not None
                assert time > reached
        assert marks(records)[-1] == Mark(task="replay", time=replayed.last or 0, ended=True)
        assert len(marks(records)) >= 2_375 // (2 * MARK_EVERY)
    for channel in ("email", "chat", "social"):
        for records in await everything(kafka.bootstrap, f"{topics}.channel.{channel}"):
            assert marks(records) == marks(phone[0])
            assert payloads(records) == []


@pytest.mark.asyncio
async def test_a_file_that_is_given_twice_is_read_twice_with_the_same_ids(
    kafka: EmbeddedKafka, topics: str, tmp_path: Path
) -> None:
    log = tmp_path / "queue_log"
    ring = "1792490403|1792490399.42|support|Mia Berg|RINGNOANSWER|0\n"
    log.write_text(ring + ring + "\n1792490412|1792490399.42|support|Tom Ode|CONNECT|12|1|3")
    format_ = format_named("asterisk-queue-log")
    replayed = await replay(kafka.bootstrap, topics, [log, log], format_, source="pbx", end=False)
    phone = await everything(kafka.bootstrap, f"{topics}.channel.phone")
    records = [record for each in phone for record in payloads(each)]
    events = [
        event.id
        for record in records
        for event in format_.parse(record.value, Context("pbx", dict(record.headers), read_at=0)).events
    ]
    assert replayed[0] == len(events) == 6
    assert (replayed.first, replayed.last) == (1792490403_000, 1792490412_000)
    assert events[:3] == events[3:]
    assert len(set(events)) == 3
    assert [dict(record.headers)["line"] for record in records] == [b"1", b"2", b"4"] * 2
    assert {record.partition for record in records} == {records[0].partition}
    assert not any(mark.ended for each in phone for mark in marks(each))


@pytest.mark.asyncio
async def test_lines_that_can_not_be_read_go_in_where_they_stand_and_one_too_long_is_refused(
    kafka: EmbeddedKafka, topics: str, tmp_path: Path
) -> None:
    good = b"1792490412|1.1|support|Tom Ode|CONNECT|12|1|3"
    large = b"x" * 10_000_000
    log = tmp_path / "queue_log"
    with log.open("wb") as file:
        file.write(b"hello\n" + good + b"\n" + large + b"\n")
        for _ in range(LARGEST_RECORD // len(large) + 1):
            file.write(large)
        file.write(b"\n" + good.replace(b"12|1|3", b"13|1|3") + b"\n")
    replayed = await replay(kafka.bootstrap, topics, [log], format_named("asterisk-queue-log"), source="pbx")
    phone = await everything(kafka.bootstrap, f"{topics}.channel.phone")
    found = [(dict(record.headers)["line"], len(record.value)) for each in phone for record in payloads(each)]
    head = 64 * 1024
    assert sorted(found) == [(b"1", 5), (b"2", len(good)), (b"3", len(large)), (b"4", head), (b"5", len(good))]
    assert (replayed.read, replayed.refused) == (5, 1)

    (refused,) = [record for each in phone for record in payloads(each) if "refused" in dict(record.headers)]
    assert refused.value == b"x" * head
    assert dict(refused.headers)["file"] == str(log).encode()
    assert b"40,000,000 bytes" in dict(refused.headers)["refused"]


@pytest.mark.asyncio
async def test_canonical_events_go_to_the_topic_of_their_channel(
    kafka: EmbeddedKafka, topics: str, tmp_path: Path
) -> None:
    line = (
        '{"type":"contact.created","id":"%s","time":"2026-10-20T10:00:00Z","channel":"%s","source":"s","contact":"c"}\n'
    )
    events = tmp_path / "events.jsonl"
    events.write_text("".join(line % (channel, channel) for channel in ("email", "chat", "phone", "social")))
    await replay(kafka.bootstrap, topics, [events], format_named("canonical"), source="replayed")
    for channel in ("email", "chat", "phone", "social"):
        found = [
            record
            for each in await everything(kafka.bootstrap, f"{topics}.channel.{channel}")
            for record in payloads(each)
        ]
        assert [record.key for record in found] == [b"c"]
        assert f'"{channel}"'.encode() in found[0].value


@pytest.mark.asyncio
async def test_a_topic_that_is_missing_is_named(kafka: EmbeddedKafka, namespace: str, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text("{}\n")
    with pytest.raises(TopicMissing, match=rf"{namespace}\.channel\.phone does not exist"):
        await replay(kafka.bootstrap, namespace, [events], format_named("canonical"), source="replayed")
