"""Contacts that count in the sums of their days and may still change, in twelve bytes each: the day on which it began
(since the epoch), then eight bytes that stand for its id and part. Packed into one bytes object, sorted."""

from hashlib import blake2b

from agents.customers.contact import Contact
from schemas.instants import DAY

MOST = 10_000
"""So many of the newest are known."""

_DAY_WIDTH, _WIDTH = 4, 12


def entry_of(contact: Contact) -> bytes:
    """What stands for a contact."""
    return max(contact.started // DAY, 0).to_bytes(_DAY_WIDTH, "big") + _digest(contact)


def with_entry(folded: bytes, entry: bytes) -> bytes:
    """One more of them."""
    if folded[-_WIDTH:] <= entry:
        return (folded + entry)[-MOST * _WIDTH :]
    entries = [folded[at : at + _WIDTH] for at in range(0, len(folded), _WIDTH)]
    return b"".join(sorted((*entries, entry)))[-MOST * _WIDTH :]


def holds(folded: bytes, contact: Contact) -> bool:
    """Whether a contact is among them, whenever it began."""
    wanted = _digest(contact)
    place = folded.find(wanted)
    while place >= 0:
        if place % _WIDTH == _DAY_WIDTH:
            return True
        place = folded.find(wanted, place + 1)
    return False


def drop(folded: bytes, bound: int) -> bytes:
    """Without those that began on days before that of an instant (ms)."""
    first, at = max(bound // DAY, 0).to_bytes(_DAY_WIDTH, "big"), 0
    while folded[at : at + _DAY_WIDTH] and folded[at : at + _DAY_WIDTH] < first:
        at += _WIDTH
    return folded[at:]


def _digest(contact: Contact) -> bytes:
    name = contact.contact if not contact.after else b"%b %d" % (contact.contact, contact.after)
    return blake2b(name, digest_size=_WIDTH - _DAY_WIDTH).digest()
