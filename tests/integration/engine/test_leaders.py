"""Who may say that nothing more stands in a partition: its leader, and nobody who led it before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NotLeaderForPartitionError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetResetStrategy

from streams.engine.ends import LEADERS_ONLY
from streams.kafka import EmbeddedKafka

TP = TopicPartition("calls", 0)


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("leaders")
    with EmbeddedKafka(folder, brokers=3) as kafka:
        yield kafka.bootstrap


@pytest.mark.asyncio
async def test_a_follower_answers_a_plain_fetch_but_neither_ours_nor_where_the_partition_ends(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TP.topic, 1, 3)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    await producer.send_and_wait(TP.topic, b"one", partition=0)
    await producer.stop()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", fetch_max_wait_ms=50)
    await consumer.start()
    try:
        consumer.assign([TP])
        await consumer.end_offsets([TP])
        client = consumer._client
        leader = client.cluster.leader_for_partition(TP)
        follower = next(each.nodeId for each in client.cluster.brokers() if each.nodeId != leader)

        async def fetched(node: int, *, leaders_only: bool) -> int:
            request: Any = FetchRequest(50, 1, 1_000_000, 1, [(TP.topic, [(0, 1, 1_000_000)])])
            if leaders_only:
                request._CLASSES = LEADERS_ONLY
            response = await client.send(node, request)
            error: int = response.topics[0][1][0][1]
            return error

        assert await fetched(leader, leaders_only=True) == 0
        assert await fetched(follower, leaders_only=False) == 0
        assert await fetched(follower, leaders_only=True) == NotLeaderForPartitionError.errno
        question = {TP.topic: [(0, OffsetResetStrategy.LATEST)]}
        assert (await consumer._fetcher._proc_offset_request(leader, question))[TP][0] == 1
        with pytest.raises(NotLeaderForPartitionError):
            await consumer._fetcher._proc_offset_request(follower, question)
    finally:
        await consumer.stop()
