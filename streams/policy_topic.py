"""The topic policies: what stands there, and the one who writes to it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer

from schemas.policies import AnyPolicyRecord, CalendarTerms, PolicyRecord, SlaPolicy, decode_policy, encode_policy
from schemas.topics import POLICIES, prefix_of
from schemas.unreadable import UNREADABLE
from streams.connectors.publisher import TopicMissing
from streams.processor import Record
from streams.reader import committed_reader, from_the_start, read_to_the_end


class Published:
    """Every version of every policy and calendar on the topic, ascending, by id. `unreadable`: keys of records that
    could not be understood."""

    def __init__(self) -> None:
        self.policies: dict[str, tuple[SlaPolicy, ...]] = {}
        self.calendars: dict[str, tuple[CalendarTerms, ...]] = {}
        self.unreadable: set[str] = set()

    def take(self, key: bytes, value: bytes | None) -> None:
        """Take a record of the topic, or (None) that there is none any more. Raises what UNREADABLE lists."""
        name = key.decode(errors="replace")
        kind, _, id_ = name.partition(":")
        try:
            if value is None:
                (self.policies if kind == "policy" else self.calendars).pop(id_, None)
            else:
                self._keep(decode_policy(value))
            self.unreadable.discard(name)
        except UNREADABLE:
            self.unreadable.add(name)
            raise

    def _keep(self, record: AnyPolicyRecord) -> None:
        if isinstance(record, PolicyRecord):
            self.policies[record.id] = tuple(sorted(record.versions, key=lambda each: each.version))
        else:
            self.calendars[record.id] = tuple(sorted(record.versions, key=lambda each: each.version))


def key_of(record: AnyPolicyRecord) -> bytes:
    """The key of a record: its kind and id."""
    return f"{'policy' if isinstance(record, PolicyRecord) else 'calendar'}:{record.id}".encode()


async def read_published(bootstrap: str, namespace: str) -> Published:
    """What stands on the topic now. Raises TopicMissing, KafkaError."""
    published, topic = Published(), prefix_of(namespace) + POLICIES.name

    def take(record: Record) -> None:
        if record.key is not None:
            try:
                published.take(record.key, record.value)
            except UNREADABLE:
                return

    async with committed_reader(bootstrap) as reader:
        if topic not in await reader.topics():
            raise TopicMissing(f"there is no topic {topic} at {bootstrap}: `floorwalker topics --create` makes it")
        await from_the_start(reader, [topic])
        await read_to_the_end(reader, take)
    return published


class Press:
    """Writes records of the topic, all of them or none."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def write(self, records: Iterable[AnyPolicyRecord]) -> None:
        """Write them. Raises KafkaError: ProducerFenced where somebody else has begun to write since."""
        async with self._producer.transaction():
            for record in records:
                await self._producer.send_and_wait(self._topic, encode_policy(record), key=key_of(record))


@asynccontextmanager
async def only_writer(bootstrap: str, namespace: str) -> AsyncIterator[Press]:
    """The right to write: whoever had it before can write no more, so nobody undoes what they have not read."""
    topic = prefix_of(namespace) + POLICIES.name
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", transactional_id=f"{topic}-writer")
    try:
        await producer.start()
        yield Press(producer, topic)
    finally:
        await producer.stop()
