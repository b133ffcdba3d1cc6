"""Chance: how sure a number is. Pure formulas, checked against statsmodels."""

from math import ceil, floor, sqrt

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal distribution."""


def wilson(successes: int, n: int) -> tuple[float, float] | None:
    """95 % score interval of a proportion (Wilson, JASA 1927), as fractions within 0..1.

    None when there is no proportion: nothing observed, or counts that are not (yet) `0 <= successes <= n`.
    """
    if n <= 0 or not 0 <= successes <= n:
        return None
    share = successes / n
    square = Z95 * Z95 / n
    stretch = 1 + square
    centre = (share + square / 2) / stretch
    half = Z95 * sqrt((share * (1 - share) + square / 4) / n) / stretch
    # At the ends the formula gives 0 and 1 up to rounding; an interval never leaves them.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high


def net_interval(up: int, down: int, n: int) -> tuple[float, float] | None:
    """95 % interval of 100 x (up - down) / n, in points within -100..100: adjusted Wald, with three quarters of a case
    added to either side and three to all (Rocks, The American Statistician, 2016).

    None when there is no such difference: nothing observed, or counts that are not (yet) of one whole.
    """
    if n <= 0 or up < 0 or down < 0 or up + down > n:
        return None
    whole = n + 3
    high, low = (up + 0.75) / whole, (down + 0.75) / whole
    centre = high - low
    half = Z95 * sqrt((high + low - centre * centre) / whole)
    return max(-100.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))


def quantile_ranks(n: int, percent: int) -> tuple[int, int] | None:
    """Ranks (from 1) of the two of `n` ordered values between which a quantile lies with at least 95 %: order
    statistics, the binomial distribution taken as a normal one with continuity correction (Conover, Practical
    Nonparametric Statistics, 1999, 3.2).

    None where there are too few for two such values: fewer than 6 for the median, 45 for the 90th percentile.
    """
    share = percent / 100
    middle, half = n * share, Z95 * sqrt(n * share * (1 - share))
    low, high = floor(middle - half + 0.5), ceil(middle + half + 0.5)
    return (low, high) if low >= 1 and high <= n else None
