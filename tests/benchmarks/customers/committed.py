"""When a contestant that commits in transactions is through: what its group has committed, asked from outside."""

import time
from collections.abc import Callable

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.benchmarks.customers.event import INPUT
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch

POLL = 0.1
_PATIENCE = 30.0


def watched(job: Job, group: str, watch: Stopwatch, sleep: Callable[[float], None] = time.sleep) -> Run:
    """The run, when all is committed or the job's seconds are over: only what is committed counts."""
    admin = AdminClient({"bootstrap.servers": job.bootstrap})
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(f"{job.namespace}.{INPUT}", 0)])
    while True:
        answer = admin.list_consumer_group_offsets([asked], request_timeout=_PATIENCE)[group].result(_PATIENCE)
        offset = max(0, answer.topic_partitions[0].offset)
        if offset >= job.end or watch.seconds >= job.seconds:
            return watch.stop(offset)
        sleep(POLL)
