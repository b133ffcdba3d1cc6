"""Signs that a customer may be lost, how hard it was for them, what they say and which channel they like."""

from typing import Any

import pytest

from agents.customers import risk
from agents.customers.contact import Contact, remembered
from agents.customers.effort import effort, preferred_channel, survey_scores
from schemas.customers import Effort, OpenPromise, PreferredChannel, SurveyAnswer, SurveyScores
from schemas.instants import DAY, HOUR, SECOND, from_ms
from schemas.statistics import wilson
from tests.unit.customer_floor import NOON, Floor, contact


def _ago(span: int, **said: Any) -> Contact:
    return remembered(contact(f"ago-{span}", NOON - span, **said))


def _answered(kind: Any, score: float, scale: int, at: int = NOON) -> Contact:
    return _ago(DAY, surveys=(SurveyAnswer(at, kind, score, scale),))


def test_a_complaint_counts_for_thirty_days() -> None:
    contacts = [_ago(30 * DAY - 1, complaint=True)]
    assert risk.reasons(contacts, NOON) == ["complaint"]
    assert risk.reasons(contacts, NOON + 1) == []


@pytest.mark.parametrize(
    ("kind", "score", "scale", "low"),
    [
        ("nps", 6, 10, True), ("nps", 7, 10, False), ("csat", 2, 5, True), ("csat", 3, 5, False),
        ("ces", 3, 7, True), ("ces", 4, 7, False), ("csat", 40, 100, True), ("csat", 41, 100, False),
    ],
)  # fmt: skip
def test_a_low_score_on_any_scale(kind: Any, score: float, scale: int, low: bool) -> None:
    assert risk.low_score([_answered(kind, score, scale)], NOON) is low


def test_only_the_last_answer_of_a_kind_counts_and_for_thirty_days() -> None:
    assert not risk.low_score([_answered("nps", 0, 10, NOON - 2), _answered("nps", 9, 10, NOON - 1)], NOON)
    assert risk.low_score([_answered("nps", 0, 10, NOON - 2), _answered("csat", 5, 5, NOON - 1)], NOON)
    assert not risk.low_score([_answered("nps", 0, 10, NOON - 30 * DAY)], NOON)


def test_three_contacts_on_one_topic_within_seven_days_are_too_many() -> None:
    three = [_ago(7 * DAY - 1, queue="tech"), _ago(DAY, topic="tech"), _ago(0, queue="tech")]
    assert risk.reasons(three, NOON) == ["repeated"]
    assert risk.reasons(three, NOON + 1) == []
    assert risk.reasons([*three[1:], _ago(0, queue="sales")], NOON) == []


def test_a_promise_that_is_overdue_or_was_broken_lately() -> None:
    overdue = OpenPromise("first_reply", "mail", 1, NOON - HOUR, None, True)
    running = OpenPromise("first_reply", "mail", 1, NOON + HOUR, None, False)
    assert risk.reasons([_ago(20 * DAY, open=True, promises=(overdue,))], NOON) == ["broken_promise"]
    assert risk.reasons([_ago(20 * DAY, open=True, promises=(running,))], NOON) == []
    late = _ago(20 * DAY, breaches=1, messages_out=(NOON - 7 * DAY + 1,))
    assert risk.reasons([late], NOON) == ["broken_promise"]
    assert risk.reasons([late], NOON + 1) == []


def test_who_gave_up_twice_with_no_answer_since() -> None:
    twice = [_ago(7 * DAY - 1, outcome="abandoned"), _ago(HOUR, outcome="abandoned")]
    assert risk.reasons(twice, NOON) == ["abandoned"]
    assert risk.reasons(twice, NOON + 1) == []
    assert risk.reasons([*twice, _ago(0, outcome="answered")], NOON) == []
    assert risk.reasons([_ago(2 * HOUR, outcome="answered"), *twice[1:]], NOON) == []


