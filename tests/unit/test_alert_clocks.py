"""Alerts of the clocks of contacts: replies, updates and times to the solution."""

from typing import Any

import pytest

from schemas import alerts
from schemas.alerts import CalendarRef, Evidence, SlaTransition
from schemas.notifications import Alert
from schemas.policies import CLOCKS
from tests.unit.alert_desk import Desk, answered, breach, corrected, gone, instant

HOUR = 3600.0


def late(contact: str, due: float = 0, **said: Any) -> SlaTransition:
    """A breach of the first reply within 4 h of business time, to a message of the day before."""
    facts: dict[str, Any] = {
        "id": f"breached-{said.get('clock', 'first_reply')}-{contact}",
        "clock": "first_reply",
        "channel": "email",
        "queue": "mail",
        "target": 4 * HOUR,
        "calendar": CalendarRef("office", 3),
        "events": (Evidence(f"message-{contact}", instant(-20 * HOUR), "started"),),
    }
    return breach(contact, due, **facts | said)


def said(desk: Desk) -> list[Alert]:
    """All that was published of alerts."""
    return [each for each in desk.said if isinstance(each, Alert)]


def summary(*breaches: SlaTransition) -> str:
    desk = Desk()
    desk.take(*breaches)
    desk.at(0)
    desk.at(40)
    desk.flush(ended=True)
    return desk.alert().summary


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        ("first_reply", "past the 4 h first reply target"),
        ("next_reply", "past the 4 h next reply target"),
        ("periodic_update", "past the 4 h update target"),
        ("pausable_update", "past the 4 h update target"),
        ("requester_wait", "past the 4 h waiting time target"),
        ("agent_work", "past the 4 h agent work target"),
        ("total_resolution", "past the 4 h resolution target"),
    ],
)
def test_every_clock_has_words_of_its_own(clock: str, words: str) -> None:
    """The message came 4 h before."""
    since = (Evidence("message", instant(-4 * HOUR), "started"),)
    assert summary(late("ann", clock=clock, calendar=None, events=since)) == (
        f"mail: 1 customer {words}, oldest waiting since 10:28"
    )


def test_business_time_is_called_so_and_the_wait_counts_from_the_start_of_the_clock() -> None:
    assert summary(late("ann"), late("ben", 5)) == (
        "mail: 2 customers past the first reply target of 4 h business time, oldest waiting since 1 Mar 18:28"
    )
    desk = Desk()
    desk.at(0, late("ann"))
    subject = desk.alert().evidence.subjects[0]
    assert (subject.since, subject.due_at, desk.alert().evidence.business) == (instant(-20 * HOUR), instant(0), True)


def test_several_targets_are_not_named() -> None:
    assert summary(late("ann"), late("ben", 5, target=HOUR)) == (
        "mail: 2 customers past their first reply targets, oldest waiting since 1 Mar 18:28"
    )


def test_a_breach_of_every_clock_but_the_answer_is_a_warning_of_its_own_rule() -> None:
    desk = Desk()
    desk.at(0, *(late("ann", clock=clock) for clock in CLOCKS))
    assert {(each.rule, each.severity) for each in said(desk)} == {
        (f"sla.{clock}", "critical" if clock == "answer_within" else "warning") for clock in CLOCKS
    }


def test_the_clocks_that_one_event_started_end_one_by_one() -> None:
    desk = Desk()
    desk.at(0, late("ann", clock="requester_wait"), late("ann", clock="agent_work"))
    desk.at(10, answered("ann", 0, 10, clock="agent_work"))
    desk.flush(ended=True)
    assert {each.rule: each.evidence.open for each in said(desk)} == {"sla.requester_wait": 1, "sla.agent_work": 0}


@pytest.mark.parametrize("end", ["answered", "gone", "corrected"])
def test_a_late_reply_a_lapsed_clock_and_a_correction_end_it(end: str) -> None:
    wrong = late("ann")
    ends = {
        "answered": answered("ann", 0, 10, clock="first_reply"),
        "gone": gone("ann", 0, 10, clock="first_reply"),
        "corrected": corrected(wrong),
    }
    desk = Desk()
    desk.at(0, wrong)
    desk.at(10, ends[end])
    desk.flush(ended=True)
    assert desk.alert().evidence.open == 0


@pytest.mark.parametrize("transition", ["activated", "paused", "resumed", "at_risk", "retargeted", "cancelled"])
def test_what_neither_begins_nor_ends_a_breach_changes_nothing(transition: str) -> None:
    desk = Desk()
    desk.at(0, late("ann"))
    other = late("ann", id=f"{transition}-ann")
    desk.at(1, alerts.decode(alerts.encode(other).replace(b'"breached"', f'"{transition}"'.encode())))
    desk.flush(ended=True)
    assert [each.evidence.open for each in said(desk)] == [1]
    assert desk.ignored == {}


def test_a_breach_that_a_change_brought_about_is_told_though_it_was_due_long_ago() -> None:
    desk = Desk()
    desk.at(0, late("ann", -2 * HOUR, cause="policy_changed", detected_at=instant(0)))
    desk.at(31)
    alert = desk.alert()
    assert (alert.state, alert.notify, alert.reason) == ("firing", "trigger", None)
    assert alert.evidence.subjects[0].due_at == instant(-2 * HOUR)
    assert alert.evidence.newest_due_at == instant(0)


def test_it_goes_on_for_a_while_when_nobody_waits_any_more() -> None:
    desk = Desk()
    story = desk.until(400, (0, late("ann")), (60, answered("ann", 0, 60, clock="first_reply")))
    assert [state for at, state, _ in story if at < 300][-1] == "firing"
    assert (story[-1][1], desk.alert().ended_at) == ("resolved", instant(60))
