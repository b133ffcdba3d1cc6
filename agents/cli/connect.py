"""`floorwalker connect`: the connectors of the settings' sources and feeds."""

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import Annotated, Any

import typer

from agents.cli.console import quieten_kafka
from agents.cli.options import Bootstrap, Config, Namespace
from agents.intake.formats import FORMATS, understood
from agents.pipeline import NoBroker
from streams.connectors.feed import Feed, Inlet
from streams.connectors.feed_settings import terms_of
from streams.connectors.feeds import kinds
from streams.connectors.keeping import Keeper
from streams.connectors.link import Link
from streams.connectors.tail import Tail
from streams.ending import end
from streams.health import Health
from streams.logs import set_up_logs
from streams.settings import Settings, load_settings


def connect(
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    port: Annotated[int | None, typer.Option(help="Port of /healthz, /readyz and /metrics; 0: any.")] = None,
) -> None:
    """Follow the file of every source and keep up every feed in the settings. Ctrl-C ends it; it goes on where it
    was."""
    said = {"bootstrap": bootstrap, "namespace": namespace}
    told: dict[str, Any] = {"service": {name: value for name, value in said.items() if value is not None}}
    if port is not None:
        told["connect"] = {"port": port}
    settings = load_settings(config, **told)
    if not settings.service.bootstrap:
        raise NoBroker("connectors need a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    if not settings.sources and not settings.feeds:
        raise typer.BadParameter(
            "the settings name no source: add a [[sources]] table with name, format and path, or a [[feeds]] table"
        )
    set_up_logs()
    quieten_kafka()
    asyncio.run(_connect(settings, settings.service.bootstrap))


async def _connect(settings: Settings, bootstrap: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    tails = _tails(settings, bootstrap)
    async with AsyncExitStack() as stack:
        feeds, keeping = await _feeds(settings, bootstrap, stack)
        health = Health(settings.connect.port, lambda: _unready(tails, feeds))
        await health.start()
        stack.push_async_callback(health.stop)
        runs = (*(tail.run() for tail in tails), *(feed.run() for feed in feeds), *(each.run() for each in keeping))
        running = [asyncio.create_task(run) for run in runs]
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                # None of them ends by itself.
                task.result()
        finally:
            for tail in tails:
                tail.stop()
            await end(stopping, *running[len(tails) :])
            await asyncio.gather(*running[: len(tails)], return_exceptions=True)


def _tails(settings: Settings, bootstrap: str) -> list[Tail]:
    folder = settings.service.data_folder / "cursors"
    folder.mkdir(parents=True, exist_ok=True)
    return [
        Tail(
            bootstrap=bootstrap,
            namespace=settings.service.namespace,
            path=source.path,
            format=FORMATS[source.format],
            source=source.name,
            cursor=folder / f"{source.name}.json",
        )
        for source in settings.sources
    ]


async def _feeds(settings: Settings, bootstrap: str, stack: AsyncExitStack) -> tuple[list[Feed], list[Keeper]]:
    if not settings.feeds:
        return [], []
    service = settings.service
    found = terms_of(settings.feeds, kinds(), service.data_folder / "feeds")
    keeper = Keeper(
        Link(bootstrap, service.namespace), service.data_folder / "spool", [terms.source for _, terms in found]
    )
    await keeper.open()
    stack.push_async_callback(keeper.close)
    feeds = []
    for kind, terms in found:
        terms.folder.mkdir(parents=True, exist_ok=True)
        inlet = Inlet(kind.name, terms.source, understood()[kind.format], keeper, comes_again=kind.comes_again)
        feeds.append(kind.make(terms, inlet))
    return feeds, [keeper]


def _unready(tails: list[Tail], feeds: list[Feed]) -> list[str]:
    waiting = [f"{tail.path}: {tail.counts.error}" for tail in tails if tail.counts.error]
    return waiting + [trouble for feed in feeds for trouble in feed.troubles]
