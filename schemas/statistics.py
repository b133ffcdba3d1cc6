"""Chance: how sure a number is. Pure formulas, checked against statsmodels."""

from math import sqrt

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
