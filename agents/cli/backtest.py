"""`floorwalker backtest`: what would these files have given?"""

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agents import backtest as backtesting
from agents.cli.console import err, out
from agents.cli.options import Config, Format, check_input, settings_of
from agents.collect import Collected
from schemas.definitions import definition_of
from streams.logs import set_up_logs


def backtest(
    files: Annotated[list[Path], typer.Argument(help="Files to run through; one given twice is read twice.")],
    format_: Format,
    config: Config = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    tz: Annotated[
        str | None, typer.Option(help="Zone of local times in the files and of the day, e.g. Europe/Berlin.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Day of files without dates, YYYY-MM-DD.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    partitions: Annotated[int | None, typer.Option(min=1, help="Partitions per topic.")] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No progress bar.")] = False,
) -> None:
    """Run files through the whole pipeline at full speed, on a Kafka of its own, and show the numbers."""
    check_input(files, format_)
    set_up_logs("warning")
    settings = settings_of(
        config, namespace="backtest", bootstrap="", clock="event", timezone=tz, partitions=partitions
    )
    job = backtesting.Job(
        files=tuple(files), format=format_, settings=settings, config=config, tz=tz, date=date, workers=workers
    )
    began = time.monotonic()
    collected = asyncio.run(_run(job, show=not no_progress))
    took = time.monotonic() - began
    if json_out is not None:
        json_out.write_text(json.dumps(collected.result(), indent=1), encoding="utf-8")
    _show(collected)
    counts = collected.counts()
    err.print(
        f"{counts['read']:,} source records in {took:.1f} s: {counts['accepted']:,} accepted, {counts['ignored']:,} "
        f"ignored, {counts['failed']:,} failed, {counts['duplicates']:,} duplicates",
        highlight=False,
    )
    if counts["failed"]:
        err.print(f"failed because of: {_reasons(collected)}", highlight=False)


async def _run(job: backtesting.Job, *, show: bool) -> Collected:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err,
        disable=not show,
    )  # fmt: skip
    with bar:
        line = bar.add_task("starting", total=None)

        def moved(progress: backtesting.Progress) -> None:
            bar.update(line, description=progress.doing, completed=progress.counted, total=progress.total)

        return await backtesting.run(job, backtesting.Progress(listeners=[moved]))


def _show(collected: Collected) -> None:
    floor = collected.floor()
    if floor is None:
        err.print("no contact was offered: there are no numbers")
        return
    table = Table("metric", "value", "numerator", "denominator", "n", title="Whole floor, all of it")
    for name, metric in sorted(floor.metrics.items()):
        table.add_row(
            name,
            _value(metric.value, definition_of(name).unit),
            _plain(metric.numerator),
            _plain(metric.denominator),
            f"{metric.n:,}",
        )
    out.print(table)
    breaches = sum(each.transition == "breached" for each in collected.transitions)
    out.print(f"promises breached: {breaches:,}   customers: {len(collected.profiles):,}", highlight=False)


def _reasons(collected: Collected) -> str:
    by = collected.pipeline.failed_by if collected.pipeline else {}
    return ", ".join(f"{reason} ({count:,})" for reason, count in sorted(by.items()))


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "fraction":
        return f"{value:.3%}"
    return f"{value:,.3f} s" if unit == "s" else f"{value:,.0f}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")
