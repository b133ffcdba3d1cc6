"""The Anonymous Bank file, read without any of the product's code."""

from __future__ import annotations

import csv
import uuid
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

FILE = Path(__file__).parents[2].parent / "shared" / "data" / "anonymous_bank_1999-08-01.csv"
DAY = "1999-08-01"
ZONE = "Asia/Jerusalem"
FORMAT = "anonymous-bank"
PROMISE = timedelta(seconds=20)

_CONTACTS = uuid.UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c02")
"""The namespace of contact ids, part of the records' public form."""


class Call(NamedTuple):
    """One row. `line`: as it stands in the file. `entered`: the queue, None where it entered none."""

    contact: str
    line: bytes
    outcome: str
    waited: timedelta
    entered: datetime | None
    ended: datetime


@cache
def header() -> bytes:
    """The line that names the columns."""
    return FILE.read_bytes().splitlines()[0]


@cache
def calls() -> tuple[Call, ...]:
    """All calls as they stand in the file."""
    lines = FILE.read_bytes().splitlines()
    rows = csv.DictReader(line.decode("ascii") for line in lines)
    return tuple(_call(row, line) for row, line in zip(rows, lines[1:], strict=True))


def by_end() -> list[Call]:
    """All calls in the order in which they ended."""
    return sorted(calls(), key=lambda call: call.ended)


def write(path: Path, chosen: list[Call]) -> Path:
    """A file of these calls."""
    path.write_bytes(b"".join(line + b"\n" for line in (header(), *(call.line for call in chosen))))
    return path


def _call(row: dict[str, str], line: bytes) -> Call:
    waited = timedelta(seconds=int(row["q_time"]))
    hours = row["vru_entry"].split(":")[0]
    # 0:10:10 is the name, however many zeros the file spends on the hour.
    name = "\x1f".join((FORMAT, DAY, row["vru+line"], row["call_id"], str(int(hours)) + row["vru_entry"][len(hours) :]))
    last = max(_instant(row[column]) for column in ("vru_entry", "vru_exit", "q_exit", "ser_exit"))
    return Call(
        contact=str(uuid.uuid5(_CONTACTS, name)),
        line=line,
        outcome=row["outcome"],
        waited=waited,
        entered=_instant(row["q_start"]) if waited else None,
        ended=last,
    )


def _instant(wall: str) -> datetime:
    hours, minutes, seconds = map(int, wall.split(":"))
    midnight = datetime.fromisoformat(DAY).replace(tzinfo=ZoneInfo(ZONE))
    return midnight + timedelta(hours=hours, minutes=minutes, seconds=seconds)
