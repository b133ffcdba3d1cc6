"""The stored form of a contact: its log, and what no log says. The rest is folded again when it is read."""

from collections.abc import Callable
from uuid import UUID

import msgspec
from msgspec import structs

from agents.contacts.clocks import all_clocks, clock_keys
from agents.contacts.contact import Contact, tells_more
from agents.contacts.customer import customer_of
from agents.contacts.fold import apply, expire
from agents.contacts.log import read_log
from agents.contacts.stated import ClockKey, Stated, Statement, statement_of
from schemas.policies import ClockName
from schemas.policy_book import PolicyBook, Properties

FORMAT = 3
"""Raised when the stored form changes its meaning. 1: every field, those that follow from the log too. 2: with the
terms of each offer."""

_AS_NAMED = True
"""Stands for the contact's customer."""

_Whole = tuple[ClockName, str, tuple[Statement, ...], int]
"""What was said of one clock instance, statement for statement, where it does not follow from log and policies."""


class Glance(msgspec.Struct, array_like=True, gc=False):
    """What can be told of a stored contact without reading its log: whether it is open; whether it was settled and has
    no log any more; the time of its last event, the instant up to which it was judged, its next deadline."""

    open: bool
    settled: bool
    last: int
    judged: int
    due: int | None


class _Kept(msgspec.Struct, array_like=True, gc=False):
    """Properties of a settled contact, but for its channel."""

    queue: str | None = None
    priority: str | None = None
    segment: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None


class _Stored(Glance, array_like=True, gc=False):
    """The stored form. `told`: as in Contact. `stated`: of each clock, offers first, how many of the steps that follow
    were said; at their end those that were said otherwise, whole. `settled_at`, where there is a log again after it was
    settled. `customer` and `kept`: of a contact that was settled, whose log says it no more."""

    channel: str
    told: str | bool | None
    lines: int
    log: bytes
    heard: int = 0
    stated: tuple[int | _Whole, ...] = ()
    linked: bytes = b""
    packed: bytes = b""
    settled_at: int = 0
    revision: int = 0
    customer: UUID | None = None
    kept: _Kept | None = None


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(_Stored).decode
glance = msgspec.msgpack.Decoder(Glance).decode


def write_contact(contact: Contact, book: PolicyBook) -> bytes:
    """The stored form. `book`: that of the policies that its task has heard of."""
    told = contact.told
    head = (
        contact.open,
        not contact.lines,
        contact.last if contact.lines else contact.settled,
        contact.judged,
        contact.due,
        contact.channel,
        _AS_NAMED if told == contact.customer else told,
        contact.lines,
        contact.log,
        contact.heard,
        _write_stated(contact, book),
    )
    if contact.packed:
        settled_at = contact.settled if contact.lines else 0
        settled = (contact.linked, contact.packed, settled_at, contact.revision, UUID(contact.customer))
        if contact.kept is not None:
            return _encode((*head, *settled, _write_kept(contact.kept)))
        return _encode((*head, *settled))
    return _encode((*head, contact.linked) if contact.linked else head)


def _write_kept(kept: Properties) -> list[str | tuple[str, ...] | None]:
    """Properties but for the channel, as far as anything was told."""
    written = list(kept[1:])
    while written and written[-1] in (None, ()):
        written.pop()
    return written


def _write_stated(contact: Contact, book: PolicyBook) -> list[int | _Whole]:
    stated = contact.stated
    if not stated:
        return []
    # What was said of offers follows from their order, and most contacts have no other clocks.
    order = [ClockKey("answer_within", offer.instance) for offer in contact.offers]
    if len(stated) > len(order) or any(key not in stated for key in order):
        order = clock_keys(contact, book)
    written: list[int | _Whole] = []
    for key in order:
        known = stated.get(key)
        written.append(0 if known is None or known.corrections else len(known.statements))
    listed = set(order)
    for key, known in stated.items():
        if known.corrections or key not in listed:
            written.append((key.clock, key.instance, known.statements, known.corrections))
    return written


def read_contact(contact_id: str, data: bytes, customer_ids: Callable[[str], str], book: PolicyBook) -> Contact:
    """The contact of a stored form. `customer_ids`: schemas.ids.customer_ids of the installation."""
    stored = _decode(data)
    contact = Contact(
        stored.channel,
        stored.log,
        stored.lines,
        judged=stored.judged,
        heard=stored.heard,
        due=stored.due,
        linked=stored.linked,
        packed=stored.packed,
        settled=stored.settled_at or (stored.last if stored.settled else 0),
        revision=stored.revision,
    )
    if stored.kept is not None:
        contact.kept = Properties(stored.channel, *structs.astuple(stored.kept))
        contact.eventful = tells_more(contact.kept)
    if stored.lines:
        entries = read_log(stored.log, stored.lines)
        contact.tail = entries[-1]
        for entry in entries:
            apply(contact, entry, book.longest_wait)
        expire(contact, stored.judged)
    if stored.stated:
        until = max(stored.judged, stored.last, *[offer.stop for offer in contact.offers])
        _state_again(contact, stored.stated, book.as_of(stored.heard, until))
    if stored.customer is not None:
        contact.customer = str(stored.customer)
    else:
        contact.customer = customer_of(customer_ids, contact_id, contact.identifier)
    contact.told = contact.customer if isinstance(stored.told, bool) else stored.told
    return contact


def _state_again(contact: Contact, stated: tuple[int | _Whole, ...], book: PolicyBook) -> None:
    counts = [one for one in stated if isinstance(one, int)]
    if any(counts):
        for clock, count in zip(all_clocks(contact, book), counts, strict=False):
            if count:
                steps = clock.course.steps[:count]
                contact.stated[clock.key] = Stated(tuple([statement_of(step, 0) for step in steps]))
    for one in stated:
        if not isinstance(one, int):
            name, instance, statements, corrections = one
            contact.stated[ClockKey(name, instance)] = Stated(statements, corrections)
