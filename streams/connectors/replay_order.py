"""The lines of files in the order in which a replay sends them."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

from schemas.topics import LARGEST_RECORD
from streams.connectors.formats import LineFormat
from streams.connectors.line_records import LineRecord, LineRecords
from streams.connectors.lines import HEAD, Line, LineSplitter
from streams.connectors.ordinals import Ordinals

CHUNK = 1 << 20
_LONG_AGO = -(1 << 62)


class Step(NamedTuple):
    """One record to send, and how many bytes of the files it stands for."""

    record: LineRecord
    bytes: int


class _Place(NamedTuple):
    """Where a line is. Sorts by end, then as the lines stand."""

    end: int
    file: int
    number: int
    offset: int
    size: int


class Records(Protocol):
    """Makes records of the lines of one source."""

    def header_line(self, line: bytes) -> None:
        """The line that names the columns of the lines to come."""

    def time(self, data: bytes) -> int | None:
        """When the last of what a line says happened, ms."""

    def record(self, line: Line, file: Path | str, ordinals: Ordinals) -> LineRecord:
        """The record of one line."""


def steps(paths: Sequence[Path], format: LineFormat, source: str, **fixed: str) -> Iterator[Step]:  # noqa: A002
    """All records of the files. Empty lines are none; a file that is given twice is read twice."""

    def records() -> LineRecords:
        return LineRecords(format, source, **fixed)

    order = by_end if format.ordered_by_end else _as_they_stand
    return order(paths, records, header=format.has_header_line)


def _lines(path: Path, limit: int) -> Iterator[tuple[int, Line]]:
    """Offset and line of every line of a file."""
    splitter = LineSplitter(limit=limit)
    offset = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            for line in splitter.feed(chunk):
                yield offset, line
                offset += line.size + 1
    rest = splitter.rest()
    if rest is not None:
        yield offset, rest


def _is_empty(line: Line) -> bool:
    return line.size <= 1 and not line.data.strip(b"\r")


def _as_they_stand(
    paths: Sequence[Path], make: Callable[[], Records], *, header: bool, limit: int = LARGEST_RECORD
) -> Iterator[Step]:
    for path in paths:
        records, ordinals = make(), Ordinals()
        for _, line in _lines(path, limit):
            if header and line.number == 1:
                records.header_line(line.data)
            elif not _is_empty(line):
                yield Step(records.record(line, path, ordinals), line.size + 1)


def by_end(
    paths: Sequence[Path], make: Callable[[], Records], *, header: bool, limit: int = LARGEST_RECORD
) -> Iterator[Step]:
    """All records of the files by their times. Reads the files twice and keeps only where their lines are; a line
    without a time stays behind the one before. `limit`: bytes of a line that is read whole."""
    records = [make() for _ in paths]
    ordinals = [Ordinals() for _ in paths]
    places: list[_Place] = []
    for index, path in enumerate(paths):
        end = _LONG_AGO
        for offset, line in _lines(path, limit):
            if header and line.number == 1:
                records[index].header_line(line.data)
            elif not _is_empty(line):
                time = None if line.too_long else records[index].time(line.data)
                end = end if time is None else time
                places.append(_Place(end, index, line.number, offset, line.size))
    places.sort()
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")).fileno() for path in paths]
        for place in places:
            wanted = place.size if place.size <= limit else HEAD
            line = Line(os.pread(files[place.file], wanted, place.offset), place.size, place.number)
            yield Step(records[place.file].record(line, paths[place.file], ordinals[place.file]), place.size + 1)
