"""Durations: how long it took, as means, medians and 90th percentiles of the values of a window.

Values are counted in buckets as those of an HdrHistogram (Gil Tene): the seven leading bits stand, so that a bucket's
middle is within 0.8 % of what is in it. Its bounds are whole numbers, the same on every machine, and counts of it add
up and are taken back exactly.
"""

from bisect import bisect_left
from itertools import accumulate

from agents.metrics.evaluate import mean
from agents.metrics.ledger import Counts
from schemas.definitions import CATALOGUE
from schemas.durations import DURATIONS, QUANTILES, quantiles_of
from schemas.instants import SECOND
from schemas.live import Metric
from schemas.statistics import quantile_ranks

_BITS = 7
_BUCKET = "@"
_SUMS = {duration.id: f"{duration.id} ms" for duration in DURATIONS}
"""Metric -> what the sum of its values is counted as in the ledger."""

_VERSIONS = {name: CATALOGUE[name].version for name in (*_SUMS, *QUANTILES)}
_OF = {duration.id: quantiles_of(duration.id) for duration in DURATIONS}
"""Metric -> its quantiles, and how many in a hundred are no longer."""


def counted_as(metric: str, value: int) -> tuple[tuple[str, int], ...]:
    """What one value (ms) of a duration adds in the ledger, by name."""
    low = value >> _shift(value) << _shift(value)
    return (f"{metric}{_BUCKET}{low}", 1), (_SUMS[metric], value)


def durations(counts: Counts) -> dict[str, Metric]:
    """The metrics of every duration of which there are values."""
    buckets: dict[str, dict[int, int]] = {}
    for name, n in counts.items():
        metric, at, low = name.partition(_BUCKET)
        if at:
            buckets.setdefault(metric, {})[int(low)] = n
    metrics: dict[str, Metric] = {}
    for metric, found in buckets.items():
        n = sum(found.values())
        metrics[metric] = mean(counts.get(_SUMS[metric], 0) / SECOND, n, _VERSIONS[metric])
        # Facts may come in any order: what is taken back before it came is a debt and no value.
        values = sorted(low for low, count in found.items() if count > 0)
        upto = list(accumulate(found[low] for low in values))
        for name, percent in _OF[metric].items():
            metrics[name] = _quantile(name, values, upto, percent)
    return metrics


def _quantile(name: str, values: list[int], upto: list[int], percent: int) -> Metric:
    n = upto[-1] if upto else 0
    if not n:
        return Metric(value=None, n=0, version=_VERSIONS[name])

    def at(rank: int) -> float:
        return _middle(values[bisect_left(upto, rank)]) / SECOND

    whole, rest = divmod(n * percent, 100)
    ranks = quantile_ranks(n, percent)
    return Metric(
        value=at(whole + 1) if rest else (at(whole) + at(whole + 1)) / 2,
        n=n,
        version=_VERSIONS[name],
        interval=None if ranks is None else (at(ranks[0]), at(ranks[1])),
    )


def _shift(value: int) -> int:
    return max(0, value.bit_length() - _BITS)


def _middle(low: int) -> float:
    return low + ((1 << _shift(low)) - 1) / 2
