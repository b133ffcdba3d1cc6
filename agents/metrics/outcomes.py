"""Outcomes: what became of the source records. read = accepted + ignored + failed + duplicates, always."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from schemas.envelopes import OUTCOME_RANK
from schemas.partials import SplitOutcome
from streams.store import Store

_COUNTS = "counts"
_WITH_REASON = ("ignored", "failed")


class UnknownOutcome(ValueError):
    """A partial names an outcome that this version does not know: the tasks run different versions."""


class Split(msgspec.Struct, array_like=True):
    """A source record of several parts, of which `seen` have come; `outcome` is the first in rank so far."""

    seen: int
    outcome: str
    reason: str | None


class Counted(NamedTuple):
    """Source records by outcome, and the ignored and the failed by reason."""

    by_outcome: dict[str, int]
    ignored_by: dict[str, int]
    failed_by: dict[str, int]


class Outcomes:
    """Counts of source records; those of several parts count once, when all their parts have come."""

    def __init__(self) -> None:
        self.counts: Store[dict[str, int]] = Store(b"o", dict[str, int])
        self.splits: Store[Split] = Store(b"s", Split)

    def apply(self, outcomes: Mapping[str, int], splits: Iterable[SplitOutcome]) -> None:
        """Take counts ('accepted', 'duplicate', 'ignored:WHY', 'failed:WHY') and parts. Raises UnknownOutcome."""
        for outcome, n in outcomes.items():
            self._count(outcome, n)
        for part in splits:
            if part.outcome not in OUTCOME_RANK:
                raise UnknownOutcome(f"source record {part.origin}: outcome {part.outcome!r}")
            split = self.splits.get(part.origin)
            if split is None:
                split = Split(0, part.outcome, part.reason)
            elif OUTCOME_RANK[part.outcome] < OUTCOME_RANK[split.outcome]:
                split.outcome, split.reason = part.outcome, part.reason
            split.seen += 1
            if split.seen < part.parts:
                self.splits.put(part.origin, split)
                continue
            self.splits.delete(part.origin)
            named = split.reason is not None and split.outcome in _WITH_REASON
            self._count(f"{split.outcome}:{split.reason}" if named else split.outcome, 1)

    def counted(self) -> Counted:
        """All counts so far."""
        by_outcome = dict.fromkeys(OUTCOME_RANK, 0)
        by_reason: dict[str, dict[str, int]] = {outcome: {} for outcome in _WITH_REASON}
        for name, n in (self.counts.get(_COUNTS) or {}).items():
            outcome, _, reason = name.partition(":")
            by_outcome[outcome] += n
            if outcome in by_reason:
                by_reason[outcome][reason or "unspecified"] = n
        return Counted(by_outcome, by_reason["ignored"], by_reason["failed"])

    def _count(self, name: str, n: int) -> None:
        if name.partition(":")[0] not in OUTCOME_RANK:
            raise UnknownOutcome(f"{n} source records with outcome {name!r}")
        counts = self.counts.get(_COUNTS) or {}
        counts[name] = counts.get(name, 0) + n
        self.counts.put(_COUNTS, counts)
