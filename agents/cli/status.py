"""`floorwalker status`: how far the pipeline has got."""

import asyncio
import json
import time
from typing import Any

import msgspec
from rich.table import Table

from agents.cli.console import NotFound, err, out, quieten_kafka
from agents.cli.options import Bootstrap, Config, Json, Namespace, settings_of
from agents.collect import Collected
from agents.pipeline import NoBroker
from schemas.instants import to_ms
from schemas.topics import METRICS_LIVE, prefix_of
from streams.reader import committed_reader, from_the_start, read_to_the_end
from streams.settings import Settings


def status(
    config: Config = None, bootstrap: Bootstrap = None, namespace: Namespace = None, as_json: Json = False
) -> None:
    """Show every task's watermark, what became of the source records, and the floor's numbers."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    quieten_kafka()
    collected = asyncio.run(_read(settings))
    pipeline = collected.pipeline
    if pipeline is None:
        raise NotFound("metrics.live holds nothing yet: is a worker running in this namespace?")
    if as_json:
        floor = collected.floor()
        report: dict[str, Any] = {
            "pipeline": msgspec.to_builtins(pipeline),
            "floor": msgspec.to_builtins(floor) if floor else None,
        }
        out.print_json(json.dumps(report))
        return
    now = int(time.time() * 1000)
    table = Table("task", "watermark", "age")
    for name, mark in sorted(pipeline.tasks.items()):
        age = f"{(now - to_ms(mark.watermark)) / 1000:,.1f} s" if settings.service.clock == "wall" else ""
        table.add_row(name, f"{mark.watermark:%Y-%m-%d %H:%M:%S}Z{' ended' if mark.ended else ''}", age)
    out.print(table)
    out.print(" ".join(f"{name}={count:,}" for name, count in collected.counts().items()), highlight=False)
    floor = collected.floor()
    if floor is None:
        err.print("no contact was offered yet")
        return
    for name in ("contacts_in_queue", "oldest_waiting", "contacts_offered", "contacts_answered", "contacts_abandoned"):
        metric = floor.metrics.get(name)
        if metric is not None:
            out.print(f"{name}: {'–' if metric.value is None else f'{metric.value:,.0f}'}", highlight=False)


async def _read(settings: Settings) -> Collected:
    service = settings.service
    if not service.bootstrap:
        raise NoBroker("status needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    topic = prefix_of(service.namespace) + METRICS_LIVE.name
    collected = Collected()
    async with committed_reader(service.bootstrap) as reader:
        if topic not in await reader.topics():
            raise NotFound(f"there is no topic {topic} at {service.bootstrap}: has a worker run in this namespace?")
        await from_the_start(reader, [topic])
        await read_to_the_end(reader, collected.take)
    return collected
