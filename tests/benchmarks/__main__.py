"""`python -m tests.benchmarks`: measure, show, and write build/bench.json. Words go to stderr, the table to stdout."""

import argparse
import sys
from typing import Any

import msgspec
from rich.console import Console

from tests.benchmarks import backtest, contacts_agent, intake, report, wallboard
from tests.benchmarks.contest import contest, topic_of
from tests.benchmarks.machine import this_machine
from tests.benchmarks.runs import Result

JOBS = ("intake", "contacts_agent", "backtest", "wallboard")


def main() -> int:
    """Run the jobs; returns the exit code."""
    told = _arguments()
    words = Console(stderr=True, highlight=False, soft_wrap=True)
    machine = this_machine()
    sections: dict[str, Any] = {"machine": msgspec.to_builtins(machine), "events": told.events}
    lines: Result | None = None
    turns: dict[str, Result] | None = None
    backtests: backtest.Backtests | None = None
    walls: wallboard.Walls | None = None
    failed = False
    if "intake" in told.only:
        words.print("intake: the rules alone")
        lines = intake.measure(told.repeats)
        sections["intake"] = contacts_agent.entry(lines)
    if "contacts_agent" in told.only:
        words.print("contacts_agent: contestants take turns on one topic")
        with topic_of(told.events, told.slice, words.print) as job:
            turns = contest(contacts_agent.CONTESTANTS, job, told.repeats, words.print)
        sections |= contacts_agent.sections(turns)
    if "backtest" in told.only:
        words.print("backtest: a bank's day from start to end")
        try:
            backtests = backtest.measure(told.repeats)
        except backtest.BacktestFailed as error:
            # What took a quarter of an hour to measure is not thrown away for it.
            words.print(str(error), style="red", markup=False)
            failed = True
        else:
            sections["backtest"] = {"seconds": backtests.spread.median, "runs": backtests.seconds}
    if "wallboard" in told.only:
        words.print("wallboard: from a line to the glass, and many viewers")
        try:
            walls = wallboard.measure(words.print, told.samples, told.viewers)
        except wallboard.MeasurementFailed as error:
            words.print(str(error), style="red", markup=False)
            failed = True
        else:
            sections |= wallboard.sections(walls)
    report.write(sections)
    report.show(Console(width=None if sys.stdout.isatty() else report.WIDTH), machine, turns, lines, backtests, walls)
    words.print(f"written: {report.RESULT}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure what one core does.")
    parser.add_argument("--events", type=int, default=2_000_000, help="in the contacts_agent topic (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything, contestants taking turns (%(default)s)")
    parser.add_argument("--slice", type=float, default=20.0, help="seconds that plain Faust gets (%(default)s)")
    parser.add_argument(
        "--samples", type=int, default=wallboard.SAMPLES, help="callers measured to the page (%(default)s)"
    )
    parser.add_argument("--viewers", type=int, default=wallboard.VIEWERS, help="of one gateway (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=JOBS, metavar="JOB", help=f"of {', '.join(JOBS)}")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
