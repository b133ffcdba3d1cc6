"""What a task remembers of one customer: the recent contacts, and sums of those that it had to let go.

Times are ms since the epoch, durations ms. Everything that is kept is a function of what was said, not of the
order in which it came: contacts stand sorted by start, and what is folded away is always the oldest.
"""

from collections.abc import Iterable

import msgspec

from agents.customers.contact import Contact, remembered
from agents.customers.folded import drop, entry_of, holds, with_entry
from agents.customers.sums import LIFETIME, Sum, Sums
from schemas.customers import CustomerContact
from schemas.instants import DAY
from schemas.short_ids import ShortId, full

STATE_VERSION = 3
"""Format of a customer's state in the changelog."""

HORIZON = 90 * DAY
"""How long after anything last happened in it a contact that is over is remembered by itself: the longest window."""

RETENTION = 90 * DAY
"""How long after the last contact a customer is remembered, unless the settings say otherwise."""

LIMIT = 1_000
"""How many contacts are remembered one by one; older ones live on in the sums of their days."""

MOST_OF_DAYS, MOST_OF_LIFETIME = 10_000, 1_000
"""So many sums are kept of a customer's days, and of a lifetime: a source may name a queue for each contact."""

FORGOTTEN = DAY
"""What is told of for the first time and began so long after anything happened in a contact that was over is another of
the same id: the contact was forgotten where its events are."""

UNSENT = 0
"""`Customer.due` of one whose profile does not yet say what the state says, as is any below."""

NEVER = 1 << 62
"""`Customer.due` of one whose profile stays true until something happens."""


class Customer(msgspec.Struct, array_like=True, gc=False):
    """The state of one customer.

    `sums`: of days, of contacts that are no longer told apart; `earlier`: of what has left every window. `due`: the
    clock from which the last profile sent is no longer true (an instant, NEVER; UNSENT or that instant below zero while
    there is news). Kept with the state, so that after a restart nothing that was held back is forgotten and nobody
    is told what was told already. `begun`: contacts that have begun since then. `owner`, `members`: of the link set,
    once the identifier was linked. `folded`: which contacts are in `sums` though they may still change (folded.py).
    """

    due: int = UNSENT
    known: bool = False
    contacts: tuple[Contact, ...] = ()
    sums: tuple[Sum, ...] = ()
    earlier: tuple[Sum, ...] = ()
    begun: tuple[ShortId, ...] = ()
    owner: str | None = None
    members: tuple[str, ...] = ()
    folded: bytes = b""

    @property
    def empty(self) -> bool:
        """Whether nothing is left that a profile could tell."""
        return not self.contacts and not self.sums and not self.earlier

    def expires(self, retention: int) -> int:
        """The clock at which it is forgotten if nothing more happens; NEVER while a contact is open."""
        latest = 0
        for contact in self.contacts:
            if contact.open:
                return NEVER
            latest = max(latest, contact.started if contact.case is None else contact.touched)
        for each in (*self.sums[-1:], *self.earlier[-1:]):
            latest = max(latest, each.latest)
        return latest + retention if latest else NEVER


class _Due(msgspec.Struct, array_like=True, gc=False):
    """What stands first in a state."""

    due: int


encode_customer = msgspec.msgpack.Encoder().encode
_decode_customer = msgspec.msgpack.Decoder(Customer).decode
_decode_due = msgspec.msgpack.Decoder(_Due).decode


def decode_customer(_key: str, stored: bytes) -> Customer:
    """What `encode_customer` wrote."""
    return _decode_customer(stored)


def decode_due(stored: bytes) -> int:
    """`due` alone, of any state that has it first."""
    return _decode_due(stored).due


def find(contacts: tuple[Contact, ...], wanted: Contact) -> int:
    """Place of what was told before of the same part of a contact, -1 where there is nothing."""
    name = wanted.contact
    # From the newest: that is the one most often spoken of, and of several that had the name the one that is.
    for index in range(len(contacts) - 1, -1, -1):
        known = contacts[index]
        if known.contact == name and known.after == wanted.after:
            return index
    return -1


