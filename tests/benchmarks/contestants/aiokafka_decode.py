"""The limit: aiokafka hands out lists of records, and every envelope is decoded. No rules, no state, no outputs."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.envelopes import decode_envelope, decode_mark
from schemas.topics import CONTACTS_EVENTS
from streams.engine.app import FETCH_BYTES, MAX_POLL_RECORDS
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch


async def measured(job: Job) -> Run:
    """One run over the whole topic, with the engine's sizes of fetches and polls."""
    tp = TopicPartition(f"{job.namespace}.{CONTACTS_EVENTS.name}", 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=job.bootstrap,
        group_id=None,
        isolation_level="read_committed",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES,
    )
    await consumer.start()
    try:
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        watch = Stopwatch()
        reached = 0
        while reached < job.end:
            for records in (await consumer.getmany(timeout_ms=500, max_records=MAX_POLL_RECORDS)).values():
                for record in records:
                    if record.key is None:
                        decode_mark(record.value)
                    else:
                        decode_envelope(record.value)
                reached = records[-1].offset + 1
        return watch.stop(job.events)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    job = Job.told()
    job.done(asyncio.run(measured(job)))
