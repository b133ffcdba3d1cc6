"""What became of promises, by policy and clock, from the transitions that were said."""

from __future__ import annotations

from typing import Any

import pytest

from agents.compliance import Kept, compliance, rows
from schemas.alerts import PolicyRef, SlaTransition, Transition
from schemas.instants import from_ms


def said(transition: Transition, at: int = 0, instance: str = "i", **more: Any) -> SlaTransition:
    known: dict[str, Any] = {
        "id": f"{instance} {transition} {at}",
        "contact": "c",
        "policy": PolicyRef("gold", 1),
        "target": 60,
        "due_at": from_ms(60_000),
        "occurred_at": from_ms(at * 1_000),
        "detected_at": from_ms(at * 1_000),
        "clock": "first_reply",
    }
    return SlaTransition(transition=transition, instance=instance, **{**known, **more})


def kept(*transitions: SlaTransition) -> Kept:
    [found] = compliance(transitions).values()
    return found


@pytest.mark.parametrize(
    ("transitions", "expected"),
    [
        ([said("activated"), said("fulfilled", 50, outcome="attained")], Kept(met=1)),
        ([said("at_risk", 48), said("breached", 60)], Kept(breached=1, at_risk=1)),
        ([said("breached", 60), said("fulfilled", 90, outcome="late")], Kept(breached=1)),
        ([said("breached", 60), said("lapsed", 90)], Kept(breached=1)),
        ([said("activated"), said("cancelled", 30, reason="merged")], Kept(cancelled=1)),
        ([said("activated"), said("paused", 30)], Kept(open=1)),
        ([said("activated"), said("fulfilled", outcome="attained")], Kept(met=1)),
        ([said("fulfilled", outcome="attained"), said("activated")], Kept(met=1)),
        ([said("paused", 30), said("cancelled", 30, reason="merged")], Kept(cancelled=1)),
        ([said("fulfilled", 30, outcome="attained"), said("resumed", 30)], Kept(open=1)),
        ([said("fulfilled", 30, outcome="attained"), said("resumed", 40)], Kept(open=1)),
        ([said("at_risk", 48), said("at_risk", 54), said("fulfilled", 60, outcome="attained")], Kept(met=1, at_risk=1)),
    ],
)  # fmt: skip
def test_an_instance_counts_by_how_it_ended(transitions: list[SlaTransition], expected: Kept) -> None:
    assert kept(*transitions) == expected


def test_a_breach_that_was_taken_back_is_none() -> None:
    breach = said("breached", 60)
    answered = said("fulfilled", 59, outcome="attained")
    assert kept(breach, said("corrected", 60, corrects=breach.id), answered) == Kept(met=1)
    assert kept(breach, said("corrected", 60, corrects=breach.id), breach) == Kept(breached=1)


def test_an_instance_of_which_nothing_is_left_counts_nowhere() -> None:
    breach = said("breached", 60)
    assert compliance([breach, said("corrected", 60, corrects=breach.id)]) == {}


def test_an_instance_counts_for_the_policy_that_judged_its_end() -> None:
    silver = PolicyRef("silver", 3)
    found = compliance(
        [
            said("activated"), said("retargeted", 10, policy=silver), said("fulfilled", 20, policy=silver),
            said("breached", 60, "j"), said("retargeted", 70, "j", policy=silver),
        ]
    )  # fmt: skip
    assert found == {("gold", "first_reply"): Kept(breached=1), ("silver", "first_reply"): Kept(met=1)}


def test_compliance_is_met_of_what_is_decided() -> None:
    found = compliance([said("fulfilled", 1, "a"), said("breached", 60, "b"), said("activated", 0, "c")])
    assert rows(found) == [
        {
            "policy": "gold", "clock": "first_reply", "met": 1, "breached": 1, "cancelled": 0, "open": 1, "at_risk": 0,
            "compliance": 0.5,
        }
    ]  # fmt: skip
    assert Kept(open=3).share is None
