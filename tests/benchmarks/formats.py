"""The intake's rules, format by format: source records a second, from bytes to envelopes, on one core.

The payloads are those of the contract suite, over and over: what a provider's documentation shows, of every kind that
is mapped.
"""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from agents.intake.formats import understood
from agents.intake.processor import Intake
from tests.benchmarks.payloads import Tray
from tests.benchmarks.report import grid
from tests.benchmarks.runs import Result, Run, Stopwatch
from tests.benchmarks.standings import entry
from tests.contract.kit import READ_AT, Read
from tests.fuzz.corpus import SOURCE, Corpus, corpora

RECORDS = 20_000


def section(told: Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Every format, so many times."""
    found: dict[str, Any] = {}
    for name, corpus in corpora().items():
        result = Result(tuple(_run(corpus) for _ in range(told.repeats)))
        size = sum(len(sample.payload) for sample in corpus.samples) / len(corpus.samples)
        found[name] = {**entry(result), "payload_bytes": round(size)}
        say(f"{name}: {found[name]['events_per_s']:,} records/s")
    return found


def table(section: dict[str, Any]) -> list[str]:
    """One row a format."""
    rows = [
        [f"`{name}`", f"{each['events_per_s']:,}", "{:,}-{:,}".format(*each["range"]), f"{each['payload_bytes']:,}"]
        for name, each in section.items()
    ]
    return grid(["format", "records/s", "range", "mean payload, bytes"], *rows)


def _run(corpus: Corpus) -> Run:
    formats = {corpus.format: understood()[corpus.format]}
    rules = Intake(wall_clock=True, region="DE", settings={SOURCE: corpus.settings}, formats=formats)
    samples = corpus.samples
    records = [
        Read("channel.chat", 0, offset, READ_AT, b"key", sample.payload, sample.headers)
        for offset in range(RECORDS)
        for sample in (samples[offset % len(samples)],)
    ]
    tray, watch = Tray(), Stopwatch()
    for record in records:
        rules.take(record, tray)
        # As a flush would: what is encoded doesn't pile up.
        tray.outputs.clear()
    return watch.stop(RECORDS)
