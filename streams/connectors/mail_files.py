"""Mails out of files, in the order of their time: .eml files, folders of them, Maildirs and mboxes.

Sources: RFC 4155 (mbox), the mboxo and mboxrd ways of quoting lines that begin with `From `, Dovecot's page on Maildir.
"""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from schemas.failures import REFUSED
from schemas.instants import SECOND, to_ms
from schemas.topics import LARGEST_RECORD
from streams.connectors.formats import LineFormat
from streams.connectors.line_records import LineRecord
from streams.connectors.lines import HEAD
from streams.connectors.ordinals import digest_of
from streams.connectors.replay_order import Step

RECEIVED = "mail-received"
"""Header of the record of a mail that does not say itself when it was: when it arrived, ms."""

_PIECE = 1 << 20
_LONG_AGO = -(1 << 62)
_SUFFIXES = frozenset({".eml", ".mbox"})
_MAILDIR = frozenset({"cur", "new"})
_DELIMITER = re.compile(
    rb"From .*?([A-Z][a-z]{2}) +(\d\d?) +(\d\d?:\d\d(?::\d\d)?)(?: +([A-Z]{1,5}|[+-]\d{4}))? +(\d{4})(?: +([+-]\d{4}))?"
)
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_UNIQUE = re.compile(r"(\d{9,11})\.")


class _Place(NamedTuple):
    """Where a mail is. Sorts by time, then as the mails stand. `arrived`: when it did, where only the file says so;
    `written`: the file says only when it was written, which is no time of the mail's."""

    time: int
    file: int
    offset: int
    size: int
    line: int
    arrived: int | None
    written: bool
    in_mbox: bool


def mail_files(paths: Sequence[Path]) -> list[Path]:
    """The files that hold the mails: each that is named, and of a folder all .eml and .mbox files and those of its
    Maildirs, sorted. Raises FileNotFoundError for what is not there and for a folder without any, OSError."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            path.stat()
            found.append(path)
            continue
        inside = sorted(_inside(path))
        if not inside:
            raise FileNotFoundError(f"there is no mail in the folder {path}: no .eml or .mbox file, no cur or new")
        found += inside
    return found


def mail_steps(files: Sequence[Path], format: LineFormat, source: str) -> Iterator[Step]:  # noqa: A002
    """All mails of the files (`mail_files`). They are read twice: once for their times."""
    places: list[_Place] = []
    for index, path in enumerate(files):
        places += _places(path, index, format)
    places.sort()
    for place in places:
        yield Step(_record(place, files[place.file], format, source), place.size)


def _inside(folder: Path) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        raise error

    for where, _, names in os.walk(folder, onerror=failed):
        in_maildir = Path(where).name in _MAILDIR
        for name in names:
            path = Path(where, name)
            if path.suffix.lower() in _SUFFIXES or (in_maildir and not name.startswith(".")):
                yield path


class _Mail(NamedTuple):
    """A mail in a file. `line`: where it begins in an mbox, 0 elsewhere. `arrived`: when, as the file says, ms, or
    when it was `written`."""

    offset: int
    size: int
    line: int
    arrived: int | None
    written: bool = False


def _places(path: Path, index: int, format: LineFormat) -> Iterator[_Place]:  # noqa: A002
    with path.open("rb") as file:
        in_mbox = _DELIMITER.match(file.readline(_PIECE)) is not None
        file.seek(0)
        for mail in _delimited(file) if in_mbox else [_alone(file.fileno(), path)]:
            said = format.time(os.pread(file.fileno(), min(mail.size, HEAD), mail.offset), {})
            arrived = mail.arrived if said is None else None
            time = arrived if said is None else said
            yield _Place(
                time=_LONG_AGO if time is None else time,
                file=index,
                offset=mail.offset,
                size=mail.size,
                line=mail.line,
                arrived=arrived,
                written=mail.written and said is None,
                in_mbox=in_mbox,
            )


def _alone(descriptor: int, path: Path) -> _Mail:
    """The one mail of a file. In a Maildir its name says when it arrived, else only when it was last written."""
    status = os.fstat(descriptor)
    unique = _UNIQUE.match(path.name) if path.parent.name in _MAILDIR else None
    if unique is not None:
        return _Mail(0, status.st_size, 0, int(unique[1]) * SECOND)
    return _Mail(0, status.st_size, 0, status.st_mtime_ns // 1_000_000, written=True)


def _delimited(file: BufferedReader) -> Iterator[_Mail]:
    """The mails of an mbox. A line is taken for a delimiter where it has a date and is the first or stands behind an
    empty one: not every program quotes those of a text."""
    begun: _Mail | None = None
    offset = number = 0
    starts = after_empty = True
    while piece := file.readline(_PIECE):
        number += starts
        delimiter = _DELIMITER.match(piece) if starts and after_empty else None
        if delimiter is not None:
            if begun is not None:
                yield begun._replace(size=offset - begun.offset)
            begun = _Mail(offset + len(piece), 0, number, _date_of(delimiter))
        after_empty = starts and piece in (b"\n", b"\r\n")
        starts = piece.endswith(b"\n")
        offset += len(piece)
    if begun is not None:
        yield begun._replace(size=offset - begun.offset)


def _date_of(delimiter: re.Match[bytes]) -> int | None:
    """When a mail arrived, as its delimiter says: in UTC, unless it names a zone that is known."""
    month, day, time, zone, year, later = (b"" if part is None else part for part in delimiter.groups())
    text = f"{day.decode()} {month.decode()} {year.decode()} {time.decode()} {(zone or later or b'+0000').decode()}"
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return to_ms(date if date.tzinfo is not None else date.replace(tzinfo=UTC))


def _record(place: _Place, path: Path, format: LineFormat, source: str) -> LineRecord:  # noqa: A002
    """The record of one mail; of one that is too large, the one that says so."""
    too_large = place.size > LARGEST_RECORD
    with path.open("rb") as file:
        file.seek(place.offset)
        data = file.read(HEAD if too_large else place.size)
    if place.in_mbox:
        data = _QUOTED.sub(rb"\1", data if too_large else _without_separator(data))
    headers = {
        "ce_type": format.name.encode(),
        "ce_source": source.encode(),
        "ce_id": digest_of(data).encode(),
        "content-type": format.content_type,
        "file": str(path).encode("utf-8", "replace"),
    }
    if place.line:
        headers["line"] = str(place.line).encode()
    if place.arrived is not None:
        headers[RECEIVED] = str(place.arrived).encode()
    if too_large:
        message = f"the mail has {place.size:,} bytes, a record may have {LARGEST_RECORD:,}: its head is kept here"
        headers[REFUSED] = message.encode()
    key = (None if too_large else format.key(data, headers)) or source.encode()
    # A file that was copied today must not set the clock of a history to today.
    time = None if place.written or place.time == _LONG_AGO else place.time
    topic = f"channel.{format.channel_of(data, headers)}"
    return LineRecord(topic, key, data, list(headers.items()), time, refused=too_large)


def _without_separator(data: bytes) -> bytes:
    """A mail of an mbox without the empty line behind it."""
    for end in (b"\r\n", b"\n"):
        if data.endswith(end + end):
            return data[: -len(end)]
    return data
