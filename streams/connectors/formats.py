"""What a connector has to know of a format; agents.intake has the formats."""

from collections.abc import Mapping
from typing import Protocol

Headers = Mapping[str, bytes]


class RecordFormat(Protocol):
    """A format of records. `name`: `ce_type` of the records."""

    name: str
    content_type: bytes

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """Key of the record: what must stay in order. None: the source is the key."""

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """email, chat, phone or social."""


class LineFormat(RecordFormat, Protocol):
    """A format of files with a record a line.

    `has_header_line`: the first line of a file names the columns and goes with every
    record as header `columns`. `ordered_by_end`: a replay sends the lines by `time`, not as they stand in the file.
    `repeats_lines`: lines have no id, so equal ones are told apart by header `ordinal`.
    """

    has_header_line: bool
    ordered_by_end: bool
    repeats_lines: bool

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When the last of what it says happened, ms since the epoch; None where that can't be read."""
