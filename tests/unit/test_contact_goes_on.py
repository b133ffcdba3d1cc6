"""What goes on after it had ended: the same contact within the correction window, then one that knows what it was."""

import itertools
from typing import Any

import pytest

from schemas.events import (
    AnyEvent,
    ContactMerged,
    ContactStatusChanged,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.instants import DAY, HOUR
from schemas.policies import Filter, Policies, QueuePolicy, SlaPolicy, Target
from tests.unit.contact_bench import START, Floor, answered, created, ended, left_ivr, offered, other, second

HOURS = HOUR // 1000
DAYS = DAY // 1000
NO_OFFERS = QueuePolicy(answer_within=None)
CARE = SlaPolicy(
    id="care",
    targets={clock: Target(target=600, at_risk=()) for clock in ("first_reply", "next_reply", "requester_wait")},
)


def wrote(at: float, author: str = "customer", **more: Any) -> AnyEvent:
    return other(MessagePosted, at, **{"channel": "chat", "author": author, "id": f"{author} {at:g}", **more})


def chat() -> list[AnyEvent]:
    """One that an agent answered and ended, without a status."""
    return [created(0, channel="chat"), wrote(1), wrote(60, "agent", agent="mia"), ended(120, channel="chat")]


def told(floor: Floor) -> list[tuple[str, str, float]]:
    return [(one.clock, one.transition, second(one.occurred_at)) for one in floor.said]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_customer_who_writes_on_after_the_end_waits_for_a_reply(is_restarted: bool) -> None:
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
    floor.hear(*chat())
    floor.flush()
    if is_restarted:
        floor.crash()
    known = len(floor.said)
    floor.hear(wrote(HOURS))
    floor.clock(2 * HOURS)
    floor.flush()
    assert told(floor)[known:] == [
        ("requester_wait", "resumed", HOURS),
        ("next_reply", "activated", HOURS),
        ("requester_wait", "breached", HOURS + 480),
        ("next_reply", "breached", HOURS + 600),
    ]
    (last,) = [one for one in floor.customers if one.contact == "c1"][-1:]
    assert (last.open, last.waits_for, last.ended, last.reopened) == (True, "agent", None, ())
    floor.hear(wrote(2 * HOURS, "agent", agent="mia"), ended(2 * HOURS + 1, channel="chat", id="over"))
    assert set(told(floor)[known + 4 :]) == {
        ("next_reply", "fulfilled", 2 * HOURS),
        ("requester_wait", "fulfilled", 2 * HOURS + 1),
    }
    floor.flush()
    assert not floor.customers[-1].open


def test_in_whatever_order_it_is_told_the_same_goes_on() -> None:
    events = [*chat(), wrote(HOURS)]
    for order in itertools.permutations(events):
        floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
        for event in order:
            floor.hear(event)
        floor.clock(HOURS + 300)
        floor.flush()
        last = floor.customers[-1]
        assert (last.open, sorted(one.clock for one in last.promises)) == (True, ["next_reply", "requester_wait"])


def test_a_message_from_before_the_end_that_comes_late_opens_nothing() -> None:
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
    floor.hear(*chat())
    floor.hear(wrote(119))
    floor.flush()
    assert not floor.customers[-1].open
    assert floor.customers[-1].promises == ()


def test_who_is_offered_to_a_queue_again_after_the_end_waits_again() -> None:
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
    floor.hear(*chat())
    known = len(floor.said)
    floor.hear(offered(HOURS, channel="chat"))
    assert told(floor)[known:] == [("requester_wait", "resumed", HOURS)]


@pytest.mark.parametrize(
    "after",
    [
        [wrote(150, "agent", agent="mia")],
        [other(SurveyAnswered, 150, channel="chat", kind="csat", score=4.0, scale=5)],
        [other(ContactStatusChanged, 130, status="solved", channel="chat"), wrote(150)],
        [other(ContactMerged, 130, into="c2", channel="chat"), wrote(150)],
    ],
)
def test_what_agents_and_surveys_say_opens_nothing_nor_what_comes_after_a_solve_or_a_merge(
    after: list[AnyEvent],
) -> None:
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
    floor.hear(*chat())
    known = len(floor.said)
    floor.hear(*after)
    floor.clock(HOURS)
    floor.flush()
    assert floor.said[known:] == []
    assert not floor.customers[-1].open


def test_who_left_before_any_queue_and_writes_on_is_there_again_until_the_end() -> None:
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
    floor.hear(created(0, channel="chat"), left_ivr(10, channel="chat"))
    floor.hear(wrote(60))
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert contact.open
    floor.hear(left_ivr(90, channel="chat"))
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert not contact.open


def test_no_message_opens_a_call_again() -> None:
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(CARE,)))
    floor.hear(offered(0), answered(5), ended(60))
    known = len(floor.said)
    floor.hear(wrote(100, channel="phone"))
    floor.flush()
    assert [one for one in told(floor)[known:] if one[0] != "first_reply"] == []
    assert not floor.customers[-1].open


