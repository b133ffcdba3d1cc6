"""Which status a number has, coming from which."""

from itertools import pairwise

import pytest

from streams.outlets.gateway.shown import Status
from streams.outlets.gateway.status import (
    of_abandonment,
    of_agents,
    of_service_level,
    of_wait,
    word_of_abandonment,
    word_of_agents,
    word_of_service_level,
    word_of_wait,
    worst,
)


@pytest.mark.parametrize(
    ("before", "waited", "status"),
    [
        (None, None, "good"),
        (None, 0.0, "good"),
        (None, 14.9, "good"),
        (None, 15.0, "warn"),
        (None, 20.0, "warn"),
        (None, 20.1, "bad"),
        ("good", 14.9, "good"),
        ("warn", 14.9, "warn"),
        ("warn", 12.1, "warn"),
        ("warn", 12.0, "good"),
        ("warn", 20.1, "bad"),
        ("bad", 16.1, "bad"),
        ("bad", 16.0, "warn"),
        ("bad", 12.5, "warn"),
        ("bad", 12.0, "good"),
        ("bad", None, "good"),
        ("closed", 14.9, "good"),
    ],
)
def test_a_wait_turns_at_other_values_than_it_turns_back(
    before: Status | None, waited: float | None, status: Status
) -> None:
    assert of_wait(before, waited, 20.0) == status


@pytest.mark.parametrize("target", [None, 0.0])
def test_a_wait_without_a_promise_has_no_colour(target: float | None) -> None:
    assert of_wait("bad", 500.0, target) == "neutral"


@pytest.mark.parametrize(
    ("before", "n", "m", "status"),
    [
        (None, 0, 0, "neutral"),
        (None, 0, 9, "low_n"),
        (None, 9, 9, "low_n"),
        (None, 10, 10, "good"),
        (None, 8, 10, "good"),
        (None, 7, 10, "warn"),  # interval 0.40 to 0.89: not surely under 0.8
        (None, 41, 66, "bad"),  # interval 0.50 to 0.73
        (None, 79, 100, "warn"),
        (None, 70, 100, "bad"),  # interval 0.60 to 0.78
        (None, 72, 100, "bad"),  # interval to 0.799
        ("bad", 73, 100, "bad"),  # interval to 0.807: within 2 points of the target
        ("good", 73, 100, "warn"),
        ("bad", 75, 100, "warn"),  # interval to 0.824
        ("bad", 80, 100, "warn"),  # no more than on the target
        ("warn", 81, 100, "warn"),
        ("good", 81, 100, "good"),
        ("warn", 82, 100, "good"),
    ],
)
def test_a_service_level_is_bad_only_when_it_is_surely_below(
    before: Status | None, n: int, m: int, status: Status
) -> None:
    assert of_service_level(before, n, m, 0.8) == status


def test_a_service_level_of_all_is_good_whatever_is_wanted() -> None:
    assert of_service_level("warn", 50, 50, 0.99) == "good"


@pytest.mark.parametrize(
    ("before", "n", "m", "status"),
    [
        (None, 0, 0, "neutral"),
        (None, 5, 9, "low_n"),
        (None, 5, 100, "good"),
        (None, 6, 100, "warn"),
        (None, 9, 100, "warn"),  # interval 0.048 to 0.162: not surely over 5 %
        (None, 10, 100, "bad"),  # interval from 0.055
        (None, 4, 40, "warn"),
        ("bad", 6, 100, "bad"),
        ("bad", 59, 1000, "warn"),
        ("bad", 3, 100, "good"),
        ("warn", 4, 100, "warn"),
        ("warn", 39, 1000, "good"),
        ("good", 45, 1000, "good"),
    ],
)
def test_abandonment_turns_at_other_values_than_it_turns_back(
    before: Status | None, n: int, m: int, status: Status
) -> None:
    assert of_abandonment(before, n, m) == status


@pytest.mark.parametrize(
    ("before", "ready", "minimum", "status"),
    [
        (None, 3, None, "neutral"),
        (None, 4, 4, "good"),
        (None, 3, 4, "bad"),
        (None, 0, 0, "good"),
        ("bad", 4, 4, "warn"),
        ("warn", 4, 4, "warn"),
        ("bad", 5, 4, "good"),
        ("good", 4, 4, "good"),
    ],
)
def test_agents_are_held_against_the_minimum(
    before: Status | None, ready: float, minimum: int | None, status: Status
) -> None:
    assert of_agents(before, ready, minimum) == status


def changes(statuses: list[Status]) -> int:
    return sum(one != other for one, other in pairwise(statuses))


@pytest.mark.parametrize("around", [(19.9, 20.1), (14.9, 15.1), (12.1, 14.9), (16.1, 20.1)])
def test_a_wait_that_moves_about_a_limit_changes_its_status_once(around: tuple[float, float]) -> None:
    status: Status | None = None
    seen: list[Status] = []
    for _ in range(20):
        for waited in around:
            status = of_wait(status, waited, 20.0)
            seen.append(status)
    assert changes(seen) <= 1


@pytest.mark.parametrize("around", [(79, 80), (80, 81), (72, 73), (74, 72)])
def test_a_service_level_that_moves_about_a_limit_changes_its_status_once(around: tuple[int, int]) -> None:
    status: Status | None = None
    seen: list[Status] = []
    for _ in range(20):
        for n in around:
            status = of_service_level(status, n, 100, 0.8)
            seen.append(status)
    assert changes(seen) <= 1


@pytest.mark.parametrize("around", [(4, 6), (5, 6), (7, 9), (9, 10), (6, 10)])
def test_abandonment_that_moves_about_a_limit_changes_its_status_once(around: tuple[int, int]) -> None:
    status: Status | None = None
    seen: list[Status] = []
    for _ in range(20):
        for n in around:
            status = of_abandonment(status, n, 100)
            seen.append(status)
    assert changes(seen) <= 1


def test_the_worst_of_some_is_shown() -> None:
    assert worst(["good", "bad", "warn"]) == "bad"
    assert worst(["neutral", "good"]) == "good"
    assert worst([]) == "neutral"


def test_a_status_says_its_limit_in_words() -> None:
    assert [word_of_wait(status, 20.0) for status in ("good", "warn", "bad", "neutral")] == [
        "ON TARGET",
        "CLOSE TO 20 s",
        "OVER 20 s",
        "",
    ]
    assert word_of_wait("bad", 1800.0) == "OVER 30 min"
    assert word_of_service_level("bad", 0.5, 0.8) == "BELOW 80 %"
    assert word_of_service_level("warn", 0.69, 0.8) == "BELOW 80 %?", "chance may explain it"
    assert word_of_service_level("warn", 0.81, 0.8) == "CLOSE TO 80 %"
    assert word_of_service_level("low_n", 0.5, 0.8) == "LOW N"
    assert word_of_abandonment("warn") == "OVER 5 %"
    assert word_of_abandonment("bad") == "OVER 8 %"
    assert word_of_agents("bad", 4) == "BELOW 4"
