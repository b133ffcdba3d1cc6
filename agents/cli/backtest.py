"""`floorwalker backtest`: what would these files have given?"""

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from agents import backtest as backtesting
from agents.cli.console import err, out
from agents.cli.failed import printable
from agents.cli.options import Config, Format, check_input, settings_of
from agents.collect import Collected
from agents.compliance import Kept, Row, compliance, rows
from schemas.definitions import definition_of
from streams.logs import set_up_logs
from streams.settings import Settings


def backtest(
    files: Annotated[
        list[Path], typer.Argument(help="Files to run through, for eml folders too; one given twice is read twice.")
    ],
    format_: Format,
    config: Config = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    tz: Annotated[
        str | None, typer.Option(help="Zone of local times in the files and of the day, e.g. Europe/Berlin.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="Day of files without dates, YYYY-MM-DD.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    partitions: Annotated[int | None, typer.Option(min=1, help="Partitions per topic.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Name of the source, whose settings apply; default the format's.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="Another settings file: what would its policies have done?")
    ] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No progress bar.")] = False,
) -> None:
    """Run files through the whole pipeline at full speed, on a Kafka of its own, and show the numbers."""
    check_input(files, format_)
    set_up_logs("warning")
    job = backtesting.Job(
        files=tuple(files), format=format_, settings=_settings(config, tz, partitions), config=config, tz=tz, date=date,
        workers=workers, source=source,
    )  # fmt: skip
    other = replace(job, settings=_settings(compare, tz, partitions), config=compare) if compare else None
    began = time.monotonic()
    collected = asyncio.run(_run(job, show=not no_progress))
    took = time.monotonic() - began
    result, kept = collected.result(), {str(config or "settings"): compliance(collected.transitions)}
    if other is not None:
        compared = compliance(asyncio.run(_run(other, show=not no_progress)).transitions)
        result["compared"] = {"config": str(compare), "promises": rows(compared)}
        kept[str(compare)] = compared
    if json_out is not None:
        json_out.write_text(json.dumps(result, indent=1), encoding="utf-8")
    _show(collected)
    _show_promises(kept)
    _say_counts(collected, took)


def _settings(file: Path | None, tz: str | None, partitions: int | None) -> Settings:
    return settings_of(file, namespace="backtest", bootstrap="", clock="event", timezone=tz, partitions=partitions)


def _say_counts(collected: Collected, took: float) -> None:
    counts = collected.counts()
    err.print(
        f"{counts['read']:,} source records in {took:.1f} s: {counts['accepted']:,} accepted, {counts['ignored']:,} "
        f"ignored, {counts['failed']:,} failed, {counts['duplicates']:,} duplicates",
        highlight=False,
    )
    if counts["failed"]:
        err.print(f"failed because of: {_reasons(collected)}", highlight=False)
        for _, failure in sorted(collected.failures.items()):
            err.print(f"  {failure.reason}: {printable(failure.first)}", highlight=False, markup=False, soft_wrap=True)


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


def _show_promises(runs: dict[str, dict[Row, Kept]]) -> None:
    """What became of promises by policy and clock, under the settings of each name."""
    found = sorted({row for kept in runs.values() for row in kept})
    if not found:
        return
    table = Table("policy", "clock", "by", "met", "breached", "cancelled", "open", "at risk", "compliance")
    for row in found:
        for name, kept in runs.items():
            if row in kept:
                share = _value(kept[row].share, "fraction")
                table.add_row(*row, name, *(f"{count:,}" for count in kept[row]), share)
    out.print(table)


def _reasons(collected: Collected) -> str:
    by = collected.pipeline.failed_by if collected.pipeline else {}
    return ", ".join(f"{reason} ({count:,})" for reason, count in sorted(by.items()))


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    if unit == "fraction":
        return f"{value:.3%}"
    if unit in ("score", "points"):
        return f"{value:,.2f}"
    return f"{value:,.3f} s" if unit == "s" else f"{value:,.0f}"


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}".rstrip("0").rstrip(".")
