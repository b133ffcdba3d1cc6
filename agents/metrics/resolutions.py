"""Resolutions: how long it took until contacts were solved, and how often they were opened again."""

from agents.metrics import durations
from agents.metrics.evaluate import share
from agents.metrics.ledger import Counts
from schemas.definitions import CATALOGUE
from schemas.live import Metric

SOLVED, REOPENED = "solved", "reopened"
_TIMES = {
    "first_resolution": "first_resolution_time",
    "full_resolution": "full_resolution_time",
    "first_resolution_business": "first_resolution_time_business",
    "full_resolution_business": "full_resolution_time_business",
}
"""Measure -> the metric of its mean."""


def counted_as(measure: str, value: int) -> tuple[tuple[str, int], ...]:
    """What one fact adds in the ledger, by name; nothing for a measure that is none of a resolution."""
    metric = _TIMES.get(measure)
    if metric is not None:
        return durations.counted_as(metric, value)
    return ((measure, 1),) if measure in (SOLVED, REOPENED) else ()


def reopened(counts: Counts) -> dict[str, Metric]:
    """How often contacts were opened again, where any was or was solved."""
    if SOLVED not in counts and REOPENED not in counts:
        return {}
    rate = share(counts.get(REOPENED, 0), counts.get(SOLVED, 0), CATALOGUE["reopen_rate"].version)
    return {"reopen_rate": rate}
