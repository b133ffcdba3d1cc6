"""Intervals of proportions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.statistics import wilson


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
