"""Who is who: what a row of a CRM's file costs the registry, and what it holds of it.

A row has an id of the CRM, an e-mail address and a phone number, all of them nobody else's. The registry task, its
rules alone, encoding of its flushes included; then another one that takes the changelog of the first.
"""

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median
from struct import Struct
from tempfile import TemporaryFile
from typing import IO, Any

import msgspec

from agents.registry.processor import Registry
from schemas.identifiers import nodes_of, statement
from schemas.identities import encode
from schemas.ids import customer_ids
from schemas.instants import from_ms
from schemas.topics import CUSTOMERS_LINKS
from tests.benchmarks.apart import apart
from tests.benchmarks.calls import Taken
from tests.benchmarks.chain import CUSTOMER_NAMESPACE, NoOutbox, memory_as_in_service
from tests.benchmarks.memory import rss
from tests.benchmarks.report import grid

ROWS = 200_000
BEGIN = 1_790_580_600_000
FLUSH = 2_000
_SMALL = 4
"""The smaller registry has a so manieth part of the rows: what a row weighs is the slope between the two."""

_TURNS = 2_000
_CHUNK = 10_000
_IDENTIFIERS = 3
_SIZES = Struct("<II")

Say = Callable[[str], None]


class Held(msgspec.Struct, frozen=True):
    """What so many rows cost one process. `unit`: us of a fixed piece of Python, timed beside the flushes."""

    rows: int
    bytes: int
    us: float
    restore_us: float
    unit: float


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """A smaller and a larger registry, each in a process of its own."""
    held = []
    for rows in (told.crm_rows // _SMALL, told.crm_rows):
        held.append(msgspec.json.decode(apart("registry", rows), type=Held))
        say(f"registry, {rows:,} rows: {held[-1].us:.0f} us a row, {held[-1].bytes / rows:,.0f} bytes")
    return in_numbers(*held)


def in_numbers(small: Held, large: Held) -> dict[str, Any]:
    """What build/bench.json says."""
    more = large.rows - small.rows
    return {
        "rows": large.rows,
        "bytes_a_row": round((large.bytes - small.bytes) / more),
        "us": round(large.us, 1),
        "units": round(large.us / large.unit),
        "small_units": round(small.us / small.unit),
        "restore_us": round(large.restore_us, 1),
        "restore_units": round(large.restore_us / large.unit),
    }


def table(section: dict[str, Any]) -> list[str]:
    """What a row costs."""
    return grid(
        (f"{section['rows']:,} rows of a CRM, three identifiers each", "a row"),
        ("bytes (RSS)", section["bytes_a_row"]),
        ("us", section["us"]),
        ("... in units of a fixed piece of Python", section["units"]),
        ("... of a registry a quarter of the size", section["small_units"]),
        ("us to restore", section["restore_us"]),
        ("... in units", section["restore_units"]),
    )


def records(rows: int) -> Iterator[Taken]:
    """The statements that an import makes of so many rows."""
    ids = customer_ids(CUSTOMER_NAMESPACE)
    for number in range(rows):
        row = (f"crm:{100_000 + number}", f"mailto:c{number}@kunde{number % 97}.example", f"tel:+4930{number:07d}")
        said = statement("linked", nodes_of(ids, row), "crm", from_ms(BEGIN + number), by="import")
        yield Taken(CUSTOMERS_LINKS.name, b"links", encode(said), timestamp=BEGIN)


def held_by(rows: int) -> Held:
    """Take so many rows, then restore what came of them; in this process."""
    memory_as_in_service()
    with TemporaryFile() as changelog:
        before = rss()
        out = NoOutbox()
        registry, used, unit = _taken(rows, out, changelog)
        size = rss() - before
        if out.sent != _IDENTIFIERS * rows:
            raise SystemExit(f"{out.sent:,} link sets were published, {_IDENTIFIERS * rows:,} were to be")
        del registry
        changelog.seek(0)
        return Held(rows, size, used / rows * 1e6, _restored(changelog) / rows * 1e6, unit * 1e6)


def _taken(rows: int, out: NoOutbox, changelog: IO[bytes]) -> tuple[Registry, float, float]:
    """A registry that has heard so many; seconds of CPU, and those of a unit."""
    registry = Registry(partitions=1)
    used, units = 0.0, list[float]()
    for number, record in enumerate(records(rows), 1):
        began = time.process_time()
        registry.take(record, out)
        if number % FLUSH and number != rows:
            used += time.process_time() - began
            continue
        registry.before_flush(out, ended=False)
        changes = list(registry.changes())
        used += time.process_time() - began
        units.append(_unit())
        for key, value in changes:
            if value is not None:
                changelog.write(_SIZES.pack(len(key), len(value)) + key + value)
    return registry, used, median(units)


def _restored(changelog: IO[bytes]) -> float:
    """Seconds of CPU of a task that begins with it."""
    registry, used = Registry(partitions=1), 0.0
    while chunk := list(islice(_read(changelog), _CHUNK)):
        began = time.process_time()
        for key, value in chunk:
            registry.restore(key, value)
        used += time.process_time() - began
    began = time.process_time()
    registry.restored()
    return used + time.process_time() - began


def _read(changelog: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    while head := changelog.read(_SIZES.size):
        key, value = _SIZES.unpack(head)
        yield changelog.read(key), changelog.read(value)


def _unit() -> float:
    """Seconds of CPU of a fixed piece of Python: a small dictionary filled."""
    began = time.process_time()
    for _ in range(_TURNS):
        dict.fromkeys(range(16), 0)
    return (time.process_time() - began) / _TURNS


if __name__ == "__main__":
    print(msgspec.json.encode(held_by(int(sys.argv[1]))).decode())
