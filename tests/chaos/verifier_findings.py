"""What the judge finds wrong: each finding says what, where, and what was expected in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from tests.chaos.contract import Verdict

SHOWN = 40
"""So many findings of a kind are told one by one; all are counted."""


class Kind(StrEnum):
    """What a finding counts as."""

    LOST = "lost"
    DOUBLED = "doubled"
    MISSED = "missed_breaches"
    DUPLICATE = "duplicate_breaches"
    FALSE = "false_breaches"
    LATE = "late_breaches"


class Finding(NamedTuple):
    """One thing that is wrong. `final`: no more waiting can put it right."""

    kind: Kind
    what: str
    where: str
    expected: object = None
    found: object = None
    final: bool = False

    def __str__(self) -> str:
        told = "" if self.expected is None and self.found is None else f": expected {self.expected}, found {self.found}"
        return f"{self.kind}: {self.what} ({self.where}){told}"


def by_size(what: str, where: str, expected: float, found: float) -> Finding:
    """A number that differs: more than there was is doubled, less is lost."""
    return Finding(Kind.DOUBLED if found > expected else Kind.LOST, what, where, expected, found)


def verdict_of(events: int, findings: Sequence[Finding], hasty: int = 0, slack: int | None = None) -> Verdict:
    """Count and list them."""
    counts = Counter(each.kind for each in findings)
    lines = []
    for kind in Kind:
        own = [str(each) for each in findings if each.kind is kind]
        lines += own[:SHOWN]
        if len(own) > SHOWN:
            lines.append(f"{kind}: and {len(own) - SHOWN} more")
    return Verdict(
        events=events,
        lost=counts[Kind.LOST],
        doubled=counts[Kind.DOUBLED],
        missed_breaches=counts[Kind.MISSED],
        duplicate_breaches=counts[Kind.DUPLICATE],
        false_breaches=counts[Kind.FALSE],
        late_breaches=counts[Kind.LATE],
        hasty_breaches=hasty,
        slack_ms=slack,
        findings=lines,
    )


def irreparable(findings: Iterable[Finding]) -> bool:
    """Whether waiting longer is of no use."""
    return any(each.final for each in findings)
