"""What customers are told of their contacts: whole records, once a flush, to whom the contact belongs."""

from uuid import uuid5

from schemas.customers import CustomerContact
from tests.unit.contact_bench import (
    NAMESPACE,
    START,
    Floor,
    answered,
    at,
    created,
    ended,
    left,
    left_ivr,
    offered,
    transferred,
)

CALLER = "tel:+4930901820"


def customer(identifier: str) -> str:
    return str(uuid5(NAMESPACE, identifier))


def test_a_finished_call_is_told_whole_to_its_caller() -> None:
    floor = Floor()
    floor.hear(created(0, identifiers=(CALLER, "tel:+491")), offered(2))
    floor.hear(answered(9), ended(69))
    floor.flush()
    assert floor.customers == [
        CustomerContact(
            customer=customer(CALLER),
            contact="c1",
            channel="phone",
            started=START,
            open=False,
            outcome="answered",
            queue="sales",
            agent="mia",
            waited=7_000,
            offered=at(2),
            answered=at(9),
            handled=60_000,
            ended=at(69),
            offers=1,
            known=True,
            first=True,
            agents=1,
            topic="sales",
        )
    ]


def test_a_contact_is_told_once_a_flush_and_only_after_a_change() -> None:
    floor = Floor()
    floor.hear(created(0, identifiers=(CALLER,)))
    floor.hear(offered(1))
    floor.flush()
    floor.hear(offered(1))
    floor.flush()
    floor.hear(answered(3))
    floor.flush()
    assert [(told.outcome, told.open) for told in floor.customers] == [("open", True), ("answered", True)]


def test_a_contact_without_identifier_is_its_own_customer() -> None:
    floor = Floor()
    floor.hear(left_ivr(30))
    floor.flush()
    (told,) = floor.customers
    assert (told.customer, told.known) == (customer("contact:c1"), False)
    assert (told.outcome, told.open, told.ended) == ("left_ivr", False, at(30))


def test_an_identifier_that_is_learnt_later_moves_the_contact() -> None:
    floor = Floor()
    floor.hear(offered(5))
    floor.flush()
    floor.hear(created(0, identifiers=(CALLER,)))
    floor.flush()
    _, gone, told = floor.customers
    assert (gone.customer, gone.gone, gone.known) == (customer("contact:c1"), True, False)
    assert (told.customer, told.gone, told.known) == (customer(CALLER), False, True)


def test_who_was_told_outlives_a_restart() -> None:
    floor = Floor()
    floor.hear(offered(5))
    floor.flush()
    floor.crash()
    floor.hear(answered(7))
    floor.flush()
    floor.hear(created(0, identifiers=(CALLER,)))
    floor.flush()
    assert [(told.customer == customer(CALLER), told.gone) for told in floor.customers] == [
        (False, False),
        (False, False),
        (False, True),
        (True, False),
    ]


def test_a_learnt_identifier_is_on_the_transitions_that_follow() -> None:
    floor = Floor()
    floor.hear(offered(0, identifiers=(CALLER,)), answered(30))
    assert {t.customer for t in floor.transitions} == {customer(CALLER)}


def test_the_last_offer_is_what_a_transferred_call_came_to() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(4), transferred(60), offered(60, "service"), left(75, queue="service"))
    floor.flush()
    (told,) = floor.customers
    assert (told.outcome, told.queue, told.waited) == ("abandoned", "service", 15_000)
    assert (told.offers, told.transfers, told.agent, told.handled) == (2, 1, "mia", 56_000)
    assert (told.open, told.ended) == (False, at(75))


def test_the_time_of_an_agent_whom_a_call_was_handed_on_to_is_handle_time_of_it() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(4), transferred(60), answered(70, agent="tom"), ended(100))
    floor.flush()
    (told,) = floor.customers
    assert (told.outcome, told.offers, told.agent, told.handled) == ("answered", 1, "tom", 56_000 + 30_000)


def test_a_wait_that_ran_out_is_told() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.flush()
    floor.clock(86_400)
    floor.flush()
    assert [(told.outcome, told.open, told.waited) for told in floor.customers] == [
        ("open", True, None),
        ("system", False, 86_400_000),
    ]


def test_a_call_without_queue_that_ended_is_told_as_ended() -> None:
    floor = Floor()
    floor.hear(created(0), ended(20))
    floor.flush()
    assert [(told.outcome, told.open, told.ended) for told in floor.customers] == [("ended", False, at(20))]


def test_the_first_end_is_the_end_until_another_offer_opens_the_contact_again() -> None:
    floor = Floor()
    floor.hear(offered(0), answered(4), ended(20))
    floor.hear(ended(25))
    floor.flush()
    floor.hear(offered(40))
    floor.flush()
    assert [(told.open, told.ended) for told in floor.customers] == [(False, at(20)), (True, None)]
