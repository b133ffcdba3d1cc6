"""The bank's day through `floorwalker backtest`: the numbers that the data's authors could have counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest

from tests.acceptance import bank
from tests.acceptance.conftest import Backtest, backtest

DAY = ("day", "1999-07-31T21:00:00Z", "1999-08-01T21:00:00Z")
ALL = ("all", None, None)

COUNTS = {
    "contacts_offered": 2_237,
    "contacts_answered": 1_511,
    "contacts_abandoned": 726,
    "contacts_left_in_ivr": 120,
    "longest_wait": 1_823,
}
MEANS = {
    "average_speed_of_answer": 134.846,
    "average_handle_time": 193.786,
    "average_abandon_time": 79.727,
}
SHARES = {
    "abandonment_rate": (726, 2_237),
    "service_level.answered_over_answered@20": (404, 1_511),
    "service_level.answered_over_offered@20": (404, 2_237),
    "service_level.removed_erlang@20": (581, 2_237),
    "service_level.excl_short@20": (404, 2_224),
}


@pytest.mark.parametrize("window", [ALL, DAY], ids=["all", "day"])
def test_the_whole_floor_has_the_published_numbers(gold: Backtest, window: tuple[str | None, ...]) -> None:
    floor = {
        str(metric): (value, numerator, denominator, n)
        for metric, _, scope, of, value, numerator, denominator, n in gold.outcome.numbers
        if scope == (None, None) and of == window
    }
    assert {name: floor[name][0] for name in COUNTS} == COUNTS
    assert {name: round(float(str(floor[name][0])), 3) for name in MEANS} == MEANS
    assert {name: floor[name][1:3] for name in SHARES} == SHARES
    for name, (part, whole) in SHARES.items():
        assert floor[name] == (part / whole, part, whole, whole)
    assert round(726 / 2_237, 5) == 0.32454


def test_every_source_record_is_counted_once(gold: Backtest) -> None:
    assert gold.out["counts"] == {"read": 2_375, "accepted": 2_357, "ignored": 18, "failed": 0, "duplicates": 0}


def test_exactly_the_calls_that_waited_longer_than_promised_are_breached_once_at_their_due_instant(
    gold: Backtest,
) -> None:
    due = [
        (call.contact, f"{(call.entered + bank.PROMISE).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        for call in bank.calls()
        if call.outcome != "PHANTOM" and call.entered is not None and call.waited > bank.PROMISE
    ]
    answered = sum(call.outcome == "AGENT" and call.waited > bank.PROMISE for call in bank.calls())
    assert (len(due), answered) == (1_656, 1_107)
    breaches = [each for each in gold.out["alerts"] if each["transition"] == "breached"]
    assert sorted((each["contact"], each["due_at"]) for each in breaches) == sorted(due)
    assert all(each["occurred_at"] == each["due_at"] for each in breaches)
    assert len({each["id"] for each in gold.out["alerts"]}) == len(gold.out["alerts"])


def test_a_table_and_progress_are_shown_and_nothing_else_is_said(
    gold: Backtest, record_property: Callable[[str, object], None]
) -> None:
    table, words = gold.process.stdout, gold.process.stderr
    lines = {line.split("│")[1].strip(): line for line in table.splitlines() if line.startswith("│")}
    assert "2,237" in lines["contacts_offered"]
    assert "134.846 s" in lines["average_speed_of_answer"]
    assert "32.454%" in lines["abandonment_rate"]
    assert "promises breached: 1,656" in table
    assert "2375/2375" in words
    assert "2,357 accepted, 18 ignored, 0 failed, 0 duplicates" in words
    assert '"event"' not in words
    print(f"\nthe backtest took {gold.seconds} s from start to end")
    record_property("seconds of a backtest", gold.seconds)


def test_a_file_that_is_given_twice_is_read_twice_and_changes_nothing_else(gold: Backtest, tmp_path: Path) -> None:
    twice = backtest(tmp_path, bank.FILE, bank.FILE)
    assert twice.out["counts"] == {
        "read": 4_750,
        "accepted": 2_357,
        "ignored": 36,
        "failed": 0,
        "duplicates": 2_357,
    }
    assert twice.outcome.numbers == gold.outcome.numbers
    assert twice.outcome.alerts == gold.outcome.alerts
    assert twice.outcome.customers == gold.outcome.customers
