"""The judge on written records of alerts.sla: a promise offered at 0 s, due at 2 s; the grace is 1 s."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from tests.chaos.verifier_findings import Kind
from tests.chaos.verifier_hindrance import Hindrance
from tests.chaos.verifier_promises import CLOCKS, Transition, judge_promises
from tests.chaos.written import CONTACT, T, iso, record

INSTANCE = "e0000000-0000-0000-0000-000000000001"
DUE = T + 2_000
SESSION = 3_000


def name_of(transition: str, *, due: int = DUE, again: int = 0) -> str:
    parts = [CONTACT, "answer_within", INSTANCE, "1"]
    parts += [] if transition == "breached" else [transition, str(due)]
    return str(uuid5(CLOCKS, "\x1f".join([*parts, *([str(again)] if again else [])])))


def said(transition: str, occurred: int, *, detected: int | None = None, again: int = 0, **more: Any) -> Transition:
    detected = occurred if detected is None else detected
    value = {
        "id": name_of(transition, again=again),
        "transition": transition,
        "contact": CONTACT,
        "instance": INSTANCE,
        "policy": {"id": "answer-within-sales", "version": 1},
        "queue": "sales",
        "due_at": iso(DUE),
        "occurred_at": iso(occurred),
        "detected_at": iso(detected),
        **more,
    }
    return Transition(record("alerts.sla", value, at=detected + 20))


def promise(stop: int, outcome: str, *known: tuple[int, int | None]) -> dict[str, Any]:
    """`known`: index of a record, and the end of the wait that was known after it."""
    stated: list[list[Any]] = [["breached", DUE, None]] if stop > DUE else []
    if outcome == "answered":
        stated.append(["fulfilled", stop, "late" if stop > DUE else "attained"])
    else:
        stated.append(["lapsed" if stop > DUE else "cancelled", stop, outcome])
    return {
        "contact": CONTACT,
        "instance": INSTANCE,
        "channel": "phone",
        "queue": "sales",
        "policy": "answer-within-sales",
        "version": 1,
        "due": DUE,
        "stated": stated,
        "known": [{"record": index, "due": DUE, "stop": end} for index, end in known],
    }


def found(
    what: dict[str, Any], *records: Transition, durable: tuple[int, ...], faults: tuple[tuple[int, int], ...] = ()
) -> list[str]:
    spans = [{"hindered_from_ms": began, "hindered_to_ms": ended} for began, ended in faults]
    findings = judge_promises([what], records, durable, 1_000, Hindrance(spans, SESSION)).findings
    return sorted(each.kind.value for each in findings)


LATE_ANSWER = promise(T + 9_000, "answered", (0, None), (1, T + 9_000))
LATE_FULFILLED = said("fulfilled", T + 9_000, outcome="late")
LATE_DURABLE = (T + 10, T + 9_010)
KEPT = promise(T + 1_500, "answered", (0, None), (1, T + 1_500))
ATTAINED = said("fulfilled", T + 1_500, outcome="attained")


def test_what_is_stated_as_it_should_be_is_not_found() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    assert found(LATE_ANSWER, breach, LATE_FULFILLED, durable=LATE_DURABLE) == []


def test_a_breach_that_was_not_declared_is_missed() -> None:
    assert found(LATE_ANSWER, LATE_FULFILLED, durable=LATE_DURABLE) == ["missed_breaches"]


def test_a_breach_that_was_taken_back_for_no_reason_is_missed() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    back = said("corrected", DUE, detected=DUE + 1_100, corrects=breach.id)
    again = said("fulfilled", T + 9_000, again=1, outcome="late")
    assert found(LATE_ANSWER, breach, back, again, durable=LATE_DURABLE) == ["missed_breaches"]


def test_the_same_breach_told_twice_is_a_duplicate() -> None:
    first, second = (said("breached", DUE, detected=DUE + 1_000) for _ in range(2))
    assert found(LATE_ANSWER, first, second, LATE_FULFILLED, durable=LATE_DURABLE) == ["duplicate_breaches"]


def test_a_second_breach_under_another_id_is_a_duplicate_and_nobody_can_derive_its_id() -> None:
    breaches = [said("breached", DUE, detected=DUE + 1_000, again=again) for again in (0, 1)]
    kinds = found(LATE_ANSWER, *breaches, LATE_FULFILLED, durable=LATE_DURABLE)
    assert kinds == ["duplicate_breaches", "false_breaches"]


def test_a_breach_that_stands_though_the_answer_was_in_time_is_false() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    assert found(KEPT, breach, ATTAINED, durable=(T + 10, T + 5_000)) == ["false_breaches"]


def test_a_breach_taken_back_is_right_where_the_answer_was_told_too_late() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    back = said("corrected", DUE, detected=T + 5_000, corrects=breach.id)
    again = said("fulfilled", T + 1_500, detected=T + 5_000, again=1, outcome="attained")
    assert found(KEPT, breach, back, again, durable=(T + 10, T + 5_000)) == []


def test_a_breach_is_false_even_if_taken_back_where_its_answer_had_long_been_durable() -> None:
    breach = said("breached", DUE, detected=T + 5_000)
    back = said("corrected", DUE, detected=T + 5_100, corrects=breach.id)
    again = said("fulfilled", T + 1_500, detected=T + 5_100, again=1, outcome="attained")
    assert found(KEPT, breach, back, again, durable=(T + 10, T + 1_510)) == ["false_breaches"]


def test_a_breach_whose_answer_became_durable_after_it_was_due_is_hasty_and_no_more_if_it_is_taken_back() -> None:
    breach = said("breached", DUE, detected=DUE + 4_000)
    back = said("corrected", DUE, detected=DUE + 4_100, corrects=breach.id)
    again = said("fulfilled", T + 1_500, detected=DUE + 4_100, again=1, outcome="attained")
    none = Hindrance([], SESSION)
    assert judge_promises([KEPT], [breach, back, again], (T + 10, DUE + 900), 1_000, none) == ([], 1)
    assert judge_promises([KEPT], [breach, back, again], (T + 10, DUE + 4_050), 1_000, none) == ([], 0)
    known = judge_promises([KEPT], [breach, back, again], (T + 10, DUE), 1_000, none)
    assert [each.kind for each in known.findings] == [Kind.FALSE]


def test_a_breach_of_a_promise_that_nobody_made_is_false() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    judged = judge_promises([], [breach], (), 1_000, Hindrance([], SESSION))
    assert [each.kind for each in judged.findings] == [Kind.FALSE]


def test_a_breach_before_it_was_due_is_false() -> None:
    breach = said("breached", DUE, detected=DUE - 1)
    assert found(LATE_ANSWER, breach, LATE_FULFILLED, durable=LATE_DURABLE) == ["false_breaches"]


def test_a_breach_may_be_late_by_the_session_and_five_seconds() -> None:
    waits = promise(T + 30_000, "answered", (0, None), (1, T + 30_000))
    fulfilled = said("fulfilled", T + 30_000, outcome="late")
    for late, kinds in ((7_900, []), (8_100, ["late_breaches"])):
        breach = said("breached", DUE, detected=DUE + 1_000 + late)
        assert found(waits, breach, fulfilled, durable=(T + 10, T + 30_010)) == kinds


def test_a_breach_may_also_be_late_by_what_faults_hindered_and_overlaps_count_once() -> None:
    waits = promise(T + 60_000, "answered", (0, None), (1, T + 60_000))
    fulfilled = said("fulfilled", T + 60_000, outcome="late")
    due = DUE + 1_000
    faults = ((due - 9_000, due + 2_000), (due + 1_000, due + 4_000), (due + 40_000, due + 50_000))
    for late, kinds in ((11_900, []), (12_100, ["late_breaches"])):
        breach = said("breached", DUE, detected=due + late)
        assert found(waits, breach, fulfilled, durable=(T + 10, T + 60_010), faults=faults) == kinds


def test_a_breach_that_a_correction_brought_about_is_late_from_that_correction_on() -> None:
    worse = promise(T + 2_500, "answered", (0, None), (1, T + 1_500), (2, T + 2_500))
    again = said("fulfilled", T + 2_500, detected=T + 20_000, again=1, outcome="late")
    back = said("corrected", T + 1_500, detected=T + 20_000, corrects=name_of("fulfilled"))
    back.id = name_of("corrected")
    first = said("fulfilled", T + 1_500, outcome="attained")
    for known, kinds in ((T + 19_900, []), (T + 4_000, ["late_breaches"])):
        breach = said("breached", DUE, detected=T + 20_000, again=1)
        assert found(worse, first, back, breach, again, durable=(T + 10, T + 1_510, known)) == kinds


def test_what_is_taken_back_must_stand() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    back = said("corrected", DUE, detected=DUE + 1_100, corrects=str(UUID(int=1)))
    fulfilled = said("fulfilled", T + 9_000, again=1, outcome="late")
    assert found(LATE_ANSWER, breach, back, fulfilled, durable=LATE_DURABLE) == ["doubled"]


def test_an_end_that_is_told_otherwise_is_lost() -> None:
    breach = said("breached", DUE, detected=DUE + 1_000)
    other = said("fulfilled", T + 8_999, outcome="late")
    assert found(LATE_ANSWER, breach, other, durable=LATE_DURABLE) == ["lost"]
