"""What a contact adds to the measured facts: signed differences between two states of it."""

from collections.abc import Iterable

from agents.contacts.contact import Contact
from agents.contacts.offer import ANSWERED, Offer, Pair
from schemas.instants import MINUTE
from schemas.partials import FactKey

Differences = list[tuple[FactKey, int]]
BusyDifferences = list[tuple[str, int]]
"""Open conversations per agent."""


def add_difference(
    before: Contact | None, after: Contact, pairs: Iterable[Pair], facts: Differences, busy: BusyDifferences
) -> None:
    """Add to `facts` and `busy` what changed from `before` to `after`, whose offers differ by `pairs`.

    The sum of all differences of a contact is what its last state measures, however it got there.
    """
    channel = after.channel
    for was, now in pairs:
        if now is None:
            if was is not None:
                _add(channel, was, -1, facts, busy)
        elif was is None:
            _add(channel, now, 1, facts, busy)
        else:
            _change(channel, was, now, facts, busy)
    if after.left_ivr is not None or (before is not None and before.left_ivr is not None):
        if before is not None:
            _left_ivr(before, -1, facts)
        _left_ivr(after, 1, facts)


def lost_conversations(contact: Contact) -> BusyDifferences:
    """The difference in open conversations when a contact is given up whose end never came."""
    return [
        (offer.agent, -1)
        for offer in contact.offers
        if offer.outcome == ANSWERED and offer.completed is None and offer.agent is not None
    ]


def _change(channel: str, a: Offer, b: Offer, facts: Differences, busy: BusyDifferences) -> None:
    if a.at != b.at or a.queue != b.queue:
        _add(channel, a, -1, facts, busy)
        _add(channel, b, 1, facts, busy)
        return
    if a.outcome is None and b.outcome is None:
        return
    pane = b.at // MINUTE
    if a.outcome != b.outcome or a.wait != b.wait:
        facts.append((_outcome(channel, a, pane), -1))
        facts.append((_outcome(channel, b, pane), 1))
    elif a.completed == b.completed and a.agent == b.agent and a.handle_time == b.handle_time:
        return
    if a.outcome == ANSWERED:
        _conversation(channel, a, pane, -1, facts, busy)
    if b.outcome == ANSWERED:
        _conversation(channel, b, pane, 1, facts, busy)


def _add(channel: str, offer: Offer, sign: int, facts: Differences, busy: BusyDifferences) -> None:
    pane = offer.at // MINUTE
    facts.append(((channel, offer.queue, pane, "offered", 0), sign))
    facts.append((_outcome(channel, offer, pane), sign))
    if offer.outcome == ANSWERED:
        _conversation(channel, offer, pane, sign, facts, busy)


def _outcome(channel: str, offer: Offer, pane: int) -> FactKey:
    outcome = offer.outcome
    if outcome is None:
        return (channel, offer.queue, pane, "waiting", offer.at)
    if outcome == ANSWERED:
        return (channel, offer.queue, pane, "answered", offer.wait)
    return (channel, offer.queue, pane, "left:" + outcome, offer.wait)


def _conversation(channel: str, offer: Offer, pane: int, sign: int, facts: Differences, busy: BusyDifferences) -> None:
    if offer.completed is not None:
        facts.append(((channel, offer.queue, pane, "completed", offer.wait), sign))
        facts.append(((channel, offer.queue, pane, "handled", offer.handle_time), sign))
    elif offer.agent is not None:
        busy.append((offer.agent, sign))


def _left_ivr(contact: Contact, sign: int, facts: Differences) -> None:
    # Whoever was offered to a queue did not end before any.
    if contact.left_ivr is not None and not contact.offers:
        facts.append(((contact.channel, None, contact.left_ivr // MINUTE, "left_ivr", 0), sign))
