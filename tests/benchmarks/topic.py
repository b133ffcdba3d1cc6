"""The topic that all contestants read: contacts.events of a floor, in one partition."""

import asyncio
from collections.abc import Callable
from itertools import islice

from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AdminClient

from schemas.envelopes import Mark
from schemas.envelopes import encode as encode_record
from schemas.instants import SECOND
from schemas.topics import AGENTS_EVENTS, CONTACTS_EVENTS
from streams.topics import all_topics, ensure_topics
from tests.benchmarks.floor import floor
from tests.benchmarks.payloads import understood

INTAKE_TASK = "intake-0"
BATCH_BYTES = 512 * 1024
CHUNK = 20_000
PATIENCE = 30.0
_INPUTS = (CONTACTS_EVENTS.name, AGENTS_EVENTS.name)

_Record = tuple[bytes | None, bytes | None]


async def write_topic(bootstrap: str, namespace: str, events: int, progress: Callable[[int], None]) -> int:
    """Write so many events of the floor to contacts.events, each in its envelope, and a watermark for each of their
    seconds, to agents.events too, as intake does. Returns the end offset of contacts.events."""
    await ensure_topics(bootstrap, namespace, partitions=1)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=BATCH_BYTES, acks=1)
    await producer.start()
    try:
        records: list[_Record] = []
        marks: list[_Record] = []
        marked = end = 0
        for count, (time, output) in enumerate(islice(understood(floor()), events), 1):
            if time >= marked + SECOND:
                marked = time
                # Something may still come with the same second.
                marks.append((None, encode_record(Mark(task=INTAKE_TASK, time=time - 1))))
                records.append(marks[-1])
            records.append((output.key, output.value))
            if len(records) >= CHUNK or count == events:
                await _send(producer, f"{namespace}.{CONTACTS_EVENTS.name}", records)
                await _send(producer, f"{namespace}.{AGENTS_EVENTS.name}", marks)
                end += len(records)
                records, marks = [], []
                progress(count)
    finally:
        await producer.stop()
    return end


async def _send(producer: AIOKafkaProducer, topic: str, records: list[_Record]) -> None:
    sent: list[asyncio.Future[object]] = []
    batch = producer.create_batch()
    for key, value in records:
        if batch.append(timestamp=None, key=key, value=value) is None:
            sent.append(await producer.send_batch(batch, topic, partition=0))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=value)
    if batch.record_count():
        sent.append(await producer.send_batch(batch, topic, partition=0))
    await asyncio.gather(*sent)


async def forget_runs(bootstrap: str, namespace: str) -> None:
    """Make every topic but the two inputs anew, and forget all groups: the next run begins with nothing."""
    await asyncio.to_thread(_forget, bootstrap, namespace)
    async with asyncio.timeout(PATIENCE):
        await ensure_topics(bootstrap, namespace, partitions=1)


def _forget(bootstrap: str, namespace: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 4})
    there = admin.list_topics(timeout=PATIENCE).topics
    unwanted = [name for topic in all_topics() if (name := f"{namespace}.{topic.name}") in there]
    unwanted = [name for name in unwanted if name.removeprefix(f"{namespace}.") not in _INPUTS]
    if unwanted:
        for done in admin.delete_topics(unwanted).values():
            done.result(PATIENCE)
    groups = [each.group_id for each in admin.list_consumer_groups().result(PATIENCE).valid]
    if groups:
        for done in admin.delete_consumer_groups(groups).values():
            done.result(PATIENCE)
