"""What a profile tells of one contact alone, in its JSON: its line, and what a window is that has nothing else."""

from functools import lru_cache
from typing import Any, NamedTuple, cast

from agents.customers.contact import Contact
from agents.customers.encoded import encoded
from agents.customers.sums import Counts
from schemas.customers import ChannelWindow, LastContact, OpenContact, OpenPromise, PromiseNow
from schemas.instants import from_ms, seconds
from schemas.short_ids import ShortId, full

KEPT = 256
"""Contacts of which it is kept ready: those of customers under way."""

_instant = lru_cache(maxsize=KEPT)(from_ms)


class Told(NamedTuple):
    """Of one contact: `line` of the timeline, `open` as long as it is, `alone` as a window. All of it encoded."""

    line: LastContact
    open: OpenContact
    alone: ChannelWindow


@lru_cache(maxsize=KEPT)
def _place(_contact: ShortId) -> list[tuple[Contact, Told]]:
    return []


def told(contact: Contact) -> Told:
    """What is told of a contact."""
    # By its id: what was told of it before it changed takes no room.
    place = _place(contact.contact)
    if not place or place[0][0] != contact:
        place[:] = [(contact, _told(contact))]
    return place[0][1]


def _told(contact: Contact) -> Told:
    ended, case = contact.ended, contact.case
    waited, handled = seconds(contact.waited), seconds(contact.handled)
    facts: dict[str, Any] = {
        "contact": full(contact.contact),
        "channel": contact.channel,
        "started_at": _instant(contact.started),
        "outcome": contact.outcome,
        "queue": contact.queue,
        "waited": waited,
        "handled": handled,
        "ended_at": None if ended is None else from_ms(ended),
        "topic": None if case is None else case.topic,
        "resolved": case is not None and case.resolved,
    }
    line = encoded(LastContact(**facts))
    opened = cast(OpenContact, line)
    if contact.open and case is not None:
        promises = [_promise(each) for each in case.promises]
        opened = encoded(
            OpenContact(
                **facts, waits_for=case.waits_for, status=case.status, priority=case.priority, promises=promises
            )
        )
    alone = ChannelWindow(
        contacts=1,
        answered=int(contact.outcome == "answered"),
        abandoned=int(contact.outcome == "abandoned"),
        outcomes={contact.outcome: 1},
        total_wait=waited or 0.0,
        longest_wait=None if waited is None else max(waited, 0.0),
        average_wait=waited,
        handled=int(handled is not None),
        total_handle=handled or 0.0,
        average_handle=handled,
        transfers=contact.transfers,
    )
    return Told(line, opened, encoded(alone))


def _promise(promise: OpenPromise) -> PromiseNow:
    due = promise.due
    return PromiseNow(
        clock=promise.clock,
        policy=promise.policy,
        version=promise.version,
        due_at=None if due is None else from_ms(due),
        remaining=seconds(promise.remaining),
        breached=promise.breached,
    )


def window(counts: Counts) -> ChannelWindow:
    """A window in which this is all there was, encoded."""
    outcomes, waits, handled = counts.outcomes, counts.waits, counts.handled
    return encoded(
        ChannelWindow(
            contacts=counts.contacts,
            answered=outcomes.get("answered", 0),
            abandoned=outcomes.get("abandoned", 0),
            outcomes=dict(sorted(outcomes.items())) if len(outcomes) > 1 else outcomes,
            total_wait=counts.total_wait / 1000,
            longest_wait=counts.longest_wait / 1000 if waits else None,
            average_wait=counts.total_wait / waits / 1000 if waits else None,
            messages_in=counts.messages_in,
            messages_out=counts.messages_out,
            handled=handled,
            total_handle=counts.total_handle / 1000,
            average_handle=counts.total_handle / handled / 1000 if handled else None,
            transfers=counts.transfers,
            reopened=counts.reopened,
        )
    )
