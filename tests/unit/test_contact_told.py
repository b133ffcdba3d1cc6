"""What a contact tells its customer beside queues and calls: messages, turns, topics, surveys."""

import pytest

from agents.contacts import customer
from schemas import events
from schemas.customers import CustomerContact, SurveyAnswer
from schemas.events import AnyEvent
from schemas.instants import from_ms
from tests.unit.contact_bench import Floor, at, created, offered, other

MAIL = {"channel": "email", "source": "desk"}


def _message(second: float, author: str) -> AnyEvent:
    return other(events.MessagePosted, second, author=author, public=True, **MAIL)


def _status(second: float, status: str) -> AnyEvent:
    return other(events.ContactStatusChanged, second, status=status, **MAIL)


def _told(*said: AnyEvent) -> CustomerContact:
    floor = Floor()
    floor.hear(*said)
    floor.flush()
    return floor.customers[-1]


def test_a_thread_tells_its_messages_whose_turn_it_is_and_what_is_known_of_it() -> None:
    told = _told(
        created(0, tags=("vip", "topic:refund", "complaint"), priority="high", language="de", **MAIL),
        _message(1, "customer"),
        _message(60, "agent"),
        _message(90, "customer"),
    )
    assert (told.messages_in, told.messages_out) == ((at(1), at(90)), (at(60),))
    assert (told.waits_for, told.topic, told.complaint, told.resolved) == ("agent", "refund", True, False)
    assert (told.priority, told.language, told.outcome, told.open) == ("high", "de", "open", True)


def test_after_the_agents_answer_the_customer_is_waited_for_and_nobody_once_it_is_solved() -> None:
    thread = (created(0, **MAIL), _message(1, "customer"), _message(60, "agent"))
    assert _told(*thread).waits_for == "customer"
    told = _told(*thread, _status(70, "solved"))
    assert (told.waits_for, told.status, told.resolved, told.open, told.outcome) == (
        None,
        "solved",
        True,
        False,
        "ended",
    )


def test_a_thread_that_was_opened_again_tells_when() -> None:
    told = _told(created(0, **MAIL), _status(10, "solved"), _status(20, "open"))
    assert (told.reopened, told.resolved, told.open) == ((at(20),), False, True)


def test_only_the_newest_messages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer, "MESSAGES", 2)
    told = _told(created(0, **MAIL), *(_message(second, "customer") for second in (1, 2, 3)))
    assert told.messages_in == (at(2), at(3))


def test_the_topic_of_an_untagged_contact_is_its_first_queue_and_a_tag_says_that_it_is_resolved() -> None:
    told = _told(created(0, tags=("resolved",), **MAIL), offered(1, "returns", **MAIL), offered(5, "billing", **MAIL))
    assert (told.topic, told.queue, told.resolved) == ("returns", "billing", True)


def test_a_thread_that_was_never_offered_is_in_the_queue_that_it_was_put_into() -> None:
    told = _told(created(0, **MAIL), other(events.ContactUpdated, 1, queue="returns", **MAIL))
    assert (told.queue, told.topic, told.offers) == ("returns", "returns", 0)


def test_answers_to_surveys_are_told() -> None:
    survey = events.SurveyAnswered(
        id="s", time=from_ms(at(9)), contact="c1", kind="nps", score=3, scale=10, channel="email", source="desk"
    )
    assert _told(created(0, **MAIL), survey).surveys == (SurveyAnswer(at(9), "nps", 3, 10),)


def test_of_a_call_that_waits_it_is_an_agents_turn() -> None:
    assert _told(created(0), offered(1)).waits_for == "agent"
