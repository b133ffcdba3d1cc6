"""What stands in the headers of a record on contacts.failed: why it failed, at which stage, where it came from.

The record's value is the original bytes, and its own headers stay, so that it can be looked at and put back.
"""

from collections.abc import Iterable
from typing import Literal

from schemas.envelopes import Origin

Stage = Literal["intake", "rule"]
FailureReason = Literal["syntax", "schema", "unknown_type", "time", "identity", "rule", "too_large"]
"""syntax: can't be read. schema: a field is missing, unknown or of another kind. unknown_type: nobody knows such an
event or format. time: no instant, or one in the future. identity: nobody can say whose it is. rule: a rule raised.
too_large: longer than a record may be, so that only its head is kept; or it says more than one event or payload may."""

REFUSED = "refused"
"""Header of a record on a channel topic whose payload is not whole: why. Intake fails it as too_large."""

PREFIX = "failed."
LONGEST_MESSAGE = 2_000
"""Characters of a message that are kept."""


def failed_headers(
    headers: Iterable[tuple[str, bytes]],
    *,
    reason: str,
    stage: Stage,
    message: str,
    topic: str,
    partition: int | None = None,
    offset: int | None = None,
    file: str | None = None,
    line: int | None = None,
) -> tuple[tuple[str, bytes], ...]:
    """The original headers and `failed.reason`, `.stage`, `.message`, `.topic`, `.partition`, `.offset`, `.file`,
    `.line`, each only where it is known. A record that failed before does not keep the old ones."""
    said: tuple[tuple[str, str | int | None], ...] = (
        ("reason", reason),
        ("stage", stage),
        ("message", message[:LONGEST_MESSAGE]),
        ("topic", topic),
        ("partition", partition),
        ("offset", offset),
        ("file", file),
        ("line", line),
    )
    return (
        *((name, value) for name, value in headers if not name.startswith(PREFIX)),
        *((PREFIX + name, str(value).encode("utf-8", "replace")) for name, value in said if value is not None),
    )


def origin_headers(
    headers: Iterable[tuple[str, bytes]], *, reason: str, stage: Stage, message: str, origin: Origin
) -> tuple[tuple[str, bytes], ...]:
    """`failed_headers` of a record whose origin is known."""
    return failed_headers(
        headers,
        reason=reason,
        stage=stage,
        message=message,
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        file=origin.file,
        line=origin.line,
    )
