"""Recorded HTTP requests, one JSON object a line: {"method", "path", "headers", "body", "time"}.

`path` is that of the gateway, /hooks/PROVIDER/SOURCE, with its query. `body` is base64. `time`, which may be missing,
is when the request came: ISO 8601 with a zone, or ms since the epoch.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from schemas.failures import FailureReason
from schemas.instants import to_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, Hook, NotGenuine, Secrets

NAME = "http"
"""Name of the format, and `ce_type` of lines that no provider's record can be made of."""

HANDSHAKE = "handshake"
"""Header of the record of a request that was a handshake: its provider. The record has no payload."""

_LATEST_MS = 253_402_300_799_999
_MOST_PARAMETERS = 1_000
_ANY_SECRET = ("",)
_CONFIRMS = re.compile(rb'"Type"\s*:\s*"(?:Subscription|Unsubscribe)Confirmation"')


class BadLine(ValueError):
    """A line of which no record of a provider can be made. `message`: what is wrong, where, and what is expected.
    `source`: whose request it was, where the line says it."""

    def __init__(self, reason: FailureReason, message: str, source: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.source = source


class _Line(msgspec.Struct, gc=False):
    path: str
    method: str = "POST"
    headers: dict[str, str] = {}
    body: str = ""
    time: int | str | None = None


class Recorded(NamedTuple):
    """One request. `at`: when it came, ms, None where the line does not say; the delivery then has 0."""

    hook: Hook
    source: str
    delivery: Delivery
    at: int | None


_decode = msgspec.json.Decoder(_Line).decode


def read_line(data: bytes, hooks: Mapping[str, Hook]) -> Recorded:
    """The request of a line. `hooks`: providers by name. Raises BadLine."""
    try:
        line = _decode(data)
    except msgspec.ValidationError as error:
        raise BadLine("schema", f"no recorded request: {error}") from None
    except UNREADABLE as error:
        raise BadLine("syntax", f"no JSON object in UTF-8: {error}") from None
    provider, source, query = _address(line.path)
    hook = hooks.get(provider)
    if hook is None:
        known = ", ".join(sorted(hooks))
        raise BadLine("unknown_type", f"`$.path` names the provider {provider[:60]!r}; there are: {known}", source)
    at = _instant(line.time, source)
    headers = {name.lower(): value for name, value in line.headers.items()}
    url = f"https://{headers.get('host', 'localhost')}{line.path}"
    delivery = Delivery(line.method.upper(), url, query, headers, _body(line.body, source), at or 0)
    return Recorded(hook, source, delivery, at)


def is_handshake(hook: Hook, delivery: Delivery, secrets: Secrets) -> bool:
    """Whether a request confirmed an address and told no event. Nothing is verified: proofs grow old, and who asks need
    not have the secrets. A confirmation of Amazon SNS is one whosever it is: it has a token."""
    if delivery.method != "POST":
        return True
    try:
        return hook.greet(delivery, _AnySecrets(secrets)) is not None
    except NotGenuine:
        return _CONFIRMS.search(delivery.body) is not None


class _AnySecrets(dict[str, tuple[str, ...]]):
    """Secrets, and others for names that are not there."""

    def __missing__(self, name: str) -> tuple[str, ...]:
        return _ANY_SECRET


def _address(path: str) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    try:
        split = urlsplit(path)
        query = parse_qsl(split.query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise BadLine("schema", f"`$.path` is no path: {error}") from None
    parts = [unquote(part) for part in split.path.split("/")]
    if len(parts) != 4 or parts[:2] != ["", "hooks"] or not parts[2] or not parts[3]:
        raise BadLine("schema", f"`$.path` is {path[:100]!r}, and expected is /hooks/PROVIDER/SOURCE")
    return parts[2], parts[3], tuple(query)


def _body(text: str, source: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise BadLine("syntax", f"`$.body` is no base64: {error}", source) from None


def _instant(said: int | str | None, source: str) -> int | None:
    if said is None:
        return None
    try:
        if isinstance(said, str) and not said.strip().isdecimal():
            at = to_ms(datetime.fromisoformat(said.strip()))
        else:
            at = int(said)
    except (ValueError, TypeError, OverflowError):
        at = -1
    if not 0 <= at <= _LATEST_MS:
        message = f"`$.time` is {str(said)[:60]!r}, and expected is ISO 8601 with a zone, or ms since the epoch"
        raise BadLine("time", message, source)
    return at
