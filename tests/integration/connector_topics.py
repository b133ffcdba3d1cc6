"""The connectors' topics, for tests: made in a namespace, and read back whole."""

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.topics import CHANNEL_TOPICS, CONTACTS_FAILED

PARTITIONS = 2


async def make_topics(bootstrap: str, namespace: str) -> None:
    """The channel topics and contacts.failed, of PARTITIONS partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [
                NewTopic(f"{namespace}.{topic.name}", PARTITIONS, 1, topic_configs=topic.config)
                for topic in (*CHANNEL_TOPICS, CONTACTS_FAILED)
            ]
        )
    finally:
        await admin.close()


async def everything(bootstrap: str, name: str) -> list[list[ConsumerRecord]]:
    """All records of a topic, by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[list[ConsumerRecord]] = [[] for _ in partitions]
        while any(len(found[each.partition]) < ends[each] for each in partitions):
            for each, records in (await consumer.getmany(timeout_ms=1_000)).items():
                found[each.partition] += records
        return found
    finally:
        await consumer.stop()
