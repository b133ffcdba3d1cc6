"""What rounds amount to: a round in which anything was found never passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from tests.chaos.contract import FaultRecord, Verdict
from tests.chaos.report import FOUND, line_of, summary, total_of
from tests.chaos.rounds import Outcome, Plan


def verdict(**found: Any) -> Verdict:
    return cast(
        Verdict,
        {"events": 100, **dict.fromkeys(FOUND, 0), "findings": [], "hasty_breaches": 0, "slack_ms": None, **found},
    )


def fault(kind: str) -> FaultRecord:
    return {
        "kind": kind,
        "target": "x",
        "began_ms": 1,
        "ended_ms": 2,
        "hindered_from_ms": 1,
        "hindered_to_ms": 2,
    }


def test_a_round_passes_when_it_was_judged_and_nothing_was_found() -> None:
    assert Outcome(Plan(1, 0), verdict=verdict(hasty_breaches=3)).passed


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Plan(1, 0)),
        Outcome(Plan(1, 0), verdict=verdict(), broken="no broker"),
        Outcome(Plan(1, 0), verdict=verdict(), complaints=["worker-1 ended by itself"]),
        Outcome(Plan(1, 0), verdict=verdict(findings=["something"])),
        *(Outcome(Plan(1, 0), verdict=verdict(**{name: 1})) for name in FOUND),
    ],
)
def test_a_round_that_was_not_judged_or_in_which_anything_was_found_fails(outcome: Outcome, tmp_path: Path) -> None:
    total = total_of([outcome], "abc")

    assert not outcome.passed
    assert total["failed_seeds"] == ["1/0"]
    assert line_of(outcome, "abc")["passed"] is False
    assert summary([outcome], total, True, {"1/0": tmp_path}).endswith("FAILED")


def test_kills_are_of_workers_and_bounces_of_brokers() -> None:
    kinds = ["worker-kill", "worker-kill-in-flush", "worker-pause", "brokers-rolling", "broker-kill-leader"]
    first = Outcome(Plan(1, 0), faults=[fault(kind) for kind in kinds], verdict=verdict())
    second = Outcome(Plan(1, 1), faults=[fault("disk-full")], verdict=verdict())

    total = total_of([first, second], "abc")

    assert (total["kills"], total["bounces"], total["events"], total["rounds"]) == (2, 5, 200, 2)
    assert total["faults"]["disk-full"] == 1
    assert "disk-full is left out" in summary([first], total, False, {})
