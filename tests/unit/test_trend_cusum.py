"""The CUSUM: run lengths by an exact Markov chain, and the martingale that the threshold rests on."""

from math import exp, log

import pytest

from agents.metrics.cusum import add_up, threshold, tilt


def poisson_masses(mean: float, largest: int) -> list[float]:
    masses = [exp(-mean)]
    for n in range(1, largest + 1):
        masses.append(masses[-1] * mean / n)
    return masses


def negative_binomial_masses(mean: float, dispersion: float, largest: int) -> list[float]:
    size, share = mean / (dispersion - 1), 1 / dispersion
    masses = [share**size]
    for n in range(1, largest + 1):
        masses.append(masses[-1] * (size + n - 1) / n * (1 - share))
    return masses


def average_run_length(mean: float, allowance: int, limit: int) -> float:
    """Ticks to an alarm from 0, of the chart of whole numbers: (I - Q) a = 1 over the states below the limit."""
    masses = poisson_masses(mean, 80)
    rows = [[0.0] * limit + [1.0] for _ in range(limit)]
    for state in range(limit):
        rows[state][state] += 1.0
        for n, mass in enumerate(masses):
            after = add_up(state, n, gain=1, allowance=allowance)
            if after < limit:
                rows[state][int(after)] -= mass
    for at in range(limit):
        pivot = rows[at][at]
        rows[at] = [each / pivot for each in rows[at]]
        for other in range(limit):
            if other != at and rows[other][at]:
                factor = rows[other][at]
                rows[other] = [a - factor * b for a, b in zip(rows[other], rows[at], strict=True)]
    return rows[0][limit]


@pytest.mark.parametrize(
    ("limit", "lengths"),
    [
        (8, (171.8, 20.9, 7.76, 3.30)),
        (10, (421.7, 29.8, 9.73, 3.96)),
        (12, (1015.8, 40.4, 11.71, 4.63)),
        (15, (3739.7, 59.2, 14.70, 5.63)),
    ],
)
def test_run_lengths_are_those_of_the_poisson_table(limit: int, lengths: tuple[float, ...]) -> None:
    found = [average_run_length(mean, 5, limit) for mean in (4, 5, 6, 8)]
    assert found == pytest.approx(lengths, rel=3e-3)


def test_the_allowance_of_a_poisson_chart_is_lucas() -> None:
    of = tilt(6 / 4)
    assert of.cost * 4 / of.gain == pytest.approx(4.933, abs=5e-4)


@pytest.mark.parametrize("ratio", [0.25, 0.5, 1.5, 2.0, 5.0])
@pytest.mark.parametrize("dispersion", [1.0, 1.2, 1.8, 6.0])
@pytest.mark.parametrize("mean", [0.05, 1.0, 7.0])
def test_while_nothing_moves_the_likelihood_ratio_has_a_mean_of_1(ratio: float, dispersion: float, mean: float) -> None:
    of = tilt(ratio, dispersion)
    masses = poisson_masses(mean, 150) if dispersion == 1 else negative_binomial_masses(mean, dispersion, 900)
    assert sum(masses) == pytest.approx(1)
    usual = sum(mass * exp(of.gain * n - of.cost * mean) for n, mass in enumerate(masses) if mass)
    moved = sum(n * mass * exp(of.gain * n - of.cost * mean) for n, mass in enumerate(masses) if mass)
    assert usual == pytest.approx(1, rel=1e-6)
    assert moved == pytest.approx(ratio * mean, rel=1e-5)


def test_more_dispersion_makes_an_arrival_say_less() -> None:
    gains = [tilt(2.0, dispersion).gain for dispersion in (1.0, 1.0000001, 1.2, 1.8, 4.0)]
    assert gains == sorted(gains, reverse=True)
    assert gains[1] == pytest.approx(log(2), rel=1e-6)


def test_a_threshold_holds_the_budget_and_grows_with_what_is_watched() -> None:
    assert threshold(2880, 1.0) == pytest.approx(log(2880))
    assert threshold(2880, 0.1) > threshold(2880, 1.0) > threshold(288, 1.0)
    assert threshold(0, 100.0) == 1.0
