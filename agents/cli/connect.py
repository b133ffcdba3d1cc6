"""`floorwalker connect`: the connectors of the settings' sources."""

import asyncio
import signal

import typer

from agents.cli.options import Bootstrap, Config, Namespace, settings_of
from agents.intake.formats import FORMATS
from agents.pipeline import NoBroker
from streams.connectors.tail import Tail
from streams.logs import set_up_logs
from streams.settings import Settings


def connect(config: Config = None, bootstrap: Bootstrap = None, namespace: Namespace = None) -> None:
    """Follow the file of every source in the settings and send what is new. Ctrl-C ends it; it goes on where it was."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    if not settings.service.bootstrap:
        raise NoBroker("connectors need a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    if not settings.sources:
        raise typer.BadParameter("the settings name no source: add a [[sources]] table with name, format and path")
    set_up_logs()
    asyncio.run(_connect(settings))


async def _connect(settings: Settings) -> None:
    service = settings.service
    folder = service.data_folder / "cursors"
    folder.mkdir(parents=True, exist_ok=True)
    tails = [
        Tail(
            bootstrap=service.bootstrap or "",
            namespace=service.namespace,
            path=source.path,
            format=FORMATS[source.format],
            source=source.name,
            cursor=folder / f"{source.name}.json",
        )
        for source in settings.sources
    ]

    def stop() -> None:
        for each in tails:
            each.stop()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop)
    running = [asyncio.create_task(each.run()) for each in tails]
    try:
        await asyncio.gather(*running)
    finally:
        stop()
        await asyncio.gather(*running, return_exceptions=True)
