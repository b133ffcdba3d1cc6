"""What an application of events or of time changes, worked out before any of it is taken over."""

from collections.abc import Sequence
from typing import NamedTuple

from agents.contacts.contact import Contact
from agents.contacts.measures import BusyDifferences, Differences, add_difference
from agents.contacts.promise import state
from agents.contacts.staff import Agent
from schemas import alerts
from schemas.partials import AgentNow, FactKey


class ContactChange(NamedTuple):
    """A contact's next state, and what has to be said because of it.

    `touched`: offers or the end may differ, so deadlines may too. `alerts`: keys and values of transitions.
    """

    contact: str
    after: Contact
    is_new: bool
    touched: bool = False
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
    said = state(contact_id, before, after, clock)
    facts: Differences = []
    busy: BusyDifferences = []
    add_difference(before, after, facts, busy)
    encoded = [(transition.id.encode(), alerts.encode(transition)) for transition in said]
    return ContactChange(contact_id, after, before is None, True, encoded, facts, busy)
