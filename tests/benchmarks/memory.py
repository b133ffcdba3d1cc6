"""Bytes of memory per customer: real envelopes taken by the real rules, RSS before and after.

A customer has three contacts of five events on two channels and in two queues, spread over 30 days (less an hour). A
contact is told in one source record. Stages take their input one after another, so that the growth of the process is
known for each.
"""

import gc
import heapq
import os
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from random import Random
from struct import Struct
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import msgspec

from agents.customers.customers import Customers
from agents.metrics.processor import Metrics
from schemas.instants import DAY, HOUR, MINUTE
from schemas.topics import CUSTOMERS_EVENTS, METRICS_PARTIALS
from streams.processor import Headers, Processor
from tests.benchmarks.calls import Call, Manner, Taken, understood, whole
from tests.benchmarks.chain import contacts_of, memory_as_in_service, settings_of_the_floor
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.report import grid

CUSTOMERS = 1_000_000
CONTACTS = 3
"""Of each customer: two calls and a chat."""

PROCESSES = 2
"""As two workers would: each has the customers of half of the partitions."""

METRICS = -1
"""Number of the part that is the metrics task."""

BEGIN = 1_790_000_000_000
SPAN = 30 * DAY - HOUR
FLUSH = 2_000
"""Records after which a stage flushes: how often changes nothing of what stays."""

LIMIT = 1_800
_MANNER = Manner()
_PHONE_QUEUES = tuple(f"calls-{number}" for number in range(5))
_CHAT_QUEUES = tuple(f"chats-{number}" for number in range(5))
_PRIME = 1_000_003
_HEAD = Struct("<BqI")

Say = Callable[[str], None]


class Held(msgspec.Struct, frozen=True):
    """How much a process grew, by stage, and how many contacts it remembers."""

    contacts: int
    bytes: dict[str, int]


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Two processes side by side take the contacts and customers; then one takes what both have for metrics."""
    share = told.customers // PROCESSES
    with TemporaryDirectory(prefix="floorwalker-bench-") as folder:
        parts = _in_processes(Path(folder), [(share, part) for part in range(PROCESSES)])
        parts += _in_processes(Path(folder), [(share, METRICS)])
    return in_numbers(share * PROCESSES, parts)


def in_numbers(customers: int, parts: Iterable[Held]) -> dict[str, Any]:
    """What build/bench.json says. `metrics` grows with queues and windows, not with customers."""
    grown: Counter[str] = Counter()
    for part in parts:
        grown.update(part.bytes)
    return {
        "customers": customers,
        "contacts": sum(part.contacts for part in parts),
        "bytes": dict(grown),
        "bytes_per_customer": {
            **{stage: round(size / customers, 1) for stage, size in grown.items()},
            "all": round(sum(grown.values()) / customers, 1),
        },
    }


def table(section: dict[str, Any]) -> list[str]:
    """By stage."""
    return grid(
        (f"{section['customers']:,} customers, {section['contacts']:,} contacts", "MB", "bytes a customer"),
        *(
            (stage, f"{size / 1e6:,.0f}", f"{section['bytes_per_customer'][stage]:,.0f}")
            for stage, size in (*section["bytes"].items(), ("all", sum(section["bytes"].values())))
        ),
    )


def _in_processes(folder: Path, parts: list[tuple[int, int]]) -> list[Held]:
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(folder)]
    running = [subprocess.Popen([*command, str(share), str(part)]) for share, part in parts]
    codes = [_wait(each) for each in running]
    if any(code != 0 for code in codes):
        raise MeasurementFailed(f"processes that were to take {parts} (customers, part) ended with exit codes {codes}")
    return [msgspec.json.decode((folder / f"held-{part}.json").read_bytes(), type=Held) for _, part in parts]


def _wait(child: subprocess.Popen[bytes]) -> int | None:
    try:
        return child.wait(LIMIT)
    except subprocess.TimeoutExpired:
        child.kill()
        return None


def calls(customers: int, first: int) -> Iterator[Call]:
    """All calls of the span in the order of time: everybody once in each third of it, in another order each time."""
    every = SPAN / (CONTACTS * customers)
    for number in range(CONTACTS * customers):
        turn, place = divmod(number, customers)
        caller = first + (place * _PRIME + turn * 7) % customers
        queue, channel = _PHONE_QUEUES[caller % 5], "phone"
        if turn == CONTACTS - 1:
            queue, channel = _CHAT_QUEUES[caller % 5], "chat"
        yield Call(CONTACTS * first + number, BEGIN + int(number * every), caller, queue, channel)  # type: ignore[arg-type]


class _Aside:
    """An outbox that puts what later stages read into files, with the clock at which it was sent."""

    def __init__(self, files: dict[str, BinaryIO]) -> None:
        self._files = files
        self.clock = 0

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        file = self._files.get(topic)
        if file is not None and key is not None and value is not None:
            file.write(_HEAD.pack(len(key), self.clock, len(value)) + key + value)


def held_by(folder: Path, customers: int, part: int) -> Held:
    """Take so many customers' events, and look at this process."""
    memory_as_in_service()
    settings = settings_of_the_floor()
    told, partials = folder / f"told-{part}", folder / f"partials-{part}"
    sizes = [rss()]
    contacts = contacts_of(settings)
    with told.open("wb") as customers_events, partials.open("wb") as metrics_partials:
        aside = _Aside({CUSTOMERS_EVENTS.name: customers_events, METRICS_PARTIALS.name: metrics_partials})
        random = Random(part)
        steps = (whole(call, _MANNER, random) for call in calls(customers, part * customers))
        _run(contacts, (understood(step, offset) for offset, step in enumerate(steps)), aside)
    sizes.append(rss())
    profiles = Customers()
    _run(profiles, _read(told, CUSTOMERS_EVENTS.name), _Aside({}))
    sizes.append(rss())
    if len(profiles) != customers or len(contacts) != CONTACTS * customers:
        raise SystemExit(
            f"{len(profiles):,} customers and {len(contacts):,} contacts are remembered, {customers:,} and "
            f"{CONTACTS * customers:,} were to be"
        )
    return Held(len(contacts), {"contacts": sizes[1] - sizes[0], "customers": sizes[2] - sizes[1]})


