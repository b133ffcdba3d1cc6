"""Instants and durations: integer milliseconds inside, ISO 8601 UTC and seconds in public records."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True, extra_json_schema={"format": "date-time"})]
"""An instant in a public record: ISO 8601, with its zone; what we write is UTC with a Z."""

Seconds = Annotated[float, msgspec.Meta(extra_json_schema={"description": "seconds"})]
"""A duration in a public record."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

SECOND = 1_000
MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime, rounded down.

    Raises TypeError for a datetime without a zone: local wall times are ambiguous once a year.
    """
    span = instant - EPOCH
    return span.days * DAY + span.seconds * SECOND + span.microseconds // 1000


def from_ms(ms: int) -> datetime:
    """The UTC datetime of milliseconds since the epoch (exact)."""
    return EPOCH + ms * _MS


def seconds(ms: int | None) -> float | None:
    """Milliseconds as seconds for a public record; None stays None."""
    return None if ms is None else ms / 1000


def to_duration_ms(value: float | None) -> int | None:
    """Seconds of a public record as whole milliseconds (nearest); None stays None."""
    return None if value is None else round(value * 1000)
