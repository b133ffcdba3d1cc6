"""What a task remembers of one customer: the recent contacts, sums of those it had to let go, a lifetime count.

Times are ms since the epoch, durations ms. Everything that is kept is a function of what was said, not of the
order in which it came: contacts stand sorted by start, and what is folded away is always the oldest.
"""

import msgspec

from schemas.customers import ContactOutcome, CustomerContact
from schemas.instants import DAY
from schemas.short_ids import ShortId, full, shortened

STATE_VERSION = 2
"""Format of a customer's state in the changelog."""

HORIZON = 30 * DAY
"""How long after its start a contact that is over is remembered: the longest window."""

LIMIT = 1_000
"""How many contacts are remembered one by one; older ones live on in the sums of their days."""

UNSENT = 0
"""`Customer.due` of one whose profile does not yet say what the state says."""

NEVER = 1 << 62
"""`Customer.due` of one whose profile stays true until something happens."""


class Contact(msgspec.Struct, array_like=True, gc=False):
    """One remembered contact, as the last record about it told it."""

    contact: ShortId
    channel: str
    started: int
    open: bool
    outcome: ContactOutcome
    queue: str | None
    agent: str | None
    waited: int | None
    handled: int | None
    ended: int | None


class DaySum(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """The contacts of one channel that started on one UTC day (days since the epoch) and are no longer told apart.

    They leave a window together, `latest` (the last of their starts) being in it or not. `waits`: how many had
    a wait.
    """

    day: int
    channel: str
    latest: int
    contacts: int
    outcomes: dict[str, int]
    waits: int
    total_wait: int
    longest_wait: int


class Customer(msgspec.Struct, array_like=True, gc=False):
    """The state of one customer.

    `earlier`: contacts counted and not remembered one by one, those in `sums` included. `due`: the clock from
    which the last profile sent is no longer true (UNSENT, an instant, NEVER). It is kept with the state, so that
    after a restart nothing that was held back is forgotten and nobody is told what was told already.
    """

    due: int = UNSENT
    known: bool = False
    earlier: int = 0
    contacts: tuple[Contact, ...] = ()
    sums: tuple[DaySum, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is left that a profile could tell."""
        return not self.contacts and not self.sums


class _Due(msgspec.Struct, array_like=True, gc=False):
    """What stands first in a customer's state."""

    due: int


encode_customer = msgspec.msgpack.Encoder().encode
_decode_customer = msgspec.msgpack.Decoder(Customer).decode
_decode_due = msgspec.msgpack.Decoder(_Due).decode


def decode_customer(_key: str, stored: bytes) -> Customer:
    """What `encode_customer` wrote."""
    return _decode_customer(stored)


def decode_due(stored: bytes) -> int:
    """`Customer.due` alone."""
    return _decode_due(stored).due


def _find(contacts: tuple[Contact, ...], contact: ShortId) -> int:
    # From the newest: that is the one most often spoken of.
    for index in range(len(contacts) - 1, -1, -1):
        if contacts[index].contact == contact:
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

    A contact that is over, started HORIZON or longer before `clock` (0: not known yet) and is not remembered
    changes nothing: it may have been counted and let go.
    """
    contacts = customer.contacts
    contact = shortened(said.contact)
    index = _find(contacts, contact)
    if said.gone:
        if index < 0:
            return False
        customer.contacts = contacts[:index] + contacts[index + 1 :]
        return True
    if index < 0 and not said.open and said.started + HORIZON <= clock:
        return False
    new = Contact(
        contact,
        said.channel,
        said.started,
        said.open,
        said.outcome,
        said.queue,
        said.agent,
        said.waited,
        said.handled,
        said.ended,
    )
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


def _fold_oldest(customer: Customer) -> None:
    """Let the oldest contact go into the sum of its day; an open one only if there is no other."""
    contacts = customer.contacts
    index = next((i for i, contact in enumerate(contacts) if not contact.open), 0)
    gone = contacts[index]
    customer.contacts = contacts[:index] + contacts[index + 1 :]
    customer.earlier += 1
    day = gone.started // DAY
    sums = {(each.day, each.channel): each for each in customer.sums}
    had = sums.get((day, gone.channel)) or DaySum(day, gone.channel, gone.started, 0, {}, 0, 0, 0)
    waited = gone.waited
    sums[day, gone.channel] = DaySum(
        day,
        gone.channel,
        max(had.latest, gone.started),
        had.contacts + 1,
        had.outcomes | {gone.outcome: had.outcomes.get(gone.outcome, 0) + 1},
        had.waits + (waited is not None),
        had.total_wait + (waited or 0),
        max(had.longest_wait, waited or 0),
    )
    customer.sums = tuple(sorted(sums.values(), key=_latest))


def _latest(each: DaySum) -> tuple[int, str]:
    return each.latest, each.channel


def forget(customer: Customer, clock: int) -> None:
    """Let go of what has left the longest window at `clock`; open contacts stay."""
    bound = clock - HORIZON
    if customer.contacts and customer.contacts[0].started <= bound:
        kept = tuple(contact for contact in customer.contacts if contact.open or contact.started > bound)
        customer.earlier += len(customer.contacts) - len(kept)
        customer.contacts = kept
    if customer.sums and customer.sums[0].latest <= bound:
        customer.sums = tuple(each for each in customer.sums if each.latest > bound)
