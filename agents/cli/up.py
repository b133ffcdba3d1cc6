"""`floorwalker up`: everything on this machine, on a Kafka of its own or on yours."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from agents.children import Child
from agents.cli.console import FAILED, err
from agents.cli.options import Bootstrap, Config, Namespace, Partitions, settings_of
from streams.kafka import EmbeddedKafka
from streams.settings import Settings
from streams.topics import ensure_topics


def up(
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    partitions: Partitions = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    port: Annotated[int | None, typer.Option(help="Port of the first worker; the next ones follow.")] = None,
) -> None:
    """Start Kafka (unless yours is named), the workers and the connectors of the settings. Ctrl-C stops all of it."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace, partitions=partitions, port=port)
    raise typer.Exit(asyncio.run(_up(settings, config, workers)))


async def _up(settings: Settings, config: Path | None, workers: int) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    folder = settings.service.data_folder
    folder.mkdir(parents=True, exist_ok=True)
    kafka = None
    bootstrap = settings.service.bootstrap
    children: list[Child] = []
    try:
        if bootstrap is None:
            began = time.monotonic()
            err.print("starting Kafka (the first time, its program files are downloaded) ...")
            kafka = EmbeddedKafka(folder / "kafka", notify=err.print)
            await asyncio.to_thread(kafka.start)
            bootstrap = kafka.bootstrap
            err.print(
                f"Kafka is up at {bootstrap} after {time.monotonic() - began:.1f} s; its data is in {folder}/kafka"
            )
        await ensure_topics(bootstrap, settings.service.namespace, settings.service.partitions)
        children = _children(settings, config, workers, bootstrap, folder)
        for child in children:
            await child.start()
        port = settings.service.port
        err.print(f"{workers} worker(s), {len(settings.sources)} source(s); logs in {folder}; Ctrl-C stops all of it")
        if port:
            err.print(f"numbers of the first worker: http://127.0.0.1:{port}/metrics, ready: /readyz")
        return await _watch(children, stop)
    finally:
        # Connectors first: what they have sent is still worked out.
        for child in reversed(children):
            await child.stop()
        if kafka is not None:
            await asyncio.to_thread(kafka.stop)
        err.print("all stopped")


def _children(settings: Settings, config: Path | None, workers: int, bootstrap: str, folder: Path) -> list[Child]:
    service = settings.service
    shared = [
        *("--bootstrap", bootstrap, "--namespace", service.namespace),
        *(("--config", str(config)) if config else ()),
    ]
    environment = {"FLOORWALKER_SERVICE__CUSTOMER_NAMESPACE": str(settings.customer_namespace())}
    partitions = ["--partitions", str(service.partitions)]
    children = []
    for number in range(workers):
        port = ["--port", str(service.port + number if service.port else 0)]
        log = folder / f"worker-{number}.log"
        children.append(Child(f"worker-{number}", ["worker", *shared, *partitions, *port], environment, log))
    if settings.sources:
        children.append(Child("connect", ["connect", *shared], environment, folder / "connect.log"))
    return children


async def _watch(children: list[Child], stop: asyncio.Event) -> int:
    """Wait for the signal to stop (0) or for a child that ends by itself (1)."""
    stopping = asyncio.create_task(stop.wait())
    ends = {asyncio.create_task(child.wait()): child for child in children}
    done, waiting = await asyncio.wait({stopping, *ends}, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if stopping in done:
        err.print(f"{os.linesep}stopping ...")
        return 0
    for task in done:
        child = ends[task]
        err.print(f"[bold red]{child.name} ended by itself:[/] {child.last_words()}", highlight=False)
    return FAILED