def test_effort_counts_hops_the_story_told_again_and_reopenings() -> None:
    contacts = [
        _ago(3 * DAY, channel="email", queue="tech", agent="bob", reopened=(NOON - DAY,)),
        _ago(2 * DAY + 1, channel="phone", queue="tech", agent="eve", transfers=1),
        _ago(2 * DAY, channel="chat", queue="sales", agent="eve", agents=3),
    ]
    assert effort(contacts, NOON) == Effort(channel_hops=1, retold=4, reopened=1)
    assert effort(contacts[:1], NOON + 29 * DAY) is None
    assert effort([_ago(DAY, queue="tech", agent="bob"), _ago(0, queue="tech", agent="bob")], NOON) is None


def test_the_preferred_channel_is_that_of_most_contacts_and_how_sure_that_is() -> None:
    window = {"phone": 9, "chat": 1}
    low, high = wilson(9, 10) or (0.0, 0.0)
    assert preferred_channel(window, []) == PreferredChannel(
        channel="phone", share=0.9, n=10, interval=(round(low, 4), round(high, 4)), sure=True
    )
    near = preferred_channel({"phone": 3, "chat": 2}, [])
    assert near is not None
    assert (near.channel, near.sure) == ("phone", False)
    few = preferred_channel({"phone": 4}, [])
    assert few is not None
    assert (few.share, few.sure) == (1.0, False)
    assert preferred_channel({"phone": 1}, []) is None


def test_of_channels_used_alike_the_last_used_is_preferred() -> None:
    window = {"phone": 1, "chat": 1}
    for channel, other in (("phone", "chat"), ("chat", "phone")):
        told = preferred_channel(window, [_ago(2, channel=other), _ago(1, channel=channel)])
        assert told is not None
        assert told.channel == channel


def test_scores_are_of_the_last_answers_scale() -> None:
    contacts = [
        _answered("csat", 1, 2, NOON - 3), _answered("csat", 4, 5, NOON - 2), _answered("csat", 5, 5, NOON - 1),
    ]  # fmt: skip
    assert survey_scores(risk.answers_of(contacts)) == {
        "csat": SurveyScores(n=2, scale=5, last=5, last_at=from_ms(NOON - 1), mean=4.5)
    }


def test_a_profile_tells_whose_turn_it_is_and_what_was_promised() -> None:
    paused = OpenPromise("requester_wait", "mail", 3, None, 90 * SECOND, False)
    floor = Floor()
    [told] = floor.at(
        NOON,
        contact("t", NOON - HOUR, open=True, outcome="open", channel="email", waits_for="agent", status="open",
                priority="high", topic="refund", promises=(paused,), language="de", messages_in=(NOON - HOUR,)),
    )  # fmt: skip
    assert told is not None
    [line] = told.open_contacts
    assert (line.waits_for, line.status, line.priority, line.topic) == ("agent", "open", "high", "refund")
    [promise] = line.promises
    assert (promise.clock, promise.policy, promise.version, promise.due_at) == ("requester_wait", "mail", 3, None)
    assert (promise.remaining, promise.breached) == (90.0, False)
    assert told.language == "de"
    assert told.windows["7d"]["email"].messages_in == 1


def test_reasons_and_repeats_are_taken_back_by_time_alone() -> None:
    floor = Floor()
    low = SurveyAnswer(NOON, "nps", 2, 10)
    floor.at(NOON, contact("a", NOON - DAY, queue="tech", surveys=(low,)), contact("b", NOON - HOUR, queue="tech"))
    [told] = floor.at(NOON + 30 * DAY - HOUR)
    assert told is not None
    assert told.at_risk == ["low_score"]
    [told] = floor.at(NOON + 30 * DAY)
    assert told is not None
    assert told.at_risk == []
    assert told.repeat["96h"].first["no_repeat_topic"] == 1


def test_a_span_of_repeats_that_no_window_has_passes_in_its_time() -> None:
    floor = Floor()
    floor.at(NOON, contact("a", NOON - 10 * DAY, queue="tech"), contact("b", NOON, queue="tech"))
    assert len(floor.at(NOON + DAY)) == 1
    [told] = floor.at(NOON + 4 * DAY)
    assert told is not None
    assert told.repeat["96h"].first["no_repeat_topic"] == 2
