"""The intake's rules alone: lines of queue_log a second, from bytes to encoded envelopes, on one core."""

from argparse import Namespace
from collections.abc import Callable
from itertools import islice
from typing import Any

from tests.benchmarks.floor import floor
from tests.benchmarks.payloads import Payload, Tray, intake
from tests.benchmarks.runs import Result, Run, Stopwatch
from tests.benchmarks.standings import entry

LINES = 200_000
CHUNK = 5_000


def section(told: Namespace, _say: Callable[[str], None]) -> dict[str, Any]:
    """The rules, so many times."""
    return entry(measure(told.repeats))


def table(section: dict[str, Any]) -> list[str]:
    """One line."""
    least, most = section["range"]
    return [f"intake, rules alone: {section['events_per_s']:,} queue_log lines/s ({least:,}-{most:,})"]


def measure(repeats: int, lines: int = LINES) -> Result:
    """Parse and encode so many lines of a floor, again for each repeat with rules that are new."""
    said = (each for each in floor() if each.format == "asterisk-queue-log")
    records = [Payload(offset, each) for offset, each in enumerate(islice(said, lines))]
    return Result(tuple(_one_run(records) for _ in range(repeats)))


def _one_run(records: list[Payload]) -> Run:
    rules, tray = intake(), Tray()
    watch = Stopwatch()
    for first in range(0, len(records), CHUNK):
        for record in records[first : first + CHUNK]:
            rules.take(record, tray)
        # As a flush would: what is encoded doesn't pile up.
        tray.outputs.clear()
    return watch.stop(len(records))
