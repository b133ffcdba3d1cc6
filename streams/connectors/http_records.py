"""The records of recorded HTTP requests: those that the gateway would have made of them."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from schemas.failures import REFUSED
from schemas.topics import LARGEST_RECORD, MIB
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Hook
from streams.connectors.http_lines import HANDSHAKE, NAME, BadLine, Recorded, is_handshake, read_line
from streams.connectors.line_records import LineRecord
from streams.connectors.lines import HEAD, Line
from streams.connectors.ordinals import Ordinals, digest_of
from streams.connectors.receiver import Declined, record_of
from streams.connectors.secrets import Source

LARGEST_LINE = 48 * MIB
"""Bytes of a line: base64 makes a body a third longer."""

_NOT_KEPT = frozenset({"authorization", "proxy-authorization", "cookie"})
_VALUE = re.compile(rb'("(?:proxy-authorization|authorization|cookie)"\s*:\s*)"(?:[^"\\]++|\\.)*+"?', re.I | re.S)

TimeOf = Callable[[LineRecord], int | None]
"""When the last of what a provider's record says happened, ms; None where that can't be read."""


SourceOf = Callable[[Hook, str], Source]
"""The source of a provider and a name, with the secrets that are known of it."""


class HttpRecords:
    """Makes records of lines. `hooks`: providers by name. `source`: of lines that name none. Nothing is verified."""

    def __init__(self, hooks: Mapping[str, Hook], source: str, time_of: TimeOf, source_of: SourceOf) -> None:
        self._hooks = hooks
        self._source = source
        self._time_of = time_of
        self._source_of = source_of

    def header_line(self, line: bytes) -> None:
        """There is none."""

    def time(self, data: bytes) -> int | None:
        """When the request came, else when the last of what it says happened, ms."""
        try:
            return self._made(read_line(data, self._hooks)).time
        except (BadLine, Declined):
            return None

    def record(self, line: Line, file: Path | str, ordinals: Ordinals) -> LineRecord:
        """The record of one line: the provider's, or one that says what is wrong with the line."""
        place = [("file", str(file).encode("utf-8", "replace")), ("line", str(line.number).encode())]
        if line.too_long:
            message = f"the line has {line.size:,} bytes, at most {LARGEST_LINE:,} are read: its head is kept here"
            return self._cut(line.data, message, place)
        try:
            recorded = read_line(line.data, self._hooks)
            record = self._made(recorded)
        except BadLine as error:
            return self._bad(line.data, error.source or self._source, place)
        except Declined as error:
            return self._cut(line.data, f"{error.detail}: the head of the line is kept here", place)
        return record._replace(headers=[*record.headers, *place])

    def _made(self, recorded: Recorded) -> LineRecord:
        """Raises Declined."""
        source = self._source_of(recorded.hook, recorded.source)
        if is_handshake(source.hook, recorded.delivery, source.secrets):
            told = [(HANDSHAKE, source.hook.name.encode())]
            return self._of_http(b"", source.name, told)._replace(time=recorded.at)
        record = record_of(source, recorded.delivery)
        if recorded.at is not None:
            return record
        record = record._replace(headers=[each for each in record.headers if each[0] != "ce_time"])
        return record._replace(time=self._time_of(record))

    def _bad(self, data: bytes, source: str, place: list[tuple[str, bytes]]) -> LineRecord:
        if len(data) > LARGEST_RECORD:
            message = f"the line has {len(data):,} bytes and can't be read: its head is kept here"
            return self._cut(data, message, place)
        return self._of_http(self._without_secrets(data), source, place)

    def _without_secrets(self, data: bytes) -> bytes:
        """A line as it stands, but for headers that let somebody in and what no topic gets of a body."""
        try:
            line = msgspec.json.decode(data)
        except UNREADABLE:
            return _head_without_secrets(data)
        if not isinstance(line, dict):
            return data
        kept, headers = dict(line), line.get("headers")
        if isinstance(headers, dict):
            kept["headers"] = {name: value for name, value in headers.items() if name.lower() not in _NOT_KEPT}
        # Whatever else is wrong with the line, it may be known whose body it has.
        told = {name: line.get(name) for name in ("path", "body")}
        with suppress(BadLine):
            body = self._redacted(read_line(msgspec.json.encode(told), self._hooks))
            if body is not None:
                kept["body"] = b64encode(body).decode()
        return data if kept == line else msgspec.json.encode(kept)

    def _redacted(self, recorded: Recorded) -> bytes | None:
        """The body of a request as a topic gets it; None: as it is."""
        source = self._source_of(recorded.hook, recorded.source)
        body = recorded.delivery.body
        if is_handshake(source.hook, recorded.delivery, source.secrets):
            return b"" if body else None
        redacted = source.hook.redacted(body)
        return None if redacted == body else redacted

    def _cut(self, data: bytes, message: str, place: list[tuple[str, bytes]]) -> LineRecord:
        head = _head_without_secrets(data[:HEAD])
        record = self._of_http(head, self._source, [*place, (REFUSED, message.encode("utf-8", "replace"))])
        return record._replace(refused=True)

    def _of_http(self, value: bytes, source: str, more: list[tuple[str, bytes]]) -> LineRecord:
        name = source.encode("utf-8", "replace")
        headers = [
            ("ce_type", NAME.encode()),
            ("ce_source", name),
            ("content-type", b"application/json"),
            ("ce_id", digest_of(value).encode()),
            *more,
        ]
        return LineRecord("channel.chat", name, value, headers, None)


def _head_without_secrets(data: bytes) -> bytes:
    """What can't be decoded, or the head of it, without the values of headers that let somebody in."""
    return _VALUE.sub(rb'\1""', data)
