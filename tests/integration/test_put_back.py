"""What failed back onto the channel topics of a real Kafka."""

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.envelopes import Envelope, Origin, encode
from schemas.failures import REFUSED, Stage, origin_headers
from streams.connectors.formats import Headers
from streams.connectors.put_back import Channels, PutBack, put_back
from streams.failed import PUT_BACK, Failed, NoFailures, Place, failure, failures, ids_of
from streams.kafka import EmbeddedKafka
from streams.processor import Headers as RecordHeaders
from streams.reader import committed_reader
from tests.integration.connector_topics import everything, make_topics

NOW = 1792490400_000
OWN = (("ce_type", b"canonical"), ("ce_source", b"desk"))


class Floor:
    """The topics of a namespace."""

    def __init__(self, bootstrap: str, namespace: str, producer: AIOKafkaProducer) -> None:
        self.bootstrap = bootstrap
        self.namespace = namespace
        self._producer = producer

    async def write(
        self, topic: str, value: bytes, headers: RecordHeaders, partition: int = 0, at: int | None = None
    ) -> int:
        """Put a record into a partition; returns its offset."""
        sent = await self._producer.send_and_wait(
            f"{self.namespace}.{topic}",
            key=b"k",
            value=value,
            headers=list(headers),
            partition=partition,
            timestamp_ms=at,
        )
        return int(sent.offset)

    async def fail(self, value: bytes, origin: Origin, *own: tuple[str, bytes], stage: Stage = "intake") -> str:
        headers = origin_headers(own, reason="rule", stage=stage, message="", origin=origin)
        return f"0-{await self.write('contacts.failed', value, headers)}"

    async def forget(self, topic: str, before: int) -> None:
        """Delete the first records of partition 0, as retention does."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            place = TopicPartition(f"{self.namespace}.{topic}", 0)
            await admin.delete_records({place: RecordsToDelete(before_offset=before)})
        finally:
            await admin.close()

    async def put_back(self, *ids: str) -> PutBack:
        def chosen(failed: Failed) -> bool:
            return not ids or failed.id in ids

        named = ids_of(ids) if ids else None
        async with Channels(self.bootstrap, self.namespace) as channels:
            return await put_back(self.bootstrap, self.namespace, chosen, key_of, channels, named)

    async def back(self, topic: str) -> list[tuple[bytes, bytes, dict[str, bytes]]]:
        """Key, value and headers of what was put back."""
        records = [each for part in await everything(self.bootstrap, f"{self.namespace}.{topic}") for each in part]
        return [(each.key, each.value, dict(each.headers)) for each in records if PUT_BACK in dict(each.headers)]


def key_of(payload: bytes, headers: Headers) -> bytes:
    return b"key of " + payload


@pytest_asyncio.fixture
async def floor(kafka: EmbeddedKafka, namespace: str):  # type: ignore[no-untyped-def]
    await make_topics(kafka.bootstrap, namespace)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        yield Floor(kafka.bootstrap, namespace, producer)


@pytest.mark.asyncio
async def test_bytes_and_headers_go_back_as_they_were_with_where_they_stood(floor: Floor) -> None:
    await floor.fail(b"one", Origin("channel.chat", 1, 40), *OWN, ("line", b"3"))
    await floor.fail(b"two", Origin("channel.phone", 1, 41), *OWN)
    assert await floor.put_back() == PutBack(sent=2)
    put = (PUT_BACK, b"channel.chat/1/40")
    assert await floor.back("channel.chat") == [(b"key of one", b"one", dict((*OWN, ("line", b"3"), put)))]
    assert await floor.back("channel.phone") == [
        (b"key of two", b"two", dict((*OWN, (PUT_BACK, b"channel.phone/1/41"))))
    ]


@pytest.mark.asyncio
async def test_records_go_back_in_the_order_in_which_they_failed_and_of_one_moment_as_they_stood(floor: Floor) -> None:
    # Partition, when it failed, and where it stood: failures are spread over partitions by where they stood.
    for partition, at, offset in ((1, 1, 7), (1, 2, 8), (1, 2, 11), (1, 9, 12), (0, 1, 6), (0, 2, 9), (0, 2, 10)):
        headers = origin_headers(
            OWN, reason="schema", stage="intake", message="", origin=Origin("channel.chat", 1, offset)
        )
        await floor.write("contacts.failed", str(offset).encode(), headers, partition, NOW + at)
    async with committed_reader(floor.bootstrap) as reader:
        assert [each.value async for each in failures(reader, floor.namespace)] == [
            *(b"6", b"7", b"8", b"9", b"10", b"11", b"12")
        ]
        some = failures(reader, floor.namespace, [(0, 2), (1, 0), (1, 2), (1, 77), (9, 0)])
        assert [each.id async for each in some] == ["1-0", "0-2", "1-2"]
    assert await floor.put_back("0-1", "1-3", "1-1") == PutBack(sent=3)


@pytest.mark.asyncio
async def test_a_source_record_goes_back_once_however_often_it_failed(floor: Floor) -> None:
    origin = Origin("channel.chat", 0, 5)
    ids = [await floor.fail(b"one", origin, *OWN)]
    # Put back, and failed again where it stands now.
    ids.append(await floor.fail(b"one", Origin("channel.chat", 0, 9), *OWN, (PUT_BACK, b"channel.chat/0/5")))
    assert await floor.put_back() == PutBack(sent=1, again=1)
    assert await floor.put_back(ids[1]) == PutBack(sent=1)
    assert [headers[PUT_BACK] for _, _, headers in await floor.back("channel.chat")] == [b"channel.chat/0/5"] * 2


@pytest.mark.asyncio
async def test_what_a_rule_failed_at_is_fetched_from_where_it_stands(floor: Floor) -> None:
    await floor.write("channel.chat", b"before", OWN)
    offset = await floor.write("channel.chat", b"source", (*OWN, ("line", b"8")))
    await floor.write("channel.chat", b"behind", OWN)
    origin = Origin("channel.chat", 0, offset)
    for part in range(2):
        await floor.fail(encode(Envelope(origin=origin, part=part, parts=2)), origin, stage="rule")
    assert await floor.put_back() == PutBack(sent=1, again=1)
    ((key, value, headers),) = await floor.back("channel.chat")
    assert (key, value) == (b"key of source", b"source")
    assert headers == dict((*OWN, ("line", b"8"), (PUT_BACK, f"channel.chat/0/{offset}".encode())))


@pytest.mark.asyncio
async def test_what_is_gone_cut_or_from_elsewhere_is_named(floor: Floor) -> None:
    offset = await floor.write("channel.chat", b"source", OWN)
    await floor.write("channel.chat", b"another", OWN)
    await floor.forget("channel.chat", offset + 1)
    gone = await floor.fail(b"{}", Origin("channel.chat", 0, offset), stage="rule")
    beyond = await floor.fail(b"{}", Origin("channel.chat", 1, 99), stage="rule")
    cut = await floor.fail(b"head", Origin("channel.chat", 0, 7), *OWN, (REFUSED, b"too long"))
    foreign = await floor.fail(b"?", Origin(f"{floor.namespace}.contacts.events", 0, 7), stage="rule")
    assert await floor.put_back() == PutBack(gone=[gone, beyond], cut=[cut], foreign=[foreign])


@pytest.mark.asyncio
async def test_one_record_is_found_by_its_id_or_not_there(floor: Floor) -> None:
    await floor.fail(b"one", Origin("channel.chat", 0, 5))
    await floor.fail(b"two", Origin("channel.chat", 0, 6))
    async with committed_reader(floor.bootstrap) as reader:
        found = await failure(reader, floor.namespace, 0, 1)
        assert found is not None
        assert (found.value, found.place, found.id) == (b"two", Place("channel.chat", 0, 6), "0-1")
        assert await failure(reader, floor.namespace, 0, 2) is None
        assert await failure(reader, floor.namespace, 9, 0) is None
        with pytest.raises(NoFailures, match=r"there is no topic nowhere\.contacts\.failed"):
            await failure(reader, "nowhere", 0, 0)
