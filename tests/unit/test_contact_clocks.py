"""Clocks of whole contacts, from events to what is said: exact times, ids, evidence, and what is taken back."""

from datetime import datetime
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from agents.contacts import clocks, judge
from agents.contacts.reviews import AT_ONCE
from schemas.alerts import CalendarRef, ContactContext, SlaTransition
from schemas.events import (
    AnyEvent,
    ContactMerged,
    ContactStatusChanged,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import breach_id
from schemas.instants import from_ms, to_ms
from schemas.policies import (
    CalendarRecord,
    CalendarTerms,
    Filter,
    Policies,
    PolicyRecord,
    QueuePolicy,
    SlaPolicy,
    Target,
)
from tests.unit.contact_bench import START, Floor, created, ended, offered, other

BERLIN = ZoneInfo("Europe/Berlin")
BER = CalendarTerms(
    id="ber",
    timezone="Europe/Berlin",
    hours="Mo-Fr 09:00-17:00",
    closed=("2026-04-03", "2026-04-06", "2026-12-25"),
    open={"2026-12-24": "09:00-12:00"},
)
NO_OFFERS = QueuePolicy(answer_within=None)
HOUR = 3_600
MINUTE = 60
DAY = 86_400


def berlin(text: str) -> float:
    """The second of the timeline of a local time in June 2026: '08 09:00' is Monday."""
    instant = datetime.fromisoformat(f"2026-06-{text}").replace(tzinfo=BERLIN)
    return (to_ms(instant) - START) / 1000


def local(instant: Any) -> str:
    return f"{instant.astimezone(BERLIN):%d %H:%M:%S}".removesuffix(":00")


def policy(version: int = 1, calendar: str | None = None, policy_id: str = "support", **targets: float) -> SlaPolicy:
    """A policy with targets in minutes."""
    terms = {clock: Target(target=minutes * MINUTE, calendar=calendar) for clock, minutes in targets.items()}
    return SlaPolicy(id=policy_id, version=version, targets=terms)  # type: ignore[arg-type]


def desk(*sla: SlaPolicy, calendars: tuple[CalendarTerms, ...] = (BER,), grace: int = 0) -> Floor:
    return Floor(policies=Policies(default=NO_OFFERS, sla=sla, calendars=calendars), grace=grace)


def mailed(second: float, **more: Any) -> AnyEvent:
    return created(second, channel="email", **more)


def _mail(kind: type[Any], name: str, second: float, more: dict[str, Any]) -> AnyEvent:
    return other(kind, second, channel="email", **{"id": f"{name}/{second:.0f}", **more})


def asked(second: float, **more: Any) -> AnyEvent:
    return _mail(MessagePosted, "ask", second, {"author": "customer", **more})


def replied(second: float, **more: Any) -> AnyEvent:
    return _mail(MessagePosted, "reply", second, {"author": "agent", **more})


def status(second: float, name: str, **more: Any) -> AnyEvent:
    return _mail(ContactStatusChanged, name, second, {"status": name, **more})


def updated(second: float, **more: Any) -> AnyEvent:
    return _mail(ContactUpdated, "update", second, more)


def told(said: list[SlaTransition]) -> list[tuple[str, str, str]]:
    """Which, when it was due and when it occurred, in Berlin."""
    return [(one.transition, local(one.due_at), local(one.occurred_at)) for one in said]


def counts(floor: Floor) -> dict[tuple[str, str, str], int]:
    """Clock facts by policy, clock and measure."""
    floor.flush()
    sums: dict[tuple[str, str, str], int] = {}
    for (name, clock, _, _, _, measure, _), n in floor.clocks.items():
        if n:
            sums[name, clock, measure] = sums.get((name, clock, measure), 0) + n
    return sums


def test_a_mail_of_ours_waits_for_no_reply_of_ours() -> None:
    floor = desk(policy(first_reply=30))
    floor.hear(mailed(0, direction="outbound"), replied(0))
    floor.clock(HOUR)
    assert floor.said == []
    floor.hear(asked(2 * HOUR))
    assert [one.transition for one in floor.said] == ["activated"]


def test_a_first_reply_in_business_time_is_said_with_calendar_evidence_and_context() -> None:
    floor = desk(policy(calendar="ber", first_reply=60))
    begun = berlin("09 16:40")
    floor.hear(mailed(begun, id="ticket", priority="high", tags=("vip",), language="de"), asked(begun, id="ask"))
    floor.clock(berlin("10 09:28"))
    floor.hear(replied(berlin("10 09:40"), id="reply"))
    assert told(floor.said) == [
        ("activated", "10 09:40", "09 16:40"),
        ("at_risk", "10 09:40", "10 09:28"),
        ("fulfilled", "10 09:40", "10 09:40"),
    ]
    done = floor.said[-1]
    assert (done.clock, done.instance, done.outcome, done.target) == ("first_reply", "ask", "attained", 3600.0)
    assert (done.elapsed, done.remaining, done.calendar) == (3600.0, 0.0, CalendarRef("ber", 1))
    assert (done.policy.id, done.policy.version, done.channel) == ("support", 1, "email")
    assert [(one.id, local(one.time), one.did) for one in done.events] == [
        ("ask", "09 16:40", "started"),
        ("reply", "10 09:40", "stopped"),
    ]
    assert done.evidence == ("ask", "reply")
    assert done.context == ContactContext(priority="high", tags=("vip",), language="de")
    assert floor.said[0].context == ContactContext(priority="high", tags=("vip",), language="de", messages=1)
    assert counts(floor) == {("support", "first_reply", "attained"): 1, ("support", "first_reply", "took:3600000"): 1}


def test_each_cycle_of_questions_and_replies_has_its_own_next_reply() -> None:
    floor = desk(policy(first_reply=600, next_reply=60))
    base = berlin("08 11:00")
    floor.hear(mailed(base), asked(base, id="ask1"))
    floor.hear(replied(base + 10))
    floor.hear(asked(base + 5 * MINUTE, id="ask2"))
    floor.hear(asked(base + 40 * MINUTE, id="ask3"))
    floor.hear(replied(base + 70 * MINUTE))
    cycles = [(one.instance, one.transition) for one in floor.said if one.clock == "next_reply"]
    assert cycles == [
        ("ask2", "activated"),
        ("ask2", "at_risk"),
        ("ask2", "breached"),
        ("ask2", "fulfilled"),
    ]
    assert floor.said[-1].outcome == "late"
    breach = next(one for one in floor.said if one.transition == "breached")
    assert local(breach.due_at) == "08 12:05"
    assert breach.id == breach_id("c1", "next_reply", "ask2", 1)
    assert counts(floor) == {
        ("support", "first_reply", "attained"): 1,
        ("support", "first_reply", "took:10000"): 1,
        ("support", "next_reply", "breached"): 1,
        ("support", "next_reply", "took:3900000"): 1,
    }


def test_how_long_it_took_counts_at_the_last_end_where_and_under_which_policy_it_was() -> None:
    floor = desk(policy(requester_wait=60, answer_within=1, periodic_update=5))
    begun = berlin("08 10:00")
    floor.hear(mailed(begun, queue="sales"), status(begun, "new"), replied(begun + 1), replied(begun + 2))
    floor.hear(status(begun + 10 * MINUTE, "solved"))
    assert told_of(floor) == {("sales", "requester_wait", "took:600000", "08 10:10"): 1}
    floor.hear(status(begun + HOUR, "open"))
    assert told_of(floor) == {}
    floor.hear(updated(begun + HOUR, queue="claims"), status(begun + 2 * HOUR, "solved"))
    assert told_of(floor) == {("claims", "requester_wait", "took:4200000", "08 12:00"): 1}


def told_of(floor: Floor) -> dict[tuple[str | None, str, str, str], int]:
    """How long clocks took, by queue, clock, measure and when it counts."""
    floor.flush()
    return {
        (queue, clock, measure, local(from_ms(minute * 60_000))): n
        for (_, clock, _, queue, _, measure, minute), n in floor.clocks.items()
        if n and measure.startswith("took:")
    }


def test_a_tightened_priority_breaches_in_the_past_and_is_found_at_the_change() -> None:
    urgent = SlaPolicy(
        id="urgent", rank=-1, applies=Filter(priorities=("urgent",)), targets={"total_resolution": Target(target=HOUR)}
    )
    floor = desk(urgent, policy(total_resolution=480))
    floor.hear(mailed(berlin("08 09:00")))
    floor.clock(berlin("08 11:00"))
    floor.hear(updated(berlin("08 11:00"), priority="urgent", id="rise"))
    changed, breach = floor.transitions[-2:]
    assert (changed.transition, changed.cause, changed.policy.id, local(changed.due_at)) == (
        "retargeted",
        "contact_changed",
        "urgent",
        "08 10:00",
    )
    assert (breach.transition, local(breach.due_at), local(breach.occurred_at), local(breach.detected_at)) == (
        "breached",
        "08 10:00",
        "08 10:00",
        "08 11:00",
    )
    assert breach.cause == "contact_changed"
    assert "rise" in changed.evidence
    assert counts(floor) == {("urgent", "total_resolution", "breached"): 1}


def test_a_relaxed_priority_moves_the_due_instant_and_a_breach_before_it_stands() -> None:
    low = SlaPolicy(
        id="low", rank=-1, applies=Filter(priorities=("low",)), targets={"total_resolution": Target(target=4 * HOUR)}
    )
    for minutes, expected in (
        (30, [("retargeted", "08 13:00", "08 09:30")]),
        (
            65,
            [
                ("at_risk", "08 10:00", "08 09:48"),
                ("breached", "08 10:00", "08 10:00"),
                ("retargeted", "08 13:00", "08 10:05"),
            ],
        ),
    ):
        floor = desk(low, policy(total_resolution=60))
        begun = berlin("08 09:00")
        floor.hear(mailed(begun))
        floor.clock(begun + minutes * MINUTE)
        floor.hear(updated(begun + minutes * MINUTE, priority="low"))
        floor.clock(begun + 3 * HOUR)
        assert told(floor.transitions) == expected


def test_a_policy_that_comes_into_the_middle_retargets_in_the_background_and_says_the_breach_once() -> None:
    floor = desk(policy(requester_wait=480))
    for number in range(120):
        floor.hear(mailed(berlin("08 09:00"), contact=f"c{number:03}"))
    floor.clock(berlin("08 11:00"))
    floor.promise(PolicyRecord(id="support", versions=(policy(requester_wait=480), policy(2, requester_wait=60))))
    floor.clock(berlin("08 11:00") + 1)
    retargeted = [one.contact for one in floor.transitions if one.transition == "retargeted"]
    assert retargeted == [f"c{number:03}" for number in range(AT_ONCE)]
    floor.flush()
    floor.crash()
    for tick in range(2, 9):
        floor.clock(berlin("08 11:00") + tick)
    said = [(one.transition, one.contact) for one in floor.transitions]
    assert sorted(said) == sorted(
        (transition, f"c{number:03}") for number in range(120) for transition in ("retargeted", "breached")
    )
    breach = floor.transitions[-1]
    assert (local(breach.due_at), breach.policy.version, breach.cause) == ("08 10:00", 2, "policy_changed")


def test_a_version_that_holds_from_later_on_is_taken_when_its_time_has_come() -> None:
    floor = desk(policy(requester_wait=480))
    floor.hear(mailed(berlin("08 09:00")))
    floor.clock(berlin("08 09:10"))
    later = datetime(2026, 6, 8, 11, tzinfo=BERLIN)
    version = SlaPolicy(
        id="support", version=2, effective_from=later, targets={"requester_wait": Target(target=3 * HOUR)}
    )
    floor.promise(PolicyRecord(id="support", versions=(version,)))
    floor.clock(berlin("08 10:59"))
    assert floor.transitions == []
    floor.clock(berlin("08 11:00"))
    assert told(floor.transitions) == [("retargeted", "08 12:00", "08 11:00")]


def test_an_edited_calendar_holds_from_the_edit_on() -> None:
    floor = desk(policy(calendar="ber", requester_wait=90))
    floor.hear(mailed(berlin("09 16:00")))
    floor.clock(berlin("09 16:30"))
    edited = CalendarTerms(id="ber", version=2, timezone="Europe/Berlin", hours="Mo-Fr 09:00-19:00")
    floor.promise(CalendarRecord(id="ber", versions=(edited,)))
    floor.clock(berlin("09 16:31"))
    floor.clock(berlin("09 18:00"))
    assert told(floor.said) == [
        ("activated", "10 09:30", "09 16:00"),
        ("retargeted", "09 17:30", "09 16:30"),
        ("at_risk", "09 17:30", "09 17:12"),
        ("breached", "09 17:30", "09 17:30"),
    ]
    assert (floor.said[1].cause, floor.said[1].calendar) == ("calendar_changed", CalendarRef("ber", 2))


def test_a_holiday_declared_in_the_morning_moves_the_due_instant_from_then_on() -> None:
    floor = desk(policy(calendar="ber", requester_wait=240))
    floor.hear(mailed(berlin("09 15:00")))
    floor.clock(berlin("10 10:00"))
    holiday = CalendarTerms(
        id="ber", version=2, timezone="Europe/Berlin", hours="Mo-Fr 09:00-17:00", closed=("2026-06-10",)
    )
    floor.promise(CalendarRecord(id="ber", versions=(holiday,)))
    floor.clock(berlin("10 10:01"))
    assert told(floor.said) == [("activated", "10 11:00", "09 15:00"), ("retargeted", "11 10:00", "10 10:00")]


def test_pending_pauses_and_a_reopened_contact_goes_on_with_what_was_used() -> None:
    floor = desk(policy(requester_wait=60))
    begun = berlin("08 10:00")
    floor.hear(mailed(begun, id="ticket"), status(begun, "new"))
    floor.hear(status(begun + 20 * MINUTE, "pending"))
    assert counts(floor) == {("support", "requester_wait", "paused"): 1}
    floor.clock(begun + 5 * HOUR)
    floor.hear(status(begun + 5 * HOUR, "open"))
    floor.hear(status(begun + 5 * HOUR + 10 * MINUTE, "solved"))
    floor.hear(status(begun + 9 * HOUR, "open"))
    floor.clock(begun + 10 * HOUR)
    assert told(floor.said) == [
        ("activated", "08 11:00", "08 10:00"),
        ("paused", "08 11:00", "08 10:20"),
        ("resumed", "08 15:40", "08 15:00"),
        ("fulfilled", "08 15:40", "08 15:10"),
        ("resumed", "08 19:30", "08 19:00"),
        ("at_risk", "08 19:30", "08 19:18"),
        ("breached", "08 19:30", "08 19:30"),
    ]
    assert floor.said[1].remaining == 40 * MINUTE
    assert len({one.id for one in floor.said}) == len(floor.said)
    assert counts(floor) == {("support", "requester_wait", "breached"): 1}


def test_status_flapping_at_one_due_instant_says_each_pause_under_an_id_of_its_own() -> None:
    floor = desk(policy(calendar="ber", requester_wait=60))
    begun = berlin("13 10:00")
    floor.hear(mailed(begun), status(begun, "new"))
    for turn in range(1, 5):
        floor.hear(status(begun + turn * MINUTE, "pending" if turn % 2 else "open"))
    assert [one.transition for one in floor.said] == ["activated", "paused", "resumed", "paused", "resumed"]
    assert {local(one.due_at) for one in floor.said} == {"15 10:00"}
    assert len({one.id for one in floor.said}) == 5


def test_solved_without_a_reply_cancels_the_promise_of_one() -> None:
    floor = desk(policy(first_reply=60))
    begun = berlin("08 10:00")
    floor.hear(mailed(begun), asked(begun))
    floor.hear(status(begun + 60, "solved", id="solve"))
    last = floor.said[-1]
    assert (last.transition, last.reason, last.evidence[-1]) == ("cancelled", "solved_without_reply", "solve")
    assert counts(floor) == {}


def test_a_contact_that_is_merged_away_ends_its_clocks() -> None:
    floor = desk(policy(first_reply=60, total_resolution=600))
    begun = berlin("08 10:00")
    floor.hear(mailed(begun), asked(begun))
    floor.hear(other(ContactMerged, begun + 60, channel="email", into="c2"))
    floor.clock(begun + 20 * HOUR)
    assert {(one.clock, one.transition, one.reason) for one in floor.transitions} == {
        ("first_reply", "cancelled", "merged"),
        ("total_resolution", "cancelled", "merged"),
    }


def test_a_reply_that_is_told_late_takes_the_breach_back_and_what_was_counted() -> None:
    floor = desk(policy(first_reply=60))
    begun = berlin("08 10:00")
    floor.hear(mailed(begun), asked(begun, id="ask"))
    floor.clock(begun + 2 * HOUR)
    assert counts(floor) == {("support", "first_reply", "breached"): 1}
    floor.hear(replied(begun + 30 * MINUTE))
    assert [one.transition for one in floor.transitions] == [
        "at_risk",
        "breached",
        "corrected",
        "corrected",
        "fulfilled",
    ]
    risk, breach, first, then, done = floor.transitions
    assert (first.corrects, then.corrects) == (risk.id, breach.id)
    assert (then.clock, then.policy.id, then.target, local(then.due_at)) == ("first_reply", "support", 3600, "08 11:00")
    assert (done.outcome, local(done.occurred_at), local(done.detected_at)) == ("attained", "08 10:30", "08 12:00")
    assert counts(floor) == {("support", "first_reply", "attained"): 1, ("support", "first_reply", "took:1800000"): 1}


def test_a_source_whose_clock_leads_by_minutes_is_not_late() -> None:
    floor = desk(policy(first_reply=60))
    begun = berlin("08 10:00")
    floor.clock(begun)
    floor.hear(mailed(begun + 180), asked(begun + 180))
    floor.clock(begun + 62 * MINUTE)
    floor.hear(replied(begun + 59 * MINUTE))
    assert floor.said[-1].outcome == "attained"
    assert [one.transition for one in floor.transitions] == ["at_risk", "fulfilled"]


def test_a_breach_by_time_alone_is_told_to_the_customer() -> None:
    floor = desk(policy(first_reply=60))
    begun = berlin("08 10:00")
    floor.hear(mailed(begun), asked(begun))
    floor.flush()
    (promise,) = floor.customers[-1].promises
    assert (promise.clock, promise.policy, promise.breached) == ("first_reply", "support", False)
    floor.clock(begun + 2 * HOUR)
    floor.flush()
    (promise,) = floor.customers[-1].promises
    assert (promise.breached, floor.customers[-1].breaches) == (True, 1)


def test_a_call_has_the_clocks_that_a_policy_promises_to_calls() -> None:
    floor = desk(policy(total_resolution=10))
    floor.hear(offered(0), ended(90))
    assert [(one.clock, one.transition, one.occurred_at.second) for one in floor.said] == [
        ("total_resolution", "activated", 0),
        ("total_resolution", "fulfilled", 30),
    ]


def test_an_answer_within_of_a_policy_stands_before_that_of_the_queue_and_none_is_a_word_too() -> None:
    vip = SlaPolicy(
        id="vip", applies=Filter(queues=("vip",)), targets={"answer_within": Target(target=10, at_risk=(0.5, 0.8))}
    )
    none = SlaPolicy(id="none", applies=Filter(queues=("slow",)), targets={"answer_within": Target(target=0)})
    floor = Floor(policies=Policies(sla=(none, vip)))
    for number, queue in enumerate(("vip", "slow", "sales")):
        floor.hear(offered(0, queue, contact=f"c{number}"))
    floor.clock(30)
    assert [(one.queue, one.transition, one.policy.id, one.share) for one in floor.transitions] == [
        ("vip", "at_risk", "vip", 0.5),
        ("vip", "at_risk", "vip", 0.8),
        ("vip", "breached", "vip", None),
        ("sales", "at_risk", "answer-within-default", 0.8),
        ("sales", "breached", "answer-within-default", None),
    ]
    assert len({one.id for one in floor.said}) == len(floor.said)


def test_an_unreadable_policy_is_refused_with_what_is_wrong_and_the_others_hold() -> None:
    floor = desk(policy(first_reply=60))
    bad = policy(2, first_reply=-1)
    floor.promise(PolicyRecord(id="support", versions=(bad,)))
    (_, _, headers), *more = floor.failed
    assert not more
    assert b"policy 'support' version 2, clock first_reply" in headers["failed.message"]
    floor.hear(mailed(0), asked(0))
    assert floor.said[0].policy.version == 1
    floor.flush()
    assert floor.outcomes["failed:schema"] == 1


def test_what_is_told_of_a_settled_contact_starts_no_clock_until_something_begins_it_again() -> None:
    floor = desk(policy(requester_wait=60))
    floor.hear(mailed(0), asked(1), ended(60, channel="email"))
    floor.clock(2 * DAY)
    floor.flush()
    said = len(floor.said)
    floor.hear(other(SurveyAnswered, 2 * DAY + 10, channel="email", kind="csat", score=4.0, scale=5))
    floor.hear(updated(2 * DAY + 20, tags=("late",)))
    floor.clock(2 * DAY + 2 * HOUR)
    floor.flush()
    assert floor.said[said:] == []
    assert not floor.customers[-1].open
    floor.crash()
    floor.hear(asked(2 * DAY + 3 * HOUR, id="again"))
    floor.flush()
    assert [(one.instance, one.transition) for one in floor.said[said:]] == [("again", "activated")]
    assert floor.customers[-1].open


def test_a_survey_of_a_contact_that_nobody_knows_starts_no_clock() -> None:
    floor = desk(policy(requester_wait=60))
    floor.hear(other(SurveyAnswered, 10, channel="email", kind="csat", score=4.0, scale=5))
    floor.clock(2 * HOUR)
    assert floor.said == []


def test_hours_that_settings_change_hold_from_the_restart_on_whatever_the_version_says() -> None:
    floor = desk(policy(calendar="ber", requester_wait=90))
    floor.hear(mailed(berlin("09 16:00")))
    floor.clock(berlin("09 16:30"))
    floor.flush()
    longer = CalendarTerms(id="ber", timezone="Europe/Berlin", hours="Mo-Fr 09:00-19:00")
    floor.policies = Policies(default=NO_OFFERS, sla=floor.policies.sla, calendars=(longer,))
    floor.crash()
    floor.clock(berlin("09 16:31"))
    floor.clock(berlin("09 18:00"))
    assert told(floor.transitions) == [
        ("retargeted", "09 17:30", "09 16:31"),
        ("at_risk", "09 17:30", "09 17:12"),
        ("breached", "09 17:30", "09 17:30"),
    ]


def test_a_policy_heard_of_at_the_instant_up_to_which_a_contact_was_judged_holds_for_it() -> None:
    floor = desk(policy(requester_wait=480))
    floor.clock(100)
    floor.hear(mailed(40))
    floor.promise(PolicyRecord(id="support", versions=(policy(2, requester_wait=1),)))
    floor.clock(101)
    assert [(one.transition, one.policy.version) for one in floor.transitions] == [("retargeted", 2), ("breached", 2)]


def test_a_wait_goes_on_being_judged_by_new_policies_after_its_contact_is_over() -> None:
    floor = Floor()
    floor.hear(offered(0, "sales"))
    floor.hear(other(ContactStatusChanged, 1, status="solved"))
    tight = SlaPolicy(id="tight", targets={"answer_within": Target(target=5)})
    floor.clock(8)
    floor.promise(PolicyRecord(id="tight", versions=(tight,)))
    floor.clock(8.5)
    assert floor.story() == [("retargeted", 8, 8.5), ("breached", 5, 8.5)]


def test_shares_that_do_not_ascend_are_refused() -> None:
    floor = desk(policy(first_reply=60))
    for shares in ((0.8, 0.5), (0.8, 0.8)):
        bad = SlaPolicy(id="support", version=2, targets={"first_reply": Target(target=60, at_risk=shares)})
        floor.promise(PolicyRecord(id="support", versions=(bad,)))
    assert [b"at_risk shares ascend" in headers["failed.message"] for _, _, headers in floor.failed] == [True, True]


def test_of_a_long_thread_only_the_clocks_that_may_still_change_are_worked_out() -> None:
    floor = desk(policy(first_reply=60, next_reply=60, periodic_update=600, requester_wait=6_000))
    floor.hear(mailed(0))
    for turn in range(60):
        floor.hear(asked(120 * turn + 10))
        floor.hear(replied(120 * turn + 70))
    floor.flush()
    with mock.patch.object(clocks, "course_of", side_effect=judge.course_of) as judged:
        floor.hear(asked(8_000))
        # Three that run in a status, the reply and the updates that are due now, and what ended with the last event.
        assert judged.call_count == 3 + 3 + 3
        floor.flush()
        assert judged.call_count == 3 + 3 + 3
    assert len(floor.customers[-1].promises) == 3
    assert [(one.clock, one.instance) for one in floor.said[-1:]] == [("next_reply", "ask/8000")]