@pytest.mark.parametrize("gap", [20 * HOURS, 26 * HOURS])
def test_a_survey_counts_in_the_queue_of_its_call_before_and_after_that_was_settled(gap: int) -> None:
    floor = Floor()
    floor.hear(offered(0), answered(5), ended(60))
    floor.clock(gap - 60)
    floor.flush()
    floor.crash()
    floor.hear(other(SurveyAnswered, gap, kind="csat", score=5.0, scale=5))
    floor.flush()
    assert {key: n for key, n in floor.facts.items() if n and key[3] == "survey:csat:5"} == {
        ("phone", "sales", (START // 1000 + gap) // 60, "survey:csat:5", 500): 1
    }


@pytest.mark.parametrize("again", [wrote(26 * HOURS), offered(26 * HOURS, channel="chat")])
def test_who_goes_on_after_it_was_settled_is_promised_what_such_customers_are(again: AnyEvent) -> None:
    gold = SlaPolicy(
        id="gold",
        applies=Filter(segments=("gold",), priorities=("high",), languages=("fi",), tags=("billing",)),
        targets={"first_reply": Target(target=600), "answer_within": Target(target=60)},
    )
    usual = SlaPolicy(id="usual", targets={"first_reply": Target(target=36_000), "answer_within": Target(target=900)})
    floor = Floor(policies=Policies(default=NO_OFFERS, sla=(gold, usual)))
    tags = ("billing", "complaint", "resolved")
    floor.hear(
        created(0, channel="chat", priority="high", language="fi"),
        other(ContactUpdated, 0, segment="gold", tags=tags, channel="chat"),
        *chat()[1:],
    )
    floor.clock(25 * HOURS)
    floor.flush()
    floor.crash()
    known = len(floor.said)
    floor.hear(again)
    floor.flush()
    assert {one.policy.id for one in floor.said[known:]} == {"gold"}
    last = floor.customers[-1]
    assert (last.segment, last.priority, last.language) == ("gold", "high", "fi")
    # These told of what is over.
    assert (last.complaint, last.resolved) == (False, False)


def test_what_a_contact_was_outlives_two_settlements_and_changes_after_one() -> None:
    floor = Floor()
    floor.hear(created(0, channel="chat", priority="high"), *chat()[1:])
    floor.clock(3 * DAYS)
    floor.hear(wrote(3 * DAYS), other(ContactUpdated, 3 * DAYS + 1, segment="gold", channel="chat"))
    floor.hear(ended(3 * DAYS + 2, channel="chat"))
    floor.clock(6 * DAYS)
    floor.flush()
    floor.crash()
    floor.hear(wrote(6 * DAYS))
    floor.hear(wrote(6 * DAYS - 60))
    floor.flush()
    last = floor.customers[-1]
    assert (last.priority, last.segment) == ("high", "gold")
