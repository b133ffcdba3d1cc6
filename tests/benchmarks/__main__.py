"""`python -m tests.benchmarks`: measure, show, and write build/bench.json. Words go to stderr, tables to stdout."""

import argparse
import sys

from rich.console import Console

from tests.benchmarks import (
    growth,
    latency,
    look_up,
    memory,
    open_contacts,
    pipeline,
    registry,
    report,
    restore,
    takeover,
    wallboard,
)
from tests.benchmarks.customers.entries import ENTRIES
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.machine import stamp
from tests.benchmarks.sections import SECTIONS
from tests.benchmarks.tables import tables

REPEATS = {"customers_job": 5}
USUAL_REPEATS = 3


def main() -> int:
    """Measure section by section; returns the exit code. Each is written when it is done: what took a quarter of an
    hour to measure is not thrown away for what comes after it."""
    told = _arguments()
    words = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    wanted = told.repeats
    failed = []
    for name in told.only:
        words.print(f"{name}: {(SECTIONS[name].__doc__ or '').splitlines()[0]}")
        told.repeats = wanted or REPEATS.get(name, USUAL_REPEATS)
        stamped = stamp({key: value for key, value in vars(told).items() if key != "only" and value is not None})
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
    usual = f"{USUAL_REPEATS}, of " + ", ".join(f"{name} {count}" for name, count in REPEATS.items())
    parser.add_argument("--repeats", type=int, help=f"of everything, contestants taking turns ({usual})")
    parser.add_argument(
        "--slice", type=float, default=25.0, help="seconds after which a slow contestant stops (%(default)s)"
    )
    parser.add_argument(
        "--entries", nargs="+", choices=ENTRIES, metavar="NAME", help=f"of customers_job, of {', '.join(ENTRIES)}"
    )
    parser.add_argument(
        "--samples", type=int, default=wallboard.SAMPLES, help="callers measured to the page (%(default)s)"
    )
    parser.add_argument("--viewers", type=int, default=wallboard.VIEWERS, help="of one gateway (%(default)s)")
    parser.add_argument("--records", type=int, default=pipeline.RECORDS, help="of the pipeline's backlog (%(default)s)")
    parser.add_argument(
        "--rates", type=int, nargs="+", default=latency.RATES, help="events/s offered (%(default)s)", metavar="RATE"
    )
    parser.add_argument(
        "--seconds", type=float, default=latency.SECONDS, help="that latency is measured at each rate (%(default)s)"
    )
    parser.add_argument(
        "--updates", type=int, default=restore.UPDATES, help="of half as many keys, for restore (%(default)s)"
    )
    parser.add_argument(
        "--customers", type=int, default=memory.CUSTOMERS, help="in memory, and the most of growth (%(default)s)"
    )
    parser.add_argument(
        "--growth-records", type=int, default=growth.RECORDS, help="measured in each case of growth (%(default)s)"
    )
    parser.add_argument("--profiles", type=int, default=look_up.PROFILES, help="in the store of look_up (%(default)s)")
    parser.add_argument(
        "--open-contacts", type=int, default=open_contacts.OPEN, help="with running clocks (%(default)s)"
    )
    parser.add_argument("--crm-rows", type=int, default=registry.ROWS, help="in the registry (%(default)s)")
    parser.add_argument("--kills", type=int, default=takeover.KILLS, help="of takeover (%(default)s)")
    names = tuple(SECTIONS)
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="SECTION", help=f"of {', '.join(names)}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
