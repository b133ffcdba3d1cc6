"""The public profile of one customer, made from the state."""

from agents.customers.memory import Contact, Customer
from agents.customers.windows import roll
from schemas.customers import CustomerProfile, LastContact
from schemas.instants import from_ms, seconds
from schemas.short_ids import full

LAST = 10
"""How many of the last contacts a profile tells."""


def _line(contact: Contact) -> LastContact:
    ended = contact.ended
    return LastContact(
        contact=full(contact.contact),
        channel=contact.channel,
        started_at=from_ms(contact.started),
        outcome=contact.outcome,
        queue=contact.queue,
        waited=seconds(contact.waited),
        handled=seconds(contact.handled),
        ended_at=None if ended is None else from_ms(ended),
    )


def profile(customer_id: str, customer: Customer, clock: int) -> tuple[CustomerProfile, int]:
    """The profile as of `clock` (ms), and the clock from which it is no longer true.

    Last and open contacts stand newest first.
    """
    windows, due = roll(customer, clock)
    contacts = customer.contacts
    made = CustomerProfile(
        customer=customer_id,
        as_of=from_ms(clock),
        known=customer.known,
        contacts=customer.earlier + len(contacts),
        windows=windows,
        last_contacts=[_line(contact) for contact in contacts[: -LAST - 1 : -1]],
        open_contacts=[_line(contact) for contact in contacts[::-1] if contact.open],
    )
    return made, due
