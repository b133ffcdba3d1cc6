"""`floorwalker backfill`: the past into a namespace, before it goes into service."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from agents import backtest
from agents.backfill import backfill as work_through
from agents.cli.bars import backfill_bar
from agents.cli.console import err, quieten_kafka
from agents.cli.machine import Stopped, kafka_of_ones_own, stop_on_signals, unless
from agents.cli.options import Bootstrap, Config, Format, Namespace, Partitions, check_input, settings_of
from streams.connectors.replay import Replayed
from streams.logs import set_up_logs

INTERRUPTED = 130


def backfill(
    files: Annotated[list[Path], typer.Argument(help="Files of the past, in this order; for eml folders too.")],
    format_: Format,
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    partitions: Partitions = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the source, as the connector will have it; default the format's.")
    ] = None,
    tz: Annotated[str | None, typer.Option(help="Zone of local times in the files.")] = None,
    date: Annotated[str | None, typer.Option(help="Day of files without dates, YYYY-MM-DD.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
) -> None:
    """Work files of the past through a namespace that is not in service yet; nobody is told of anything in them."""
    check_input(files, format_)
    quieten_kafka()
    set_up_logs("warning")
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace, partitions=partitions)
    job = backtest.Job(
        files=tuple(files), format=format_, settings=settings, config=config, tz=tz, date=date, workers=workers,
        source=source,
    )  # fmt: skip
    began = time.monotonic()
    sent = asyncio.run(_run(job))
    if sent is None:
        err.print("broken off: the same files can be given again, what was read counts as duplicates")
        raise typer.Exit(INTERRUPTED)
    err.print(
        f"{sent.read:,} source records worked through in {time.monotonic() - began:.1f} s; the namespace can go into "
        "service, and must not go back to event time after that",
        highlight=False,
    )


async def _run(job: backtest.Job) -> Replayed | None:
    stop = stop_on_signals()
    service = job.settings.service
    service.data_folder.mkdir(parents=True, exist_ok=True)
    try:
        async with AsyncExitStack() as stack:
            bootstrap = service.bootstrap
            if bootstrap is None:
                bootstrap = await stack.enter_async_context(kafka_of_ones_own(service.data_folder / "kafka", stop))
            with backfill_bar() as progress:
                return await unless(stop, work_through(job, bootstrap, service.data_folder, progress))
    except Stopped:
        return None
