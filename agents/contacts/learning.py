"""How a contact takes events: duplicates, corrections, events in order and out of order."""

from collections.abc import Iterable
from typing import Final

from agents.contacts.contact import Contact
from agents.contacts.entry import Entry, entry_of
from agents.contacts.fold import apply, expire, refold
from agents.contacts.log import line_of, read_log, write_log
from agents.contacts.memory import digest, holds
from agents.contacts.offer import SYSTEM, LongestWait
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


def learn(contact: Contact, events: Iterable[ContactEvent], longest_wait: LongestWait) -> int:
    """Take events into `contact`, in place. Returns NOTHING, NOTED or CHANGED.

    The same id with no higher revision is a duplicate; with a higher one it replaces what it said before. Raises
    LateEvent for an unknown event from before the end of a settled contact.
    """
    learnt = NOTHING
    entries: list[Entry] | None = None
    for event in events:
        entry = entry_of(event)
        if contact.packed and _settled(contact, entry):
            continue
        if entries is None:
            tail, log = contact.tail, contact.log
            # (`in` would first try whether the id is a number.)
            if tail is None or (log.find(entry.id.encode()) < 0 and _is_next(contact, entry, tail)):
                contact.log = log + line_of(entry, tail)
                contact.lines += 1
                contact.tail = entry
                if apply(contact, entry, longest_wait):
                    learnt = CHANGED
                elif learnt == NOTHING:
                    learnt = NOTED
                continue
            read = read_log(log, contact.lines)
            if _place(read, entry):
                entries = read
        else:
            _place(entries, entry)
    if entries is not None:
        contact.log, contact.lines, contact.tail = write_log(entries), len(entries), entries[-1]
        refold(contact, entries, longest_wait)
        learnt = CHANGED
    if learnt == CHANGED:
        expire(contact, contact.judged)
    return learnt


def _is_next(contact: Contact, entry: Entry, tail: Entry) -> bool:
    """Whether nothing that was taken stands after an entry, so that what is known holds."""
    time = entry.time
    if time <= tail.time and entry.before(tail):
        return False
    for offer in contact.offers:
        # It comes before the end of a wait that the clock alone ended.
        if offer.stopper is None and offer.outcome == SYSTEM and time <= offer.stop:
            return False
    return True


def _place(entries: list[Entry], entry: Entry) -> bool:
    """Put an entry where it stands, in place of what it corrects. Returns False for a duplicate."""
    for known in entries:
        if known.id == entry.id:
            if entry.revision <= known.revision:
                return False
            entries.remove(known)
            break
    place = len(entries)
    while place and entry.before(entries[place - 1]):
        place -= 1
    entries.insert(place, entry)
    return True


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