def held_by_metrics(folder: Path) -> Held:
    """The same of the one metrics task, which takes the partials of all parts."""
    memory_as_in_service()
    settings = settings_of_the_floor()
    before = rss()
    metrics = Metrics(settings.metric_settings(), settings.trend_settings())
    streams = [_read(folder / f"partials-{part}", METRICS_PARTIALS.name) for part in range(PROCESSES)]
    _run(metrics, heapq.merge(*streams, key=lambda record: record.timestamp), _Aside({}))
    return Held(0, {"metrics": rss() - before})


def _run(rules: Processor, records: Iterator[Taken], out: _Aside) -> None:
    """Take records; the clock goes by minutes, a flush comes every so many records."""
    clock, unflushed = 0, 0
    for record in records:
        if record.timestamp >= clock + MINUTE:
            clock = record.timestamp
            out.clock = clock
            rules.advance(clock, out)
        rules.take(record, out)
        unflushed += 1
        if unflushed >= FLUSH:
            unflushed = 0
            _flush(rules, out)
    _flush(rules, out)


def _flush(rules: Processor, out: _Aside) -> None:
    rules.before_flush(out, ended=False)
    for _ in rules.changes():
        pass


def _read(path: Path, topic: str) -> Iterator[Taken]:
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            key_size, clock, size = _HEAD.unpack(head)
            yield Taken(topic, file.read(key_size), file.read(size), timestamp=clock)


def rss() -> int:
    """Resident bytes of this process, after the garbage is gone (Linux)."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(folder: Path, customers: int, part: int) -> None:
    """Measure one part, in this process."""
    held = held_by_metrics(folder) if part == METRICS else held_by(folder, customers, part)
    (folder / f"held-{part}.json").write_bytes(msgspec.json.encode(held))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
