"""The record that a line becomes: payload verbatim, what is known about it in headers."""

from pathlib import Path
from typing import NamedTuple

from schemas.failures import REFUSED
from schemas.topics import LARGEST_RECORD
from streams.connectors.formats import LineFormat
from streams.connectors.lines import HEAD, Line
from streams.connectors.ordinals import Ordinals, digest_of


class LineRecord(NamedTuple):
    """One record to send. `topic` without namespace; `time` ms, None where the line does not say; `refused`: too long,
    so that only its head is sent."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    time: int | None
    refused: bool = False

    def head(self, why: str) -> "LineRecord":
        """Its head, and why there is no more of it: intake counts it, as failed."""
        return self._replace(value=self.value[:HEAD], headers=[*self.headers, (REFUSED, why.encode())], refused=True)


class LineRecords:
    """Makes records of the lines of one source."""

    def __init__(self, format: LineFormat, source: str, **fixed: str) -> None:  # noqa: A002
        self._format = format
        self._source = source.encode()
        self._fixed = {
            "ce_type": format.name.encode(),
            "ce_source": self._source,
            "content-type": format.content_type,
            **{name: value.encode() for name, value in fixed.items()},
        }

    def header_line(self, line: bytes) -> None:
        """The line that names the columns of the lines to come."""
        self._fixed["columns"] = line

    def time(self, data: bytes) -> int | None:
        """When the last of what a line says happened, ms."""
        return self._format.time(data, self._fixed)

    def record(self, line: Line, file: Path | str, ordinals: Ordinals) -> LineRecord:
        """The record of one line; of one that is too long, the one that says so."""
        if line.too_long:
            return self._refused(line, file)
        data, format_ = line.data, self._format
        headers = {**self._fixed, "file": str(file).encode("utf-8", "replace"), "line": str(line.number).encode()}
        time, digest = format_.time(data, headers), digest_of(data)
        if format_.repeats_lines:
            ordinal = ordinals.next(digest, time or 0)
            headers["ordinal"] = str(ordinal).encode()
            digest = f"{digest}-{ordinal}"
        headers["ce_id"] = digest.encode()
        key = format_.key(data, headers) or self._source
        return LineRecord(f"channel.{format_.channel_of(data, headers)}", key, data, list(headers.items()), time)

    def _refused(self, line: Line, file: Path | str) -> LineRecord:
        """The head of a line, and why there is no more of it: intake counts it, as failed, like every other line."""
        message = f"the line has {line.size:,} bytes, a record may have {LARGEST_RECORD:,}: its head is kept here"
        headers = {
            **self._fixed,
            "file": str(file).encode("utf-8", "replace"),
            "line": str(line.number).encode(),
        }
        topic = f"channel.{self._format.channel_of(b'', self._fixed)}"
        return LineRecord(topic, self._source, line.data, list(headers.items()), None).head(message)
