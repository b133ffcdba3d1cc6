"""Contacts that count in the sums of their days and may still change, in twelve bytes each: the day on which anything
last happened (since the epoch), then eight bytes that stand for its id and part. Packed into one bytes object, sorted.
"""

from bisect import bisect
from hashlib import blake2b

from agents.customers.contact import Contact
from schemas.instants import DAY

MOST = 10_000
"""So many of the newest are known."""

_DAY_WIDTH, _WIDTH = 4, 12


def entry_of(contact: Contact) -> bytes:
    """What stands for a contact."""
    return max(contact.touched // DAY, 0).to_bytes(_DAY_WIDTH, "big") + _digest(contact)


def with_entry(folded: bytes, entry: bytes) -> bytes:
    """One more of them."""
    at = _WIDTH * bisect(range(len(folded) // _WIDTH), entry, key=lambda place: _at(folded, place))
    return (folded[:at] + entry + folded[at:])[-MOST * _WIDTH :]


def holds(folded: bytes, contact: Contact) -> bool:
    """Whether a contact is among them, whenever anything happened in it."""
    wanted = _digest(contact)
    place = folded.find(wanted)
    while place >= 0:
        if place % _WIDTH == _DAY_WIDTH:
            return True
        place = folded.find(wanted, place + 1)
    return False


def drop(folded: bytes, bound: int) -> bytes:
    """Without those in which nothing happened since the day of an instant (ms) began."""
    first = max(bound // DAY, 0).to_bytes(_DAY_WIDTH, "big")
    return folded[_WIDTH * bisect(range(len(folded) // _WIDTH), first, key=lambda place: _at(folded, place)) :]


def _at(folded: bytes, place: int) -> bytes:
    return folded[place * _WIDTH : (place + 1) * _WIDTH]


def _digest(contact: Contact) -> bytes:
    name = contact.contact if not contact.after else b"%b %d" % (contact.contact, contact.after)
    return blake2b(name, digest_size=_WIDTH - _DAY_WIDTH).digest()
