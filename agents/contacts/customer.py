"""What a contact tells its customer (customers.events)."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec.structs import replace

from agents.contacts.contact import Contact
from agents.contacts.offer import ANSWERED
from schemas.customers import ContactOutcome, CustomerContact, OpenPromise

TOPIC = "topic:"
"""What a tag begins with that says what a contact is about."""

RESOLVED = "resolved"
"""The tag that says that the customer was helped."""

COMPLAINT = "complaint"
"""The tag that says that it is one."""

MESSAGES = 200
"""So many of the newest messages of each way are told of a contact."""


def customer_of(ids: Callable[[str], str], contact_id: str, identifier: str | None) -> str:
    """Id of the customer: of the contact's first identifier, else of the contact itself.

    `ids`: schemas.ids.customer_ids of the installation.
    """
    return ids("contact:" + contact_id if identifier is None else identifier)


def told(
    contact_id: str, contact: Contact, customer: str, *, gone: bool = False, promises: tuple[OpenPromise, ...] = ()
) -> CustomerContact:
    """The contact as a whole, for `customer`, or what came after it was settled. `gone`: it turned out to be another's.
    `promises`: those that run."""
    last = contact.offers[-1] if contact.offers else None
    agent: str | None = None
    handled: int | None = None
    for offer in (*contact.offers, *contact.unoffered) if contact.unoffered else contact.offers:
        if offer.outcome == ANSWERED:
            agent = offer.agent or agent
            if offer.completed is not None:
                handled = (handled or 0) + offer.handle_time
    return CustomerContact(
        customer=customer,
        contact=contact_id,
        channel=contact.channel,
        started=contact.started or 0,
        open=contact.open,
        outcome=_outcome(contact),
        agent=agent,
        waited=None if last is None or last.outcome is None else last.wait,
        offered=None if last is None else last.at,
        answered=last.stop if last is not None and last.outcome == ANSWERED else None,
        handled=handled,
        ended=_ended(contact),
        offers=len(contact.offers),
        transfers=contact.transfers,
        known=contact.identifier is not None and not gone,
        gone=gone,
        promises=promises,
        breaches=contact.breaches,
        after=contact.settled,
        addition=bool(contact.packed) and contact.ended == contact.settled,
        first=contact.told is None and not gone,
        **(_of_case(contact) if contact.eventful else _of_offers(contact)),
    )


def at_last(contact_id: str, contact: Contact, customer: str) -> CustomerContact:
    """The contact as it is remembered when nothing more of it is expected, though nobody told its end."""
    last = told(contact_id, contact, customer)
    outcome = last.outcome if contact.offers else "ended"
    return replace(last, open=False, outcome=outcome, ended=contact.last, waits_for=None)


def _outcome(contact: Contact) -> ContactOutcome:
    if contact.offers:
        return contact.offers[-1].outcome or "open"  # type: ignore[return-value]
    if contact.left_ivr is not None:
        return "left_ivr"
    return "open" if contact.open else "ended"


def _ended(contact: Contact) -> int | None:
    if contact.ended is not None or contact.open:
        return contact.ended
    if not contact.offers:
        return contact.left_ivr
    last = contact.offers[-1]
    if last.outcome is None:
        return None
    return last.stop if last.completed is None else last.completed


def _of_offers(contact: Contact) -> dict[str, Any]:
    """What queues and calls alone say."""
    offers = contact.offers
    return {
        "queue": offers[-1].queue if offers else None,
        "agents": len({offer.agent for offer in offers if offer.agent is not None}),
        "topic": offers[0].queue if offers else None,
        "waits_for": "agent" if contact.waiting else None,
    }


def _of_case(contact: Contact) -> dict[str, Any]:
    """What messages, statuses, properties and surveys say."""
    case = contact.case
    properties = case.properties
    waits_for: Literal["agent", "customer"] | None = None
    if contact.channel == "phone":
        waits_for = "agent" if contact.waiting else None
    elif contact.open:
        waits_for = case.waits_for
    topic = next((tag.removeprefix(TOPIC) for tag in properties.tags if tag.startswith(TOPIC)), None)
    offers = contact.offers
    return {
        "queue": offers[-1].queue if offers else properties.queue,
        "messages_in": case.messages_in[-MESSAGES:],
        "messages_out": case.messages_out[-MESSAGES:],
        "agents": len(case.agents),
        "reopened": case.reopened,
        "waits_for": waits_for,
        "status": case.status,
        "topic": topic or (offers[0].queue if offers else properties.queue),
        "segment": properties.segment,
        "priority": properties.priority,
        "language": properties.language,
        "resolved": case.solved or RESOLVED in properties.tags,
        "complaint": COMPLAINT in properties.tags,
        "surveys": case.surveys,
    }
