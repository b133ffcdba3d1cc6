"""What outlets do when Kafka's client ends the wait of its caller, or its own work for good."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.live import PIPELINE_KEY
from schemas.notifications import Acknowledge, decode_command
from schemas.topics import ALERTS_COMMANDS, ALERTS_NOTIFICATIONS, METRICS_LIVE, prefix_of
from streams.kafka import EmbeddedKafka
from streams.outlets.gateway.commands import Commands
from streams.outlets.gateway.errors import Refused
from streams.outlets.notifier.reading import TopicReading
from streams.processor import Record
from streams.topics import ensure_topics
from tests.acceptance.reading import Reader


@pytest.mark.asyncio
async def test_a_reading_that_the_client_cancels_begins_anew_and_one_that_is_cancelled_ends(
    kafka: EmbeddedKafka, namespace: str
) -> None:
    await ensure_topics(kafka.bootstrap, namespace, 1)
    begun = 0

    async def start(reader: AIOKafkaConsumer, partition: TopicPartition) -> int:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise asyncio.CancelledError
        return 0

    def take(_records: Sequence[Record], _position: int) -> None:
        return

    reading = TopicReading(kafka.bootstrap, prefix_of(namespace) + ALERTS_NOTIFICATIONS.name, start, take)
    running = asyncio.create_task(reading.run())
    async with asyncio.timeout(60):
        while not reading.ready:
            assert not running.done()
            await asyncio.sleep(0.05)
        assert begun == 2
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.asyncio
async def test_a_reading_that_has_lost_kafka_hands_on_nothing_that_it_handed_on_before(
    kafka: EmbeddedKafka, namespace: str
) -> None:
    await ensure_topics(kafka.bootstrap, namespace, 1)
    topic = prefix_of(namespace) + METRICS_LIVE.name
    taken: list[bytes | None] = []
    lost = 0

    async def start(_reader: AIOKafkaConsumer, _partition: TopicPartition) -> int:
        return 0

    def take(records: Sequence[Record], _position: int) -> None:
        nonlocal lost
        if taken and not lost:
            lost += 1
            raise KafkaConnectionError("away")
        taken.extend(record.value for record in records)

    async def wait(values: list[bytes]) -> None:
        async with asyncio.timeout(60):
            while len(taken) < len(values):
                assert not running.done()
                await asyncio.sleep(0.05)
        assert taken == values

    reading = TopicReading(kafka.bootstrap, topic, start, take)
    running = asyncio.create_task(reading.run())
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"old", key=PIPELINE_KEY)
        await wait([b"old"])
        await producer.send_and_wait(topic, b"new", key=PIPELINE_KEY)
        await wait([b"old", b"new"])
        assert lost == 1
    finally:
        await producer.stop()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.asyncio
async def test_after_a_producer_has_failed_for_good_the_next_command_is_taken(
    kafka: EmbeddedKafka, namespace: str
) -> None:
    await ensure_topics(kafka.bootstrap, namespace, 1)
    commands = Commands(kafka.bootstrap, namespace)
    said = [Acknowledge(id=f"c{n}", alert="a1", by="Dana", at=datetime.now(UTC)) for n in range(3)]
    try:
        await commands.send(said[0])
        producer = commands._producer
        assert producer is not None
        # As its sender does when a broker answers what it can't go on after.
        producer._message_accumulator.fail_all(KafkaError("out of order"))
        with pytest.raises(Refused, match="Idempotency-Key"):
            await commands.send(said[1])
        await commands.send(said[2])
    finally:
        await commands.close()
    with Reader(kafka.bootstrap, namespace, ALERTS_COMMANDS.name) as reader:
        assert [decode_command(record.value).id for record in reader.to_the_end()] == ["c0", "c2"]
