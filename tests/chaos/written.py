"""Records as the service would write them, for tests of the judge."""

from __future__ import annotations

import json

from tests.chaos.verifier_reading import Record

T = 1_800_000_000_000
CONTACT = "c0000000-0000-0000-0000-000000000001"


def iso(ms: int) -> str:
    """An instant within the hour after T."""
    return f"2027-01-15T08:{(ms - T) // 60_000:02d}:{(ms - T) // 1_000 % 60:02d}.{ms % 1_000:03d}Z"


def record(topic: str, value: object, *, offset: int = 0, key: str = "k", at: int = T, **headers: str) -> Record:
    """A record whose value is JSON."""
    return Record(topic, 0, offset, at, key, json.dumps(value).encode(), headers)
