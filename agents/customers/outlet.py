"""What leaves of a customer: the profile, its tombstone, and what whoever answers is told of them."""

from collections.abc import Sequence

from agents.customers.memory import Customer
from agents.customers.profile import contexts, profile
from schemas.customers import encode_context, encode_profile
from schemas.topics import CUSTOMERS_CONTEXT, CUSTOMERS_PROFILES
from streams.processor import Outbox


def tell_profile(customer_id: str, customer: Customer, clock: int, out: Outbox, members: Sequence[str] = ()) -> int:
    """Send the profile of a customer and what is to be told of contacts that have begun; returns until when it holds.

    With a `clock` of 0, none having ever come, it is that of the last that is known.
    """
    now = clock or max((each.ended or each.started for each in customer.contacts), default=0)
    made, due = profile(customer_id, customer, now, members)
    key = customer_id.encode()
    out.send(CUSTOMERS_PROFILES.name, key, encode_profile(made))
    if customer.begun:
        for context in contexts(made, customer, now):
            out.send(CUSTOMERS_CONTEXT.name, key, encode_context(context))
    return due


def withdraw(customer_id: str, out: Outbox) -> None:
    """Send the tombstone of a profile."""
    out.send(CUSTOMERS_PROFILES.name, customer_id.encode(), None)
