"""How a contact takes events: duplicates, corrections, events in order and out of order."""

from collections.abc import Iterable
from typing import Final

from agents.contacts.contact import Contact
from agents.contacts.entry import Entry, entry_of
from agents.contacts.fold import apply, expire, refold, reopened_by
from agents.contacts.memory import digest, holds
from agents.contacts.offer import TermsOf
from schemas.events import ContactEvent


class LateEvent(ValueError):
    """An event from before the end of a contact that takes no corrections any more."""


# What became of events that were told to a contact. (Plain numbers: a look at an IntEnum costs more than a comparison.)
NOTHING: Final = 0
"""It knew them all."""
NOTED: Final = 1
"""They are news, and change nothing that is measured or promised."""
CHANGED: Final = 2
"""They may have changed what is measured or promised."""


def learn(contact: Contact, events: Iterable[ContactEvent], terms: TermsOf) -> int:
    """Take events into `contact`, in place. Returns NOTHING, NOTED or CHANGED.

    The same id with no higher revision is a duplicate; with a higher one it replaces what it said before. Raises
    LateEvent for an unknown event from before the end of a settled contact.
    """
    log = contact.log
    learnt = NOTHING
    refolding = False
    for event in events:
        entry = entry_of(event)
        if contact.packed and _settled(contact, entry):
            continue
        name = entry.id
        known = None
        for other in log:
            if other.id == name:
                known = other
                break
        if known is not None:
            if entry.revision <= known.revision:
                continue
            log.remove(known)
            refolding = True
        last = log[-1] if log else None
        if last is not None and last.time >= entry.time and entry.before(last):
            _insert(log, entry)
            refolding = True
        else:
            log.append(entry)
        if not refolding:
            if contact.offers and reopened_by(contact, entry.time):
                refolding = True
            elif apply(contact, entry, terms):
                learnt = CHANGED
            elif learnt == NOTHING:
                learnt = NOTED
    if refolding:
        refold(contact, terms)
        learnt = CHANGED
    if learnt == CHANGED:
        expire(contact, contact.judged)
    return learnt


def _insert(log: list[Entry], entry: Entry) -> None:
    place = len(log)
    while place and entry.before(log[place - 1]):
        place -= 1
    log.insert(place, entry)


def _settled(contact: Contact, entry: Entry) -> bool:
    """Whether the settled part of a contact's life knows this event (then it is a duplicate)."""
    known = holds(contact.packed, digest(entry.id))
    if known and entry.revision <= contact.revision:
        return True
    if known or entry.time <= contact.settled:
        raise LateEvent(
            f"event {entry.id} is from before the end of a contact that is settled: corrections are taken only "
            "within the correction window"
        )
    return False
