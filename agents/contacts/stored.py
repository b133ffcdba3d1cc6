"""The stored form of a contact: its log, and what no log says. The rest is folded again when it is read."""

from collections.abc import Callable
from uuid import UUID

import msgspec

from agents.contacts.contact import Contact
from agents.contacts.customer import customer_of
from agents.contacts.entry import OFFERED
from agents.contacts.fold import apply, expire
from agents.contacts.log import read_log
from agents.contacts.offer import Offer, Statement, Terms
from agents.contacts.promise import stated, steps

FORMAT = 2
"""Raised when the stored form changes its meaning. 1: every field, those that follow from the log too."""

_AS_NAMED = True
"""Stands for the contact's customer."""


class _Promised(msgspec.Struct, array_like=True, gc=False):
    """What was promised of an offer, and how many of the steps that follow were stated; or what was, statement for
    statement, where they do not tell its ids."""

    terms: Terms
    stated: int | tuple[Statement, ...]
    corrections: int = 0


class Glance(msgspec.Struct, array_like=True, gc=False):
    """What can be told of a stored contact without reading its log: whether it waits in a queue, whether it was
    settled and has no log any more, and the time of its last event."""

    waiting: bool
    settled: bool
    last: int


class _Stored(Glance, array_like=True, gc=False):
    """The stored form; `promised` in the order of the log's offers. `settled_at`, where there is a log again after it
    was settled. `customer`: of a contact that was settled, whose log says it no more."""

    channel: str
    judged: int
    told: str | bool | None
    lines: int
    log: bytes
    promised: tuple[_Promised, ...] = ()
    packed: bytes = b""
    settled_at: int = 0
    revision: int = 0
    customer: UUID | None = None


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
glance = msgspec.msgpack.Decoder(Glance).decode


def write_contact(contact: Contact) -> bytes:
    """The stored form."""
    offers = contact.offers
    told = contact.told
    head = (
        contact.waiting,
        not contact.lines,
        contact.last if contact.lines else contact.settled,
        contact.channel,
        contact.judged,
        _AS_NAMED if told == contact.customer else told,
        contact.lines,
        contact.log,
        [_promised(offer) for offer in offers],
    )
    if contact.packed:
        settled_at = contact.settled if contact.lines else 0
        return _encode((*head, contact.packed, settled_at, contact.revision, UUID(contact.customer)))
    return _encode(head)


def _promised(offer: Offer) -> tuple[object, ...]:
    version = offer.terms.version
    if offer.corrections or any(said.version != version for said in offer.stated):
        return (offer.terms, offer.stated, offer.corrections)
    return (offer.terms, len(offer.stated))


def read_contact(contact_id: str, data: bytes, customer_ids: Callable[[str], str]) -> Contact:
    """The contact of a stored form. `customer_ids`: schemas.ids.customer_ids of the installation."""
    stored = _decode(data)
    contact = Contact(
        stored.channel,
        stored.log,
        stored.lines,
        judged=stored.judged,
        packed=stored.packed,
        settled=stored.settled_at or (stored.last if stored.settled else 0),
        revision=stored.revision,
    )
    if stored.lines:
        entries = read_log(stored.log, stored.lines)
        contact.tail = entries[-1]
        instances = (entry for entry in entries if entry.kind == OFFERED)
        known = {
            entry.id: Offer(entry.id, entry.queue, entry.time, promised.terms)
            for entry, promised in zip(instances, stored.promised, strict=True)
        }
        for entry in entries:
            apply(contact, entry, _no_terms, known)
        expire(contact, stored.judged)
        for offer, promised in zip(contact.offers, stored.promised, strict=True):
            _promise_again(offer, promised, stored.judged)
    if stored.customer is not None:
        contact.customer = str(stored.customer)
    else:
        contact.customer = customer_of(customer_ids, contact_id, contact.identifier)
    contact.told = contact.customer if isinstance(stored.told, bool) else stored.told
    return contact


def _promise_again(offer: Offer, promised: _Promised, judged: int) -> None:
    offer.corrections = promised.corrections
    if isinstance(promised.stated, tuple):
        offer.stated = promised.stated
    elif promised.stated:
        due = offer.at + offer.terms.target
        offer.stated = tuple(stated(offer, step, due) for step in steps(offer, judged)[: promised.stated])


def _no_terms(queue: str | None) -> Terms:
    raise LookupError(f"the stored form of a contact has no terms for its offer to {queue!r}")
