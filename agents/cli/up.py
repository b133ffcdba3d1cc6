"""`floorwalker up`: everything on this machine, on a Kafka of its own or on yours."""

import asyncio
from contextlib import AsyncExitStack
from itertools import count, islice
from pathlib import Path
from typing import Annotated

import typer

from agents.children import Child
from agents.cli.console import FAILED, err
from agents.cli.machine import Stopped, kafka_of_ones_own, refuse_taken, stop_on_signals, unless
from agents.cli.options import Bootstrap, Config, Namespace, Partitions, settings_of
from agents.supervisor import Supervisor
from streams.settings import Settings
from streams.topics import ensure_topics

CHILDREN_STOP = 15.0
"""Seconds that workers and outlets get to finish what they have taken."""


def up(
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    partitions: Partitions = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    port: Annotated[
        int | None, typer.Option(help="Port of the first worker; the next ones that no other part has follow.")
    ] = None,
) -> None:
    """Start Kafka (unless yours is named), workers, wallboard, notifier and connectors. Ctrl-C stops all of it."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace, partitions=partitions, port=port)
    refuse_taken(settings.gateway.port, "gateway.port")
    raise typer.Exit(asyncio.run(_up(settings, config, workers)))


async def _up(settings: Settings, config: Path | None, workers: int) -> int:
    stop = stop_on_signals()
    service = settings.service
    service.data_folder.mkdir(parents=True, exist_ok=True)
    try:
        async with AsyncExitStack() as stack:
            bootstrap = service.bootstrap
            if bootstrap is None:
                bootstrap = await stack.enter_async_context(kafka_of_ones_own(service.data_folder / "kafka", stop))
            await unless(stop, ensure_topics(bootstrap, service.namespace, service.partitions))
            supervisor = Supervisor(installation(settings, config, workers, bootstrap), tell)
            stack.push_async_callback(supervisor.stop, CHILDREN_STOP)
            await supervisor.start()
            _say_what_runs(settings, workers)
            await unless(stop, supervisor.run())
            return FAILED
    except Stopped:
        return 0
    finally:
        err.print("all stopped")


def tell(words: str) -> None:
    """Say what happened to a child, and that all are being stopped."""
    err.print(words, highlight=False, markup=False)


def _say_what_runs(settings: Settings, workers: int) -> None:
    folder, port, gateway = settings.service.data_folder, settings.service.port, settings.gateway
    sources = len(list(settings.names_of_sources()))
    err.print(f"{workers} worker(s), {sources} source(s); logs in {folder}; Ctrl-C stops all of it")
    if gateway.port:
        err.print(f"wallboard: http://127.0.0.1:{gateway.port}")
    else:
        err.print(f"wallboard: {folder / 'gateway.log'} says on which port")
    if port:
        err.print(f"numbers of the first worker: http://127.0.0.1:{port}/metrics, ready: /readyz")


def installation(settings: Settings, config: Path | None, workers: int, bootstrap: str) -> list[list[Child]]:
    """The processes of an installation, in groups that are started one after the other."""
    service = settings.service
    folder = service.data_folder
    shared = [
        *("--bootstrap", bootstrap, "--namespace", service.namespace),
        *(("--config", str(config)) if config else ()),
    ]
    environment = {"FLOORWALKER_SERVICE__CUSTOMER_NAMESPACE": str(settings.customer_namespace())}

    def child(name: str, command: str, *arguments: str) -> Child:
        return Child(name, [command, *shared, *arguments], environment, folder / f"{name}.log")

    partitions = ("--partitions", str(service.partitions))
    outlets = [child("gateway", "gateway")]
    if settings.receivers:
        outlets.append(child("notifier", "notifier"))
    if settings.sources or settings.feeds:
        # Ends with the outlets, before the workers: what it has sent is still worked out.
        outlets.append(child("connect", "connect"))
    ports = enumerate(worker_ports(settings, workers))
    return [[child(f"worker-{number}", "worker", *partitions, "--port", str(port)) for number, port in ports], outlets]


def worker_ports(settings: Settings, workers: int) -> list[int]:
    """The ports of the workers: `service.port` and the next ones that no other part has; 0, any, where that is 0."""
    first = settings.service.port
    if not first:
        return [0] * workers
    others = {settings.gateway.port, settings.notifier.port, settings.connect.port} - {first}
    return list(islice((port for port in count(first) if port not in others), workers))
