"""The limit with the other client: confluent-kafka hands out lists of records, and every event is decoded.

Fetch sizes are those of the engine; a list as large as librdkafka will give (its queue holds 100,000 by default).
"""

from confluent_kafka import Consumer, TopicPartition

from tests.benchmarks.customers.event import INPUT, decode
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch

LIST = 10_000
FETCH_BYTES = 4 * 1024 * 1024


def measured(job: Job) -> Run:
    """One run over the whole topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": job.bootstrap,
            "group.id": f"{job.namespace}.confluent_decode",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "max.partition.fetch.bytes": FETCH_BYTES,
            "queued.min.messages": 100_000,
            "queued.max.messages.kbytes": 64 * 1024,
        }
    )
    consumer.assign([TopicPartition(f"{job.namespace}.{INPUT}", 0, 0)])
    watch = Stopwatch()
    events = 0
    try:
        while events < job.events and watch.seconds < job.seconds:
            for message in consumer.consume(LIST, 0.5):
                decode(message.value() or b"")
                events += 1
        return watch.stop(events)
    finally:
        consumer.close()


if __name__ == "__main__":
    job = Job.told()
    job.done(measured(job))
