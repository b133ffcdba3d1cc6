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


def name_of(
    transition: str, *, due: int = DUE, again: int = 0, clock: str = "answer_within", moment: int | None = None
) -> str:
    parts = [CONTACT, clock, INSTANCE, "1"]
    parts += [] if transition == "breached" else [transition, str(due)]
    parts += [] if moment is None else [f"@{moment}"]
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
        "clock": "answer_within",
        "instance": INSTANCE,
        "queue": "sales",
        "version": 1,
        "stated": [[*each, DUE, "answer-within-sales"] for each in stated],
        "known": [{"record": index, "breach": DUE if end is None or end > DUE else None} for index, end in known],
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
    assert judge_promises([KEPT], [breach, back, again], (T + 10, DUE + 900), 1_000, none)[:2] == ([], 1)
    assert judge_promises([KEPT], [breach, back, again], (T + 10, DUE + 4_050), 1_000, none)[:2] == ([], 0)
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


def test_how_near_the_latest_breach_came_to_being_late_is_told() -> None:
    waits = promise(T + 60_000, "answered", (0, None), (1, T + 60_000))
    records = [said("breached", DUE, detected=DUE + 1_000 + 7_900), said("fulfilled", T + 60_000, outcome="late")]

    judged = judge_promises([waits], records, (T + 10, T + 60_010), 1_000, Hindrance([], SESSION))

    assert (judged.findings, judged.slack) == ([], 80)


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


# -- a clock that pauses: it ran for 1 s, paused at 1 s, runs again from 5 s on; 2 s are promised -----------------

AGAIN = T + 6_000


def step(transition: str, occurred: int, due: int, *, again: int = 0, **more: Any) -> Transition:
    by_due = transition in ("breached", "at_risk", "corrected")
    value = {
        "id": name_of(transition, due=due, again=again, clock="requester_wait", moment=None if by_due else occurred),
        "clock": "requester_wait",
        "due_at": iso(due),
        "policy": {"id": "urgent", "version": 1},
        "queue": None,
    }
    made = said(transition, occurred, detected=max(occurred, T + 1_000), **{**value, **more})
    made.detected = max(occurred, due) + 1_000 if transition == "breached" else made.detected
    return made


def waiting(*known: tuple[int, int | None]) -> dict[str, Any]:
    stated = [
        ["activated", T, None, DUE],
        ["paused", T + 1_000, None, DUE],
        ["resumed", T + 5_000, None, AGAIN],
        ["breached", AGAIN, None, AGAIN],
        ["fulfilled", T + 9_000, "late", AGAIN],
    ]
    return {
        "contact": CONTACT,
        "clock": "requester_wait",
        "instance": INSTANCE,
        "queue": None,
        "version": 1,
        "stated": [[*each, "urgent"] for each in stated],
        "known": [{"record": index, "breach": breach} for index, breach in known],
    }


PAUSING = waiting((0, DUE), (1, None), (2, AGAIN))
PAUSING_DURABLE = (T + 10, T + 1_010, T + 5_010)
COURSE = (
    step("activated", T, DUE),
    step("paused", T + 1_000, DUE),
    step("resumed", T + 5_000, AGAIN),
    step("breached", AGAIN, AGAIN),
    step("fulfilled", T + 9_000, AGAIN, outcome="late"),
)


def found_of(*records: Transition) -> list[str]:
    return found(PAUSING, *records, durable=PAUSING_DURABLE)


def test_a_clock_that_paused_and_broke_afterwards_is_told_in_five_records() -> None:
    assert found_of(*COURSE) == []


def test_each_step_that_is_missing_is_found() -> None:
    for place, kind in enumerate(("lost", "lost", "lost", "missed_breaches", "lost")):
        assert found_of(*COURSE[:place], *COURSE[place + 1 :]) == [kind]


def test_a_step_at_another_instant_or_due_at_another_is_found() -> None:
    activated, paused, resumed, breached, fulfilled = COURSE
    later = step("paused", T + 1_001, DUE)
    assert found_of(activated, later, resumed, breached, fulfilled) == ["lost"]
    sooner = step("resumed", T + 5_000, AGAIN - 1)
    assert found_of(activated, paused, sooner, breached, fulfilled) == ["lost"]
    early = step("breached", AGAIN - 1, AGAIN - 1)
    assert found_of(activated, paused, resumed, early, fulfilled) == ["false_breaches", "missed_breaches"]


def test_a_breach_while_it_paused_is_false() -> None:
    activated, paused, *rest = COURSE
    wrong = step("breached", DUE, DUE)
    kinds = ["duplicate_breaches", "false_breaches", "missed_breaches"]
    assert found_of(activated, wrong, paused, *rest) == kinds


def test_a_pause_told_twice_is_doubled_and_one_too_many_too() -> None:
    activated, paused, *rest = COURSE
    assert found_of(activated, paused, paused, *rest) == ["doubled"]
    assert found_of(activated, paused, step("paused", T + 7_000, AGAIN), *rest) == ["doubled"]


def test_a_step_under_the_id_of_another_clock_or_of_another_policy_is_found() -> None:
    activated, paused, resumed, breached, fulfilled = COURSE
    stray = step("paused", T + 1_000, DUE, id=name_of("paused", moment=T + 1_000))
    assert found_of(activated, stray, resumed, breached, fulfilled) == ["doubled"]
    other = step("resumed", T + 5_000, AGAIN, policy={"id": "normal", "version": 1})
    assert found_of(activated, paused, other, breached, fulfilled) == ["lost"]
    clock = step("activated", T, DUE, clock="agent_work")
    assert found_of(*COURSE, clock) == ["doubled"]


def test_a_promise_that_never_was_as_it_turned_out_must_be_taken_back() -> None:
    never = {**waiting((0, DUE), (1, None)), "stated": []}
    activated, breached = COURSE[0], step("breached", DUE, DUE)
    durable = (T + 10, DUE + 500)
    backs = [
        step("corrected", each.occurred, DUE, again=place, corrects=each.id)
        for place, each in enumerate((activated, breached))
    ]
    assert found(never, activated, breached, *backs, durable=durable) == []
    assert found(never, activated, breached, backs[0], durable=durable) == ["false_breaches"]
    assert found(never, activated, breached, durable=durable) == ["doubled", "false_breaches"]
