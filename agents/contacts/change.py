"""What an application of events or of time changes, worked out before any of it is taken over."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from agents.contacts.clock_facts import clock_differences
from agents.contacts.clocks import Clock, all_clocks, offer_clock
from agents.contacts.contact import Contact
from agents.contacts.measures import CallDifferences, Differences, add_difference
from agents.contacts.offer import Offer, Pair
from agents.contacts.plain import plain_due, plain_promise
from agents.contacts.promise import Speaker, next_due
from agents.contacts.staff import Agent
from agents.contacts.stated import ANSWER_WITHIN
from agents.contacts.stated import ClockKey as Instance
from schemas.events import AnyEvent, ContactEvent
from schemas.partials import AgentNow, CallKey, ClockKey, FactKey, StateKey
from schemas.policy_book import PolicyBook


class ContactChange(msgspec.Struct, frozen=True, gc=False):
    """A contact's next state, and what has to be said because of it.

    `is_new`: nothing was known of it, or nothing any more since it was settled.
    `alerts`: keys and values of transitions. `moved`: one of them changes what is promised to the customer. `judged`:
    all clocks of `after` that may not be over; none where they were not worked out.
    """

    contact: str
    after: Contact
    is_new: bool
    alerts: Sequence[tuple[bytes, bytes]] = ()
    facts: Sequence[tuple[FactKey, int]] = ()
    calls: Sequence[tuple[CallKey, int]] = ()
    clocks: Sequence[tuple[ClockKey, int]] = ()
    moved: bool = False
    judged: Sequence[Clock] = ()


class AgentChange(NamedTuple):
    """An agent's next state, the states in queues that changed, and what is said of their times."""

    agent: str
    after: Agent
    now: list[AgentNow]
    states: list[tuple[StateKey, int]]


def contact_change(
    contact_id: str, before: Contact | None, after: Contact, book: PolicyBook, clock: int
) -> ContactChange:
    """What follows from `before` becoming `after` at `clock` (ms)."""
    pairs = _pairs(() if before is None else before.offers, after.offers)
    facts: Differences = []
    calls: CallDifferences = []
    add_difference(before, after, pairs, facts, calls, book)
    speaker = Speaker(contact_id, after, clock)
    eventful = after.eventful or (before is not None and before.eventful)
    if eventful or after.heard != len(book.entries) or book.reckons(after.channel):
        since = _since(before, after, book)
        clocks = all_clocks(after, book, since)
        # What was added behind takes no clock away.
        known = after.stated.keys() if since else {one.key for one in clocks}
        speaker.take_back([key for key, stated in after.stated.items() if stated.statements and key not in known])
        speaker.state(clocks)
        due = next_due(clocks)
    else:
        clocks = []
        due = _state_offers(speaker, after, pairs, book)
    after.heard = len(book.entries)
    for offer in after.offers:
        if offer.outcome is None:
            due = _earlier(due, offer.at + offer.max_wait)
    after.due = due
    return ContactChange(
        contact_id,
        after,
        before is None or not before.lines,
        speaker.said,
        facts,
        calls,
        clock_differences(before, after) if after.stated else (),
        speaker.moved,
        clocks,
    )


def agent_change(name: str, before: Agent | None, events: Sequence[AnyEvent]) -> AgentChange | None:
    """What the events of one envelope change of an agent; None if they are all known. Changes nothing itself."""
    agent = Agent() if before is None else before.copy()
    now: list[AgentNow] = []
    states: list[tuple[StateKey, int]] = []
    news = False
    for event in events:
        if isinstance(event, ContactEvent) or (event.agent or "") != name:
            raise ValueError(f"an envelope holds the events of one agent, this one not only those of {name!r}")
        news = agent.learn(event, now, states) or news
    return AgentChange(name, agent, now, states) if news else None


def _state_offers(speaker: Speaker, after: Contact, pairs: Sequence[Pair], book: PolicyBook) -> int | None:
    """Say what is new of offers that differ, or wait. Returns when (ms) more follows of them if nothing happens."""
    for was, now in pairs:
        if now is None and was is not None and (key := Instance(ANSWER_WITHIN, was.instance)) in after.stated:
            speaker.take_back((key,))
    due: int | None = None
    for was, now in pairs:
        if now is None or _waits_as(was, now):
            continue
        promise = plain_promise(after, now, book)
        if promise is not None and speaker.state_plain(now, promise):
            due = _earlier(due, plain_due(now, promise, after.judged))
        else:
            clock = offer_clock(after, now, book)
            speaker.state((clock,))
            due = _earlier(due, next_due((clock,)))
    return due


def _earlier(one: int | None, other: int | None) -> int | None:
    return other if one is None or (other is not None and other < one) else one


def _since(before: Contact | None, after: Contact, book: PolicyBook) -> int:
    """The instant (ms) before which clocks that ended stand as they were stated."""
    if before is None:
        return 0
    since = before.stands_until(after)
    return since if before.heard >= len(book.entries) else min(since, book.entries[before.heard].at)


def _waits_as(was: Offer | None, now: Offer) -> bool:
    """Whether an offer that left its queue waits as long as before: then its promise stands as it was stated."""
    return (
        was is not None
        and now.outcome is not None
        and was.outcome == now.outcome
        and was.stop == now.stop
        and was.at == now.at
        and was.queue == now.queue
    )


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
