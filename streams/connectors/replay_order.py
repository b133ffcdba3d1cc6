"""The lines of files in the order in which a replay sends them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

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


def steps(paths: Sequence[Path], format: LineFormat, source: str, **fixed: str) -> Iterator[Step]:  # noqa: A002
    """All records of the files. Empty lines are none; a file that is given twice is read twice."""
    order = _by_end if format.ordered_by_end else _as_they_stand
    return order(paths, format, source, fixed)


def _lines(path: Path) -> Iterator[tuple[int, Line]]:
    """Offset and line of every line of a file."""
    splitter = LineSplitter()
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
    paths: Sequence[Path],
    format: LineFormat,  # noqa: A002
    source: str,
    fixed: dict[str, str],
) -> Iterator[Step]:
    for path in paths:
        records, ordinals = LineRecords(format, source, **fixed), Ordinals()
        for _, line in _lines(path):
            if format.has_header_line and line.number == 1:
                records.header_line(line.data)
            elif not _is_empty(line):
                yield Step(records.record(line, path, ordinals), line.size + 1)


def _by_end(
    paths: Sequence[Path],
    format: LineFormat,  # noqa: A002
    source: str,
    fixed: dict[str, str],
) -> Iterator[Step]:
    """Reads the files twice and keeps only where their lines are. A line without a time stays behind the one before."""
    records = [LineRecords(format, source, **fixed) for _ in paths]
    ordinals = [Ordinals() for _ in paths]
    places: list[_Place] = []
    for index, path in enumerate(paths):
        end = _LONG_AGO
        for offset, line in _lines(path):
            if format.has_header_line and line.number == 1:
                records[index].header_line(line.data)
            elif not _is_empty(line):
                time = None if line.too_long else records[index].time(line.data)
                end = end if time is None else time
                places.append(_Place(end, index, line.number, offset, line.size))
    places.sort()
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")).fileno() for path in paths]
        for place in places:
            wanted = place.size if place.size <= LARGEST_RECORD else HEAD
            line = Line(os.pread(files[place.file], wanted, place.offset), place.size, place.number)
            yield Step(records[place.file].record(line, paths[place.file], ordinals[place.file]), place.size + 1)
