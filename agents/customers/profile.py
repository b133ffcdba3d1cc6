"""The public profile of one customer, made from the state, and what is told of them to whoever answers."""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from agents.customers.contact import Contact
from agents.customers.effort import effort, preferred_channel, survey_scores
from agents.customers.memory import Customer
from agents.customers.parts import told
from agents.customers.resolution import repeats
from agents.customers.risk import SCORE_SPAN, answers_of, plain, reasons
from agents.customers.windows import roll
from schemas.customers import CustomerContext, CustomerProfile, OpenContact
from schemas.ids import context_id
from schemas.instants import from_ms
from schemas.short_ids import full

LAST = 10
"""How many of the last contacts a profile tells."""

OPEN = 100
"""How many of the contacts that are open: a machine that writes every minute may have any number."""


class Made(NamedTuple):
    """A profile, and the clock from which it is no longer true."""

    profile: CustomerProfile
    due: int


def _newest(contacts: Sequence[Contact], field: str) -> str | None:
    for contact in reversed(contacts):
        value: str | None = None if contact.case is None else getattr(contact.case, field)
        if value is not None:
            return value
    return None


def profile(customer_id: str, customer: Customer, clock: int, members: Sequence[str] = ()) -> Made:
    """The profile as of `clock` (ms). Last and open contacts stand newest first."""
    rolled = roll(customer, clock)
    every = customer.contacts
    special = not plain(every)
    answers = answers_of(every) if special else []
    contacts = tuple(each for each in every if not each.addition) if special else every
    repeat, repeat_due = repeats(contacts, clock)
    made = CustomerProfile(
        customer=customer_id,
        as_of=from_ms(clock),
        known=customer.known,
        contacts=rolled.contacts,
        windows=rolled.channels,
        queues=rolled.queues,
        last_contacts=[told(contact).line for contact in contacts[: -LAST - 1 : -1]],
        open_contacts=_open(contacts),
        members=list(members) if len(members) > 1 else [],
        preferred_channel=preferred_channel(rolled.used, contacts),
        repeat=repeat,
        surveys=survey_scores(answers) if answers else {},
        complaints=rolled.complaints,
        effort=effort(contacts, clock),
        at_risk=reasons(every, clock),
        segment=_newest(every, "segment") if special else None,
        language=_newest(every, "language") if special else None,
    )
    score_dues = [answer.at + SCORE_SPAN for answer in answers if answer.at + SCORE_SPAN > clock]
    return Made(made, min(rolled.due, repeat_due, *score_dues))


def contexts(made: CustomerProfile, customer: Customer, clock: int) -> list[CustomerContext]:
    """What is told of a customer who was known before and whose contacts `begun` are open now."""
    contacts = tuple(each for each in customer.contacts if not each.addition)
    return [
        _context(made, contacts, place, clock)
        for place, contact in enumerate(contacts)
        if contact.open and contact.contact in customer.begun and (place or customer.sums or customer.earlier)
    ]


def _open(contacts: Sequence[Contact], but: Contact | None = None) -> list[OpenContact]:
    """The newest contacts that are open, newest first."""
    found = (contact for contact in reversed(contacts) if contact.open and contact is not but)
    return [told(contact).open for contact in islice(found, OPEN)]


def _context(made: CustomerProfile, contacts: Sequence[Contact], place: int, clock: int) -> CustomerContext:
    contact = contacts[place]
    name = full(contact.contact)
    return CustomerContext(
        id=context_id(name),
        customer=made.customer,
        contact=name,
        channel=contact.channel,
        started_at=from_ms(contact.started),
        detected_at=from_ms(clock),
        contacts=made.contacts,
        queue=contact.queue,
        preferred_channel=made.preferred_channel,
        last=told(contacts[place - 1]).line if place else None,
        open=_open(contacts, but=contact),
        at_risk=made.at_risk,
        segment=made.segment,
        language=made.language,
    )
