"""Durations as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.durations import parse_promise, parse_seconds


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (20, 20.0), (0.5, 0.5), (0, 0.0), ("20", 20.0), ("20s", 20.0), ("1m30s", 90.0), ("1m 30s", 90.0),
        ("24h", 86_400.0), ("7d", 604_800.0), ("500ms", 0.5), ("1.5h", 5_400.0), (" 2H ", 7_200.0),
    ],
    ids=repr,
)  # fmt: skip
def test_a_duration_is_a_number_of_seconds_or_text_with_units(written: object, seconds: float) -> None:
    assert parse_seconds(written) == seconds


@pytest.mark.parametrize(
    "written",
    ["", "x", "20 x", "s", "1m-30s", "m1", True, None, [20], -1, "-1", "nan", "inf", float("inf"), "1h;"],
    ids=repr,
)
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_seconds(written)


@pytest.mark.parametrize("written", [0, "0", "0s", "none", "None", " none "], ids=repr)
def test_a_promise_of_none_or_nought_is_none(written: object) -> None:
    assert parse_promise(written) == 0.0


def test_a_promise_is_of_ten_years_at_most() -> None:
    assert parse_promise("3650d") == 315_360_000.0
    with pytest.raises(ValueError, match="longer than 3650 days"):
        parse_promise(315_360_001)


@given(st.integers(0, 50), st.integers(0, 99), st.integers(0, 59), st.integers(0, 999))
def test_the_parts_of_a_duration_add_up_exactly(hours: int, minutes: int, seconds: int, ms: int) -> None:
    total = hours * 3_600_000 + minutes * 60_000 + seconds * 1_000 + ms
    assert round(parse_seconds(f"{hours}h{minutes}m{seconds}s{ms}ms") * 1_000) == total
