"""Resolutions: how long it took until contacts were solved, and how often they were opened again."""

from agents.metrics.evaluate import mean, share
from agents.metrics.ledger import Counts
from schemas.definitions import CATALOGUE
from schemas.instants import SECOND
from schemas.live import Metric

SOLVED, REOPENED = "solved", "reopened"
_TIMES = {
    "first_resolution": "first_resolution_time",
    "full_resolution": "full_resolution_time",
    "first_resolution_business": "first_resolution_time_business",
    "full_resolution_business": "full_resolution_time_business",
}
"""Measure -> the metric of it."""

_SUMS = {measure: f"{measure} ms" for measure in _TIMES}
"""Measure -> what the sum of its values is counted as in the ledger."""

_VERSIONS = {name: each.version for name, each in CATALOGUE.items() if each.shown == "solved"}


def counted_as(measure: str, value: int) -> tuple[tuple[str, int], ...]:
    """What one fact adds in the ledger, by name; nothing for a measure that is none of a resolution."""
    if measure in _TIMES:
        return (measure, 1), (_SUMS[measure], value)
    return ((measure, 1),) if measure in (SOLVED, REOPENED) else ()


def resolved(counts: Counts) -> dict[str, Metric]:
    """The metrics of what was solved."""
    metrics: dict[str, Metric] = {}
    for measure, metric in _TIMES.items():
        if measure in counts:
            metrics[metric] = mean(counts.get(_SUMS[measure], 0) / SECOND, counts[measure], _VERSIONS[metric])
    if SOLVED in counts or REOPENED in counts:
        metrics["reopen_rate"] = share(counts.get(REOPENED, 0), counts.get(SOLVED, 0), _VERSIONS["reopen_rate"])
    return metrics
