"""The limit of a restore: `python -m tests.benchmarks.restore_bare BOOTSTRAP TOPIC`.

aiokafka's getmany over one partition, committed records only, every key and state decoded, nothing kept. Prints the
run as a JSON line.
"""

import asyncio
import sys

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.customers.memory import Customer
from tests.benchmarks.runs import Run, Stopwatch

_PREFIX = b"u"


async def read(bootstrap: str, topic: str) -> Run:
    """Read it once."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=8 * 1024 * 1024,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    decode = msgspec.msgpack.Decoder(Customer).decode
    count = 0
    try:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        await consumer.seek_to_beginning(tp)
        watch = Stopwatch()
        while await consumer.position(tp) < end:
            for records in (await consumer.getmany(timeout_ms=500, max_records=20_000)).values():
                for record in records:
                    if record.key[:1] == _PREFIX and record.value is not None:
                        record.key[1:].decode()
                        decode(record.value[1:])
                count += len(records)
        return watch.stop(count)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(read(sys.argv[1], sys.argv[2]))).decode())
