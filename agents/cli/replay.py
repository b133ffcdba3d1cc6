"""`floorwalker replay`: files into a running installation that lives in event time."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agents.cli.console import err, quieten_kafka
from agents.cli.options import Bootstrap, Config, Format, Namespace, check_input, settings_of
from agents.intake.formats import FORMATS
from agents.pipeline import NoBroker
from streams.connectors.replay import Replayed
from streams.connectors.replay import replay as send
from streams.settings import Settings


def replay(
    files: Annotated[list[Path], typer.Argument(help="Files to send, in this order.")],
    format_: Format,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    source: Annotated[str | None, typer.Option(help="Name of the source; default the format's.")] = None,
    tz: Annotated[str | None, typer.Option(help="Zone of local times in the files.")] = None,
    date: Annotated[str | None, typer.Option(help="Day of files without dates, YYYY-MM-DD.")] = None,
) -> None:
    """Send files to the channel topics with their own times. The namespace's workers must run with --clock event."""
    check_input(files, format_)
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace, timezone=tz)
    quieten_kafka()
    sent = asyncio.run(_send(settings, tuple(files), format_, source or format_, date))
    err.print(f"{sent.read:,} source records sent; the replay has ended in event time", highlight=False)


async def _send(settings: Settings, files: tuple[Path, ...], format_: str, source: str, date: str | None) -> Replayed:
    service = settings.service
    if not service.bootstrap:
        raise NoBroker("a replay needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    with Progress(SpinnerColumn(), TextColumn("{task.completed:,.0f} sent"), TimeElapsedColumn(), console=err) as bar:
        line = bar.add_task("sending", total=None)
        return await send(
            service.bootstrap,
            service.namespace,
            files,
            FORMATS[format_],
            source=source,
            tz=service.timezone,
            date=date,
            progress=lambda count, *_: bar.update(line, completed=count),
        )
