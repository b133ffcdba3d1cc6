"""What a contact tells its customer (customers.events)."""

from collections.abc import Callable

from agents.contacts.contact import Contact
from agents.contacts.offer import ANSWERED
from schemas.customers import ContactOutcome, CustomerContact


def customer_of(ids: Callable[[str], str], contact_id: str, identifier: str | None) -> str:
    """Id of the customer: of the contact's first identifier, else of the contact itself.

    `ids`: schemas.ids.customer_ids of the installation.
    """
    return ids("contact:" + contact_id if identifier is None else identifier)


def told(contact_id: str, contact: Contact, customer: str, *, gone: bool = False) -> CustomerContact:
    """The contact as a whole, for `customer`. `gone`: it turned out to be another's."""
    last = contact.offers[-1] if contact.offers else None
    outcome: ContactOutcome = "open"
    ended = contact.ended
    if last is not None:
        outcome = last.outcome or "open"  # type: ignore[assignment]
    elif contact.left_ivr is not None:
        outcome = "left_ivr"
    elif ended is not None:
        outcome = "ended"
    is_open = contact.open
    agent: str | None = None
    handled: int | None = None
    for offer in contact.offers:
        if offer.outcome == ANSWERED:
            agent = offer.agent or agent
            if offer.completed is not None:
                handled = (handled or 0) + offer.handle_time
    if ended is None and not is_open:
        if last is None:
            ended = contact.left_ivr
        else:
            ended = last.stop if last.completed is None else last.completed
    return CustomerContact(
        customer=customer,
        contact=contact_id,
        channel=contact.channel,
        started=contact.started or 0,
        open=is_open,
        outcome=outcome,
        queue=None if last is None else last.queue,
        agent=agent,
        waited=None if last is None or last.outcome is None else last.wait,
        offered=None if last is None else last.at,
        answered=last.stop if last is not None and last.outcome == ANSWERED else None,
        handled=handled,
        ended=ended,
        offers=len(contact.offers),
        transfers=contact.transfers,
        known=contact.identifier is not None and not gone,
        gone=gone,
    )
