"""CUSUM: evidence that a rate of arrivals has moved, added up minute by minute.

The statistic is Page's (1954) with log likelihood ratios: S = max(0, S + gain * x - allowance), an alarm at S >= h.
For Poisson counts it is Lucas' (1985). Whenever E exp(gain * x - allowance) <= 1 while nothing has moved, the mean
time to a false alarm is at least e^h ticks (Lorden 1971), whatever the usual rate does meanwhile: so a threshold
follows from a budget of false alarms alone, and the usual rate may change from tick to tick.
"""

from math import exp, log, log1p
from typing import NamedTuple

_POISSON = 1e-6


class Tilt(NamedTuple):
    """What one arrival says (`gain`), and what one expected arrival takes away again (`cost`)."""

    gain: float
    cost: float


def tilt(ratio: float, dispersion: float = 1.0) -> Tilt:
    """The log likelihood ratio of counts whose mean is `ratio` times the usual one against the usual one.

    Counts have a variance of `dispersion` times their mean: Poisson for 1, else negative binomial, exponentially
    tilted, so that E exp(gain * x - cost * mean) is 1 exactly in both.

    >>> tilt(2.0)
    Tilt(gain=0.6931471805599453, cost=1.0)
    """
    extra = dispersion - 1
    if extra < _POISSON:
        return Tilt(log(ratio), ratio - 1)
    gain = log(ratio * dispersion / (1 + ratio * extra))
    return Tilt(gain, -log1p(-extra * (exp(gain) - 1)) / extra)


def add_up(statistic: float, count: float, gain: float, allowance: float) -> float:
    """The statistic after one more tick.

    >>> add_up(3.0, 9, gain=1, allowance=5)
    7.0
    """
    return max(0.0, statistic + gain * count - allowance)


def threshold(cycles_per_day: float, false_alarms_per_day: float) -> float:
    """The h at which charts raise at most so many false alarms a day, all together.

    A chart goes in cycles, from one 0 of its statistic to the next, each of which reaches h with a probability of
    e^-h at most (Wald). A cycle needs a tick, and an arrival to begin or to end it: so there are no more of them than
    of either.

    >>> round(threshold(20 * 1440, 1.0), 2)
    10.27
    """
    return max(log(max(cycles_per_day, 1.0) / false_alarms_per_day), 1.0)
