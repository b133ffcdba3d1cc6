"""What a message of a human agent does to who waits for one."""

import itertools
from typing import Any

import pytest

from schemas import events
from schemas.events import AnyEvent
from tests.unit.contact_bench import Floor, answered, offered, other


def wrote(second: float, author: str = "agent", **more: Any) -> AnyEvent:
    said = {"channel": "chat", "agent": "mia", "queue": "team:9", "author": author, **more}
    return other(events.MessagePosted, second, **said)


def waits(second: float, queue: str = "sales") -> AnyEvent:
    return offered(second, queue, channel="chat")


def settled(second: float, status: str = "solved", **more: Any) -> AnyEvent:
    return other(events.ContactStatusChanged, second, **{"channel": "chat", "status": status, **more})


def answers(floor: Floor) -> list[float]:
    return [at for name, at, _ in floor.story() if name == "fulfilled"]


def test_the_first_reply_answers_whoever_waits_in_whatever_queue_and_the_next_ones_nobody() -> None:
    floor = Floor()
    for event in (waits(0), wrote(12), wrote(15)):
        floor.hear(event)

    assert answers(floor) == [12]
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert [(offer.outcome, offer.agent, offer.answered) for offer in contact.offers] == [
        ("answered", "mia", contact.offers[0].at + 12_000)
    ]
    assert contact.anomalies == ()


@pytest.mark.parametrize("said", [{"author": "bot"}, {"author": "system"}, {"author": "customer"}, {"public": False}])
def test_nobody_is_answered_by_machines_customers_and_private_notes(said: dict[str, Any]) -> None:
    floor = Floor()
    floor.hear(waits(0))
    floor.hear(wrote(12, **said))

    assert answers(floor) == []


def test_who_writes_is_not_on_contact_and_who_is_on_the_phone_is() -> None:
    floor = Floor()
    for event in (waits(0), wrote(12)):
        floor.hear(event)
    floor.flush()
    assert floor.busy == {}

    floor.hear(offered(20, contact="c2"), answered(25, agent="mia", contact="c2"))
    floor.flush()
    assert floor.busy == {"mia": 1}


def test_a_call_is_not_answered_by_a_message() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(wrote(12, channel="phone"))

    assert answers(floor) == []


def test_who_waits_again_after_a_reopening_is_answered_again() -> None:
    floor = Floor()
    for event in (waits(0), wrote(5), waits(60), wrote(71)):
        floor.hear(event)

    assert answers(floor) == [5, 71]


def test_who_is_told_that_another_team_takes_over_waits_for_that_team() -> None:
    floor = Floor()
    for event in (waits(0), wrote(12), waits(12, "billing")):
        floor.hear(event)

    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert [(offer.queue, offer.outcome) for offer in contact.offers] == [("sales", "answered"), ("billing", None)]


def test_a_reply_in_the_second_of_the_end_came_before_it() -> None:
    floor = Floor()
    for event in (waits(0), other(events.ContactEnded, 12, channel="chat"), wrote(12)):
        floor.hear(event)

    assert answers(floor) == [12]


def test_in_whatever_order_they_come_the_same_offers_are_answered_at_the_same_time() -> None:
    said = [waits(0), wrote(5), wrote(9), waits(60), wrote(71)]
    seen = set()
    for order in itertools.permutations(said):
        floor = Floor()
        for event in order:
            floor.hear(event)
        contact = floor.contacts.contact("c1")
        assert contact is not None
        seen.add(tuple((offer.at, offer.outcome, offer.answered) for offer in contact.offers))

    assert len(seen) == 1


@pytest.mark.parametrize(("second", "said"), [(19, ["cancelled"]), (21, ["at_risk", "breached", "lapsed"])])
@pytest.mark.parametrize("status", ["solved", "closed"])
def test_what_is_set_solved_without_a_reply_makes_nobody_wait_any_longer(
    status: str, second: float, said: list[str]
) -> None:
    floor = Floor()
    floor.hear(waits(0))
    floor.hear(settled(second, status))

    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert [(offer.outcome, offer.wait) for offer in contact.offers] == [("withdrawn", second * 1_000)]
    assert [name for name, _, _ in floor.story() if name != "activated"][-len(said) :] == said


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_who_waits_again_after_it_was_solved_is_answered_again_in_whatever_order_it_is_told(
    order: tuple[int, ...],
) -> None:
    said = (waits(0), settled(5), waits(60), wrote(71))
    floor = Floor()
    for index in order:
        floor.hear(said[index])

    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert [(offer.outcome, offer.wait) for offer in contact.offers] == [("withdrawn", 5_000), ("answered", 11_000)]


def test_who_answers_and_sets_it_solved_at_once_has_answered() -> None:
    for order in itertools.permutations((waits(0), wrote(9), settled(9))):
        floor = Floor()
        for event in order:
            floor.hear(event)
        assert answers(floor) == [9]


@pytest.mark.parametrize("status", ["new", "open", "pending", "on_hold"])
def test_other_statuses_leave_who_waits_waiting(status: str) -> None:
    floor = Floor()
    floor.hear(waits(0))
    floor.hear(settled(5, status))
    floor.hear(wrote(12))
    assert answers(floor) == [12]


def test_a_caller_waits_on_whatever_the_ticket_says() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.hear(settled(5, channel="phone"))
    contact = floor.contacts.contact("c1")
    assert contact is not None
    assert [offer.outcome for offer in contact.offers] == [None]
