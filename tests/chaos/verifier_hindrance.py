"""How late a breach may be, by the schedule of faults alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LATE_MS = 5_000


class Hindrance:
    """The spans in which the service was hindered, overlapping ones as one. `session_ms`: see Faults."""

    def __init__(self, faults: Iterable[dict[str, Any]], session_ms: int) -> None:
        self._session = session_ms
        self._spans: list[tuple[int, int]] = []
        for began, ended in sorted((each["hindered_from_ms"], each["hindered_to_ms"]) for each in faults):
            if self._spans and began <= self._spans[-1][1]:
                began, ended = self._spans[-1][0], max(ended, self._spans.pop()[1])
            self._spans.append((began, ended))

    def allowed(self, since: int, until: int) -> int:
        """How many ms after `since` something seen at `until` may have come."""
        hindered = sum(max(0, min(ended, until) - max(began, since)) for began, ended in self._spans)
        return hindered + self._session + LATE_MS