def _place(contacts: tuple[Contact, ...], started: int, contact: ShortId) -> int:
    index = len(contacts)
    while index:
        before = contacts[index - 1]
        if before.started < started or (before.started == started and full(before.contact) < full(contact)):
            break
        index -= 1
    return index


def note(customer: Customer, said: CustomerContact, clock: int, limit: int = LIMIT) -> bool:
    """Take what was said of one contact; returns whether it changed anything.

    A contact that is over, in which nothing has happened for HORIZON before `clock` (0: not known yet) and that is not
    remembered changes nothing: it may have been counted and let go. So does one that counts in sums, as it was when it
    went there. An open one that is not remembered has begun.
    """
    contacts = customer.contacts
    new = remembered(said)
    index = find(contacts, new)
    if said.gone:
        if index < 0:
            return False
        customer.contacts = contacts[:index] + contacts[index + 1 :]
        return True
    if index >= 0 and said.first and _is_forgotten(contacts[index], new):
        index = -1
    if index < 0:
        if not new.open and new.touched + HORIZON <= clock:
            return False
        if customer.folded and not said.first and holds(customer.folded, new):
            return False
    if new.open and (index < 0 or contacts[index].addition):
        customer.begun = (*customer.begun, new.contact)
    renamed = said.known and not customer.known
    customer.known = customer.known or said.known
    if index >= 0:
        if contacts[index] == new:
            return renamed
        contacts = contacts[:index] + contacts[index + 1 :]
    place = _place(contacts, new.started, new.contact)
    customer.contacts = (*contacts[:place], new, *contacts[place:])
    if len(customer.contacts) > limit:
        _fold_oldest(customer)
    return True


def _is_forgotten(known: Contact, new: Contact) -> bool:
    return not known.open and new.started >= known.touched + FORGOTTEN


def _fold_oldest(customer: Customer) -> None:
    """Let the oldest contact go into the sums of its days; an open one only if there is no other."""
    contacts = customer.contacts
    index = next((i for i, contact in enumerate(contacts) if not contact.open), 0)
    customer.contacts = contacts[:index] + contacts[index + 1 :]
    sums = Sums(customer.sums)
    sums.fold(contacts[index])
    customer.sums = sums.sorted(MOST_OF_DAYS)
    customer.folded = with_entry(customer.folded, entry_of(contacts[index]))


def forget(customer: Customer, clock: int, retention: int = RETENTION) -> int:
    """Let go of what has left the longest window at `clock`, and of all where the retention is over.

    Open contacts stay, and with them everything. Returns the clock at which it is forgotten if nothing more happens.
    """
    expires = customer.expires(retention)
    if expires <= clock:
        customer.contacts, customer.sums, customer.earlier = (), (), ()
        customer.known, customer.folded = False, b""
        return NEVER
    _let_go(customer, clock)
    return expires


def _let_go(customer: Customer, clock: int) -> None:
    bound = clock - HORIZON
    contacts, sums = customer.contacts, customer.sums
    if (not contacts or contacts[0].started > bound) and (not sums or sums[0].latest > bound):
        return
    earlier = Sums(customer.earlier)
    kept = []
    for contact in contacts:
        if contact.open or contact.touched > bound:
            kept.append(contact)
        else:
            earlier.fold(contact, LIFETIME)
    for each in sums:
        if each.latest <= bound:
            earlier.at(LIFETIME, each.channel, each.queue, each.latest).add(each.counts)
    customer.earlier = earlier.sorted(MOST_OF_LIFETIME)
    customer.contacts = tuple(kept)
    customer.sums = tuple(each for each in sums if each.latest > bound)
    customer.folded = drop(customer.folded, bound)


def united(customers: Iterable[Customer]) -> Customer:
    """One customer who has the contacts of all."""
    every = list(customers)
    if len(every) == 1:
        return every[0]
    contacts = {(contact.contact, contact.started): contact for each in every for contact in each.contacts}
    return Customer(
        known=any(each.known for each in every),
        contacts=tuple(sorted(contacts.values(), key=lambda contact: (contact.started, full(contact.contact)))),
        sums=Sums(one for each in every for one in each.sums).sorted(MOST_OF_DAYS),
        earlier=Sums(one for each in every for one in each.earlier).sorted(MOST_OF_LIFETIME),
    )
