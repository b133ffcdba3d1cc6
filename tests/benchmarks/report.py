"""build/bench.json and the table for people."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.backtest import Backtests
from tests.benchmarks.contacts_agent import CONTESTANTS
from tests.benchmarks.machine import Machine
from tests.benchmarks.runs import Result, Spread
from tests.benchmarks.wallboard import Walls

RESULT = Path(__file__).parents[2] / "build" / "bench.json"
WIDTH = 110
"""Columns of the table where no terminal says how many there are."""


def write(sections: dict[str, Any], path: Path = RESULT) -> None:
    """Write the result file, whole."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(sections, indent=1) + "\n", encoding="utf-8")


def show(
    console: Console,
    machine: Machine,
    contest: dict[str, Result] | None,
    intake: Result | None,
    backtests: Backtests | None,
    walls: Walls | None = None,
) -> None:
    """Print what was measured."""
    console.print(str(machine), highlight=False)
    if contest is not None:
        ours = contest["floorwalker"]
        table = Table("", "events/s", "range", "events/CPU-s", "ours is", "range", "by CPU", title="contacts_agent")
        for name, result in contest.items():
            ratio = None if result is ours else ours.times(result)
            cpu = None if result is ours else ours.per_cpu_times(result)
            table.add_row(
                name,
                f"{result.per_second.median:,.0f}",
                between(result.per_second),
                f"{result.per_cpu_second.median:,.0f}",
                "" if ratio is None else f"{ratio.median:.2f}x",
                "" if ratio is None else f"{ratio.least:.2f}-{ratio.most:.2f}x",
                "" if cpu is None else f"{cpu.median:.2f}x",
            )
        console.print(table)
        for name in contest:
            console.print(f"{name}: {CONTESTANTS[name]}", highlight=False)
    if intake is not None:
        speed = intake.per_second
        console.print(f"intake, rules alone: {speed.median:,.0f} queue_log lines/s ({between(speed)})", highlight=False)
    if backtests is not None:
        took = backtests.spread
        console.print(
            f"backtest of a bank's day: {took.median:.1f} s ({took.least:.1f}-{took.most:.1f} s)", highlight=False
        )
    if walls is not None:
        table = Table("", "", "p50 ms", "p99 ms", "max ms", "n", title="wallboard: from the line of queue_log")
        busy = f"{walls.lines_per_second:.0f} lines/s"
        ways = {"quiet": walls.quiet, busy: walls.busy, f"{busy}, whole floor": walls.busy_floor}
        for name, way in ways.items():
            for what, delays in (("on metrics.live", way.published), ("on the page", way.shown)):
                table.add_row(name, what, *(f"{each:,}" for each in (delays.p50, delays.p99, delays.max, delays.n)))
        console.print(table)
        load = walls.load
        console.print(
            f"{load.viewers} viewers of one gateway: {load.deltas:,} deltas, {load.missing} events missing, "
            f"{load.ended} streams ended; from metrics.live to all of them {load.delay}; the gateway used "
            f"{load.cpu:.2f} cores, {load.rss_mb} MB; {load.bytes_per_second:,} bytes/s a viewer",
            highlight=False,
        )


def between(spread: Spread) -> str:
    """Least and most, in whole numbers."""
    return f"{spread.least:,.0f}-{spread.most:,.0f}"
