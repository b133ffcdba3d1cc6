"""The intake's rules alone: lines of queue_log a second, from bytes to encoded envelopes, on one core."""

from itertools import islice

from tests.benchmarks.floor import floor
from tests.benchmarks.payloads import Payload, Tray, intake
from tests.benchmarks.runs import Result, Run, Stopwatch

LINES = 200_000
CHUNK = 5_000


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
