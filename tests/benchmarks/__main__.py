"""`python -m tests.benchmarks`: measure, show, and write build/bench.json. Words go to stderr, tables to stdout."""

import argparse
import sys

from rich.console import Console

from tests.benchmarks import report, wallboard
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.machine import stamp
from tests.benchmarks.sections import SECTIONS
from tests.benchmarks.tables import tables


def main() -> int:
    """Measure section by section; returns the exit code. Each is written when it is done: what took a quarter of an
    hour to measure is not thrown away for what comes after it."""
    told = _arguments()
    words = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    failed = []
    for name in told.only:
        words.print(f"{name}: {(SECTIONS[name].__doc__ or '').splitlines()[0]}")
        stamped = stamp({key: value for key, value in vars(told).items() if key != "only"})
        try:
            section = SECTIONS[name].section(told, words.print)
        except MeasurementFailed as error:
            words.print(f"{name}: {error}", style="red")
            failed.append(name)
            continue
        report.merge(name, section, stamped)
        print("\n".join(tables(report.read(), [name])), flush=True)
    words.print(f"written: {report.RESULT}")
    if failed:
        words.print(f"no result for {', '.join(failed)}", style="red")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure what one core does.")
    parser.add_argument("--events", type=int, default=2_000_000, help="in the contestants' topic (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="of everything, contestants taking turns (%(default)s)")
    parser.add_argument("--slice", type=float, default=20.0, help="seconds that plain Faust gets (%(default)s)")
    parser.add_argument(
        "--samples", type=int, default=wallboard.SAMPLES, help="callers measured to the page (%(default)s)"
    )
    parser.add_argument("--viewers", type=int, default=wallboard.VIEWERS, help="of one gateway (%(default)s)")
    names = tuple(SECTIONS)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="SECTION", help=f"of {', '.join(names)}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
