"""The channel topics of one namespace into another on a real Kafka: what stands where, and what is said about time."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, ConsumerRecord

from schemas.envelopes import Mark, decode_mark, encode
from schemas.instants import HOUR
from schemas.topics import CHANNEL_TOPICS
from streams.connectors.publisher import TopicMissing
from streams.connectors.rebuild import NotFresh, partitions_of, rebuild, refuse_filled
from streams.connectors.replay import MARK_EVERY
from streams.kafka import EmbeddedKafka
from streams.topics import TopicMismatch, ensure_topics
from tests.integration.connector_topics import PARTITIONS, everything, make_topics

NOW = 1792490400_000
Told = tuple[str, object]


class Floors:
    """An old namespace, whose records are appended when a test says so, and a fresh one."""

    def __init__(self, bootstrap: str, namespace: str, producer: AIOKafkaProducer) -> None:
        self.bootstrap = bootstrap
        self.old, self.fresh = f"{namespace}-old", f"{namespace}-fresh"
        self._producer = producer

    async def put(self, topic: str, partition: int, value: bytes, at: int, key: bytes | None = b"k") -> None:
        await self._producer.send_and_wait(
            f"{self.old}.{topic}", value, key=key, partition=partition, timestamp_ms=at, headers=[("line", b"1")]
        )

    async def mark(self, time: int, at: int, *, ended: bool = False) -> None:
        """What a replay says about time, to all partitions."""
        value = encode(Mark(task="replay", time=time, ended=ended))
        for topic in CHANNEL_TOPICS:
            for partition in range(PARTITIONS):
                await self.put(topic.name, partition, value, at, key=None)

    async def rebuild(self) -> dict[tuple[str, int], list[Told]]:
        """What stands in the fresh namespace afterwards: by topic and partition, records and times in their order."""
        await rebuild(self.bootstrap, self.old, self.fresh)
        return {
            (topic.name, number): [_told(record) for record in records]
            for topic in CHANNEL_TOPICS
            for number, records in enumerate(await everything(self.bootstrap, f"{self.fresh}.{topic.name}"))
        }


def _told(record: ConsumerRecord) -> Told:
    if record.key is not None:
        assert (record.key, dict(record.headers)) == (b"k", {"line": b"1"})
        return "record", record.value
    mark = decode_mark(record.value)
    assert mark.task == "replay"
    return ("end" if mark.ended else "time"), mark.time


@pytest_asyncio.fixture
async def floors(kafka: EmbeddedKafka, namespace: str) -> AsyncIterator[Floors]:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        floors = Floors(kafka.bootstrap, namespace, producer)
        await make_topics(kafka.bootstrap, floors.old)
        await make_topics(kafka.bootstrap, floors.fresh)
        yield floors


@pytest.mark.asyncio
async def test_in_service_time_is_when_a_record_was_appended_and_partitions_are_merged_by_it(floors: Floors) -> None:
    # Each mark but the first needs so many records before it.
    for number in range(MARK_EVERY):
        await floors.put("channel.chat", 1, b"chat", NOW + number)
    await floors.put("channel.phone", 0, b"call", NOW + 5_000)
    await floors.put("channel.phone", 0, b"later", NOW + 6_000)
    found = await floors.rebuild()
    times = [("time", NOW - 1), ("time", NOW + 4_999)]
    end = ("end", NOW + 6_000)
    assert found["channel.chat", 1] == [times[0], *[("record", b"chat")] * MARK_EVERY, times[1], end]
    assert found["channel.phone", 0] == [*times, ("record", b"call"), ("record", b"later"), end]
    assert found["channel.email", 0] == [*times, end]


@pytest.mark.asyncio
async def test_what_was_replayed_keeps_the_times_of_the_replay_and_service_goes_on_from_there(floors: Floors) -> None:
    await floors.mark(1_000, NOW)
    await floors.put("channel.phone", 1, b"first", NOW)
    await floors.mark(2_000, NOW + 1)
    await floors.put("channel.phone", 1, b"second", NOW + 1)
    await floors.mark(3_000, NOW + 2, ended=True)
    await floors.put("channel.phone", 1, b"live", NOW + 60_000)
    await floors.put("channel.chat", 0, b"live", NOW + 61_000)
    found = await floors.rebuild()
    replayed = [("time", 1_000), ("record", b"first"), ("time", 2_000), ("record", b"second"), ("time", 3_000)]
    # (The first record in service is not preceded by so many that another time would be told.)
    assert found["channel.phone", 1] == [*replayed, ("record", b"live"), ("end", NOW + 61_000)]
    assert found["channel.chat", 0] == [
        ("time", 1_000),
        ("time", 2_000),
        ("time", 3_000),
        ("record", b"live"),
        ("end", NOW + 61_000),
    ]


@pytest.mark.asyncio
async def test_the_end_of_a_replay_alone_is_where_it_ended(floors: Floors) -> None:
    await floors.mark(1_000, NOW)
    await floors.put("channel.phone", 0, b"first", NOW)
    await floors.mark(2_500, NOW + 2, ended=True)
    found = await floors.rebuild()
    assert found["channel.phone", 0] == [("time", 1_000), ("record", b"first"), ("time", 2_500), ("end", 2_500)]


@pytest.mark.asyncio
async def test_a_replay_that_was_broken_off_does_not_keep_service_from_telling_time(floors: Floors) -> None:
    await floors.mark(1_000, NOW)
    await floors.put("channel.phone", 0, b"first", NOW)
    later = NOW + 2 * HOUR
    await floors.put("channel.phone", 0, b"live", later)
    found = await floors.rebuild()
    assert found["channel.phone", 0][-2:] == [("record", b"live"), ("end", later)]


@pytest.mark.asyncio
async def test_a_namespace_that_is_not_there_not_empty_or_of_another_size_is_refused(floors: Floors) -> None:
    assert await partitions_of(floors.bootstrap, floors.old) == PARTITIONS
    with pytest.raises(TopicMissing, match=r"topic nowhere\.channel\.email does not exist"):
        await partitions_of(floors.bootstrap, "nowhere")
    await refuse_filled(floors.bootstrap, floors.fresh)
    await floors.rebuild()
    with pytest.raises(NotFresh, match="is not empty"):
        await refuse_filled(floors.bootstrap, floors.fresh)
    await ensure_topics(floors.bootstrap, f"{floors.fresh}-3", PARTITIONS + 1, CHANNEL_TOPICS)
    with pytest.raises(TopicMismatch, match=f"has {PARTITIONS} partitions a topic"):
        await rebuild(floors.bootstrap, floors.old, f"{floors.fresh}-3")
