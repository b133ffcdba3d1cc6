"""However the same calls are fed, the same comes out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.acceptance import bank
from tests.acceptance.conftest import Backtest, StartFloor

ROWS = 100
WAITS = 10
"""After every so many rows, the next is sent only when all before it are understood."""


@pytest.mark.slow
def test_a_hundred_rows_fed_one_by_one_give_what_they_give_at_full_speed(
    start_floor: StartFloor, tmp_path: Path
) -> None:
    chosen = Random("a hundred rows").sample(bank.calls(), ROWS)
    chosen.sort(key=lambda call: call.ended)
    at_full_speed, one_by_one = start_floor(), start_floor()
    at_full_speed.replay(bank.write(tmp_path / "rows.csv", chosen))
    for number, call in enumerate(chosen, 1):
        one_by_one.replay(bank.write(tmp_path / f"row-{number}.csv", [call]), end=number == ROWS)
        if number % WAITS == 0:
            one_by_one.wait_understood(number)
    at_full_speed.wait_ended(ROWS)
    one_by_one.wait_ended(ROWS)
    whole, steps = at_full_speed.outcome(), one_by_one.outcome()
    assert whole.counts["read"] == ROWS
    assert whole.alerts
    assert steps.counts == whole.counts
    assert steps.alerts == whole.alerts
    assert steps.numbers == whole.numbers
    assert steps.customers == whole.customers


@pytest.mark.slow
@pytest.mark.parametrize("order", [bank.by_end, lambda: list(bank.calls())], ids=["as they ended", "as they stand"])
def test_the_day_in_two_halves_gives_what_it_gives_whole(
    order: Callable[[], list[bank.Call]], gold: Backtest, start_floor: StartFloor, tmp_path: Path
) -> None:
    # As the rows stand (0:, 10:, ... 9:), the second half is earlier than much of the first.
    calls = order()
    middle = len(calls) // 2
    floor = start_floor()
    floor.replay(bank.write(tmp_path / "first.csv", calls[:middle]), end=False)
    floor.wait_understood(middle)
    floor.replay(bank.write(tmp_path / "second.csv", calls[middle:]))
    floor.wait_ended(len(calls))
    outcome = floor.outcome()
    assert outcome.counts == gold.outcome.counts
    assert outcome.alerts == gold.outcome.alerts
    assert outcome.numbers == gold.outcome.numbers
    assert outcome.customers == gold.outcome.customers
