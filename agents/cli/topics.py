"""`floorwalker topics`: what they are, and creating them."""

import asyncio
import json
from typing import Annotated

import typer
from rich.table import Table

from agents.cli.console import err, out, quieten_kafka
from agents.cli.options import Bootstrap, Config, Json, Namespace, Partitions, settings_of
from agents.pipeline import NoBroker
from schemas.topics import prefix_of
from streams.topics import all_topics, ensure_topics, partition_counts
from streams.topics import settings_of as topic_settings


def topics(
    create: Annotated[bool, typer.Option("--create", help="Create what is missing and check the rest.")] = False,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    partitions: Partitions = None,
    as_json: Json = False,
) -> None:
    """List the topics of an installation: key, partitions, cleanup, what they hold, how personal it is."""
    service = settings_of(config, bootstrap=bootstrap, namespace=namespace, partitions=partitions).service
    if create:
        if not service.bootstrap:
            raise NoBroker("--create needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
        quieten_kafka()
        asyncio.run(ensure_topics(service.bootstrap, service.namespace, service.partitions))
        err.print("topics are there")
    counts = partition_counts(service.partitions)
    prefix = prefix_of(service.namespace)
    rows = [
        {
            "topic": prefix + topic.name,
            "key": topic.key,
            "partitions": counts[topic.name],
            "settings": topic_settings(topic, 1),
            "holds": topic.holds,
            "personal_data": topic.personal,
            "public": topic.public,
        }
        for topic in all_topics()
    ]
    if as_json:
        out.print_json(json.dumps(rows))
        return
    table = Table("topic", "key", "N", "cleanup", "holds", "personal data")
    for row, topic in zip(rows, all_topics(), strict=True):
        kept = f" {topic.retention_days} d" if topic.retention_days and "delete" in topic.cleanup else ""
        table.add_row(
            str(row["topic"]), topic.key, str(row["partitions"]), topic.cleanup + kept, topic.holds, topic.personal
        )
    out.print(table)
