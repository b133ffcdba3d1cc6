"""`floorwalker replay`: files into a running installation that lives in event time, or a history worked out anew."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agents.backfill import rebuild_from
from agents.backtest import Job
from agents.cli.bars import backfill_bar
from agents.cli.console import err, quieten_kafka
from agents.cli.machine import Stopped, stop_on_signals, unless
from agents.cli.options import Bootstrap, Config, Namespace, OptionalFormat, check_input, settings_of
from agents.file_formats import contents
from agents.pipeline import NoBroker
from streams.connectors.rebuild import partitions_of
from streams.connectors.replay import Replayed, send_steps
from streams.logs import set_up_logs
from streams.settings import Settings

INTERRUPTED = 130


def replay(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files to send, in this order; for eml folders too.")
    ] = None,
    format_: OptionalFormat = None,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    source: Annotated[str | None, typer.Option(help="Name of the source; default the format's.")] = None,
    tz: Annotated[str | None, typer.Option(help="Zone of local times in the files.")] = None,
    date: Annotated[str | None, typer.Option(help="Day of files without dates, YYYY-MM-DD.")] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Work out the history of the namespace --from in the fresh --namespace.")
    ] = False,
    from_: Annotated[str | None, typer.Option("--from", help="With --rebuild: namespace that has the history.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="With --rebuild: worker processes.")] = 1,
) -> None:
    """Send files to the channel topics with their own times. The namespace's workers must run with --clock event.

    With --rebuild there are no files: what stands on the channel topics of another namespace is worked out anew, by
    workers of its own, with the settings and the rules of now.
    """
    if rebuild:
        if files or format_ or from_ is None or namespace is None:
            raise typer.BadParameter("--rebuild takes --from and --namespace, and neither files nor --format")
        _rebuild(config, bootstrap, from_, namespace, workers, tz)
        return
    if from_ is not None or not files or format_ is None:
        raise typer.BadParameter("give files and --format, or --rebuild with --from and --namespace")
    check_input(files, format_)
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace, timezone=tz)
    quieten_kafka()
    sent = asyncio.run(_send(settings, tuple(files), format_, source or format_, date))
    err.print(f"{sent.read:,} source records sent; the replay has ended in event time", highlight=False)


async def _send(settings: Settings, files: tuple[Path, ...], format_: str, source: str, date: str | None) -> Replayed:
    service = settings.service
    held = contents(files, format_, settings, source=source, tz=service.timezone, date=date)
    with Progress(SpinnerColumn(), TextColumn("{task.completed:,.0f} sent"), TimeElapsedColumn(), console=err) as bar:
        line = bar.add_task("sending", total=None)
        return await send_steps(
            _kafka(settings),
            service.namespace,
            held.steps,
            total=held.size,
            progress=lambda count, *_: bar.update(line, completed=count),
        )


def _kafka(settings: Settings) -> str:
    bootstrap = settings.service.bootstrap
    if not bootstrap:
        raise NoBroker("a replay needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    return bootstrap


def _rebuild(config: Path | None, bootstrap: str | None, old: str, fresh: str, workers: int, tz: str | None) -> None:
    if old == fresh:
        raise typer.BadParameter("--from and --namespace are the same: a history is rebuilt in a fresh namespace")
    set_up_logs("warning")
    quieten_kafka()
    kafka = _kafka(settings_of(config, bootstrap=bootstrap))
    began = time.monotonic()
    sent = asyncio.run(_rebuilt(config, kafka, old, fresh, workers, tz))
    if sent is None:
        err.print(f"broken off: what is in namespace {fresh} is a part; give another one, or delete its topics")
        raise typer.Exit(INTERRUPTED)
    err.print(
        f"{sent.read:,} source records of namespace {old} worked through in {time.monotonic() - began:.1f} s; what "
        f"came out is in namespace {fresh}",
        highlight=False,
    )


async def _rebuilt(
    config: Path | None, kafka: str, old: str, fresh: str, workers: int, tz: str | None
) -> Replayed | None:
    stop = stop_on_signals()
    try:
        with backfill_bar() as progress:
            partitions = await unless(stop, partitions_of(kafka, old))
            settings = settings_of(config, bootstrap=kafka, namespace=fresh, partitions=partitions)
            folder = settings.service.data_folder
            folder.mkdir(parents=True, exist_ok=True)
            job = Job(files=(), format="", settings=settings, config=config, tz=tz, workers=workers)
            return await unless(stop, rebuild_from(old, job, kafka, folder, progress))
    except Stopped:
        return None
