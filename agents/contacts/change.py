"""What an application of events or of time changes, worked out before any of it is taken over."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from agents.contacts.contact import Contact
from agents.contacts.measures import BusyDifferences, Differences, add_difference
from agents.contacts.offer import Offer, Pair
from agents.contacts.promise import state
from agents.contacts.staff import Agent
from schemas import alerts
from schemas.partials import AgentNow, FactKey


class ContactChange(msgspec.Struct, frozen=True, gc=False):
    """A contact's next state, and what has to be said because of it.

    `offers`: those that differ from before, or wait: their deadlines may have changed. `alerts`: keys and values
    of transitions.
    """

    contact: str
    after: Contact
    is_new: bool
    offers: Sequence[Pair] = ()
    alerts: Sequence[tuple[bytes, bytes]] = ()
    facts: Sequence[tuple[FactKey, int]] = ()
    busy: Sequence[tuple[str, int]] = ()


class AgentChange(NamedTuple):
    """An agent's next state, and the states in queues that changed."""

    agent: str
    after: Agent
    now: list[AgentNow]


def contact_change(contact_id: str, before: Contact | None, after: Contact, clock: int) -> ContactChange:
    """What follows from `before` becoming `after` at `clock` (ms)."""
    pairs = _pairs(() if before is None else before.offers, after.offers)
    facts: Differences = []
    busy: BusyDifferences = []
    add_difference(before, after, pairs, facts, busy)
    said = state(contact_id, pairs, after, clock)
    encoded = [(transition.id.encode(), alerts.encode(transition)) for transition in said] if said else ()
    return ContactChange(contact_id, after, before is None, pairs, encoded, facts, busy)


def _pairs(before: Sequence[Offer], after: Sequence[Offer]) -> list[Pair]:
    """Every offer that differs, or waits and so is changed by time alone: what it was and what it is now.

    In the order of `after`; those that are gone come last.
    """
    known = len(before)
    if len(after) >= known:
        pairs: list[Pair] = []
        for place, now in enumerate(after):
            if place >= known:
                pairs.append((None, now))
                continue
            was = before[place]
            if was.instance != now.instance:
                break
            if now.outcome is None or was != now:
                pairs.append((was, now))
        else:
            return pairs
    # A correction took an offer away, or put one before others.
    old = {offer.instance: offer for offer in before}
    pairs = [(old.pop(offer.instance, None), offer) for offer in after]
    pairs.extend((offer, None) for offer in old.values())
    return pairs
