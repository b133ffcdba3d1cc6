"""Creating the topics and checking those that are there."""

import asyncio
from collections.abc import Iterable, Mapping

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.protocol.offset import OffsetRequest, OffsetResetStrategy

from schemas.topics import COMPACTED, METRICS_LIVE, TOPICS, Topic, changelog, prefix_of

STAGES: Mapping[str, bool] = {
    "intake": True,
    "contacts": True,
    "registry": False,
    "customers": True,
    "profiles": True,
    "metrics": False,
    "alerts": False,
}
"""The stages of the pipeline, and whether each is partitioned."""

SERVED_TIMEOUT = 30.0


class TopicMismatch(Exception):
    """Topics that are there differ from what this installation needs."""


class TopicsUnserved(Exception):
    """Partitions have no broker that serves them, and none has come."""


def all_topics(stages: Mapping[str, bool] = STAGES) -> tuple[Topic, ...]:
    """Every topic of an installation, changelogs included."""
    return (*TOPICS, *(changelog(stage, partitioned=partitioned) for stage, partitioned in stages.items()))


def partition_counts(partitions: int, topics: Iterable[Topic] | None = None) -> dict[str, int]:
    """Number of partitions of each topic, by name without namespace, where the partitioned ones have so many."""
    chosen = all_topics() if topics is None else topics
    return {topic.name: partitions if topic.partitioned else 1 for topic in chosen}


def settings_of(topic: Topic, brokers: int) -> dict[str, str]:
    """Topic-level settings on a cluster of so many brokers."""
    settings = dict(topic.config)
    if "compact" in topic.cleanup:
        # The cleaner takes only segments that are closed: with Kafka's 1 GiB and 7 days, a reader has to get through
        # every state that a key ever had.
        settings.update(COMPACTED)
    if topic.name.startswith("channel."):
        # How far intake has read is told in the time at which records were appended.
        settings["message.timestamp.type"] = "LogAppendTime"
    if topic.name == METRICS_LIVE.name:
        # A few kilobytes a window and second that differ in a few numbers. gzip is what every client can read.
        settings["compression.type"] = "gzip"
    if brokers >= 3:
        settings["min.insync.replicas"] = "2"
    return settings


async def ensure_topics(
    bootstrap: str, namespace: str, partitions: int, topics: Iterable[Topic] | None = None
) -> dict[str, int]:
    """Create what is missing, check the rest, and return the partition counts by name without namespace.

    Returns when a broker serves every partition: the metadata names leaders that do not know it yet. Raises
    TopicsUnserved where none does after 30 s, KafkaError where Kafka is away, and TopicMismatch where a topic has
    another number of partitions: it is fixed at creation, since the state of a partition stays where its keys were
    first sent.
    """
    wanted = tuple(all_topics() if topics is None else topics)
    counts = partition_counts(partitions, wanted)
    prefix = prefix_of(namespace)
    names = [prefix + topic.name for topic in wanted]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        brokers = len((await admin.describe_cluster())["brokers"])
        there = await _partitions(admin, names)
        missing = [topic for topic in wanted if prefix + topic.name not in there]
        if missing:
            replication = min(3, brokers)
            await _create(
                admin,
                [
                    NewTopic(
                        prefix + topic.name,
                        counts[topic.name],
                        replication,
                        topic_configs=settings_of(topic, brokers),
                    )
                    for topic in missing
                ],
            )
        there = await _wait_until_served(admin, names)
    finally:
        await admin.close()
    wrong = {name: there[prefix + name] for name, count in counts.items() if there[prefix + name] != count}
    if wrong:
        listed = ", ".join(f"{name} has {count}, needed {counts[name]}" for name, count in sorted(wrong.items()))
        raise TopicMismatch(
            f"the number of partitions differs from `service.partitions = {partitions}`: {listed}. It is fixed at "
            "creation: set service.partitions to what is there, or use another namespace"
        )
    return counts


async def _create(admin: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    response = await admin.create_topics(topics)
    for name, code, *rest in response.topic_errors:
        error = for_code(code)
        if code == 0 or error is TopicAlreadyExistsError:
            continue
        words = f"topic {name} can't be created: {error.__name__} {rest[0] if rest else ''}"
        raise error(words) if error.retriable else TopicMismatch(words)


async def _partitions(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """How many partitions each topic has, of those that are there."""
    described = await admin.describe_topics(names)
    return {each["topic"]: len(each["partitions"]) for each in described if each["error_code"] == 0}


async def _wait_until_served(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    unserved = set(names)
    try:
        async with asyncio.timeout(SERVED_TIMEOUT):
            while True:
                unserved = await _unserved(admin, names)
                if not unserved:
                    return await _partitions(admin, names)
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise TopicsUnserved(
            f"no broker serves all partitions of {', '.join(sorted(unserved))} after {SERVED_TIMEOUT:.0f} s: are all "
            "brokers up?"
        ) from None


async def _unserved(admin: AIOKafkaAdminClient, names: list[str]) -> set[str]:
    """The topics with a partition whose leader does not answer for it."""
    unserved = set(names)
    by_leader: dict[int, dict[str, list[tuple[int, int]]]] = {}
    for each in await admin.describe_topics(names):
        leaders = {part["partition"]: part["leader"] for part in each["partitions"]}
        if each["error_code"] == 0 and min(leaders.values()) >= 0:
            unserved.discard(each["topic"])
            for partition, leader in leaders.items():
                asked = by_leader.setdefault(leader, {}).setdefault(each["topic"], [])
                asked.append((partition, OffsetResetStrategy.LATEST))
    for leader, topics in by_leader.items():
        # The least that only a leader answers.
        response = await admin._send_request_to_node(leader, OffsetRequest(-1, 0, list(topics.items())))
        for topic, partitions in response.topics:
            # What never passes (no right to read, say) is for who reads there to say.
            if any(code and for_code(code).retriable for _, code, *_ in partitions):
                unserved.add(topic)
    return unserved
