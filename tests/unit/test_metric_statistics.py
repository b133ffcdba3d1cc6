"""Intervals of proportions and of quantiles."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.statistics import quantile_ranks, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0, 0.277533),
        (1, 1, 0.206549, 1),
        (8, 10, 0.490162, 0.943318),
        (4, 13, 0.126807, 0.576307),
        (50, 100, 0.403832, 0.596168),
        (180, 200, 0.850594, 0.934330),
        (1600, 2000, 0.781902, 0.816948),
        (14, 20, None, 0.854523),
        (70, 100, None, 0.781051),
    ],
)
def test_wilson_gives_what_statsmodels_gives(successes: int, n: int, low: float | None, high: float) -> None:
    interval = wilson(successes, n)
    assert interval is not None
    assert interval[1] == pytest.approx(high, abs=1e-6)
    if low is not None:
        assert interval[0] == pytest.approx(low, abs=1e-6)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5), (1, -2)])
def test_there_is_no_interval_of_what_is_no_proportion(successes: int, n: int) -> None:
    assert wilson(successes, n) is None


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_stays_within_0_and_1_and_holds_the_share(counts: tuple[int, int]) -> None:
    successes, n = counts
    interval = wilson(successes, n)
    assert interval is not None
    low, high = interval
    assert 0 <= low <= successes / n <= high <= 1
    mirrored = wilson(n - successes, n)
    assert mirrored is not None
    assert mirrored[0] == pytest.approx(1 - high, abs=1e-12)


@pytest.mark.parametrize(("percent", "least"), [(50, 6), (90, 45)])
def test_a_quantile_lies_between_two_values_with_95_percent_or_more_whatever_the_distribution(
    percent: int, least: int
) -> None:
    assert quantile_ranks(least - 1, percent) is None
    for n in (*range(least, 200), 500, 1_000):
        ranks = quantile_ranks(n, percent)
        assert ranks is not None
        low, high = ranks
        assert 1 <= low < high <= n
        # The low one is not above it, nor the high one below, where from `low` to `high - 1` values are.
        chances = (comb(n, k) * percent**k * (100 - percent) ** (n - k) for k in range(low, high))
        assert 0.95 <= sum(chances) / 100**n < 0.993
