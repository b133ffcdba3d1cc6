"""The limit: aiokafka hands out lists of records, and every event is decoded. No state, no outputs."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.engine.app import FETCH_BYTES, MAX_POLL_RECORDS
from tests.benchmarks.customers.event import INPUT, decode
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch


async def measured(job: Job) -> Run:
    """One run over the whole topic, with the engine's sizes of fetches and polls."""
    tp = TopicPartition(f"{job.namespace}.{INPUT}", 0)
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
        events = 0
        while events < job.events and watch.seconds < job.seconds:
            for records in (await consumer.getmany(timeout_ms=500, max_records=MAX_POLL_RECORDS)).values():
                for record in records:
                    decode(record.value)
                events += len(records)
        return watch.stop(events)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    job = Job.told()
    job.done(asyncio.run(measured(job)))
