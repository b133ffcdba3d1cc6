"""Rules of the customers agent: contacts and link sets in, profiles and states of members out."""

from functools import partial

from msgspec.structs import replace

from agents.customers.failures import FAILING, Counted, Failures, NoValue
from agents.customers.memory import (
    LIMIT,
    NEVER,
    RETENTION,
    STATE_VERSION,
    Customer,
    decode_customer,
    encode_customer,
    forget,
    note,
)
from agents.customers.outlet import tell_profile, withdraw
from agents.customers.telling import Teller, Telling
from schemas.customers import CustomerContact, MemberState, decode_contact, encode_member
from schemas.identities import AnyIdentity, LinkSet, decode_identity
from schemas.short_ids import full
from schemas.topics import CUSTOMERS_EVENTS, CUSTOMERS_IDENTITIES, CUSTOMERS_MEMBERS
from streams.processor import Outbox, Record

_EVENTS, _IDENTITIES, _MEMBERS = CUSTOMERS_EVENTS.name, CUSTOMERS_IDENTITIES.name, CUSTOMERS_MEMBERS.name


class Customers(Teller[Customer]):
    """Keeps a rolling state per identifier and tells it as profiles (a processor, see streams.processor).

    Input is customers.events: whole contacts, a later record of the same contact replacing the earlier; and
    customers.identities: which link set an identifier belongs to. A profile leaves with the flush after the first
    change, then at most once a second of the task's clock; anew when a contact leaves a window with nothing else
    happening; and as a tombstone when the retention after the last contact is over and none is open, which is also when
    the state is forgotten. Nothing is told before the clock is known.

    Of an identifier that was ever linked no profile leaves here: its state goes to customers.members, at the same pace,
    and the profile is that of its set (agents.profiles), of which it may be the only member.

    `limit`: how many contacts are remembered one by one per identifier. `retention`: ms. `counted`: see
    agents.customers.failures.
    """

    __slots__ = ("_limit", "_retention")

    def __init__(self, *, limit: int = LIMIT, retention: int = RETENTION, counted: Counted | None = None) -> None:
        super().__init__(
            Telling(
                b"u",
                encode=encode_customer,
                decode=decode_customer,
                version=STATE_VERSION,
                tell=partial(_tell, retention),
            ),
            Failures(counted),
        )
        self._limit = limit
        self._retention = retention

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one record of customers.events or customers.identities; one that cannot be read changes nothing."""
        is_identity = record.topic.endswith(_IDENTITIES)
        try:
            said = _identity_of(record) if is_identity else _contact_of(record)
        except FAILING as error:
            self._failures.refuse(record, _IDENTITIES if is_identity else _EVENTS, error, out)
            return
        if isinstance(said, LinkSet):
            self._take_identity(said, out)
        elif isinstance(said, CustomerContact):
            self._take_contact(said)

    def _take_contact(self, said: CustomerContact) -> None:
        telling = self._telling
        customer = telling.store.get(said.customer) or Customer()
        if note(customer, said, telling.clock, self._limit):
            telling.changed(said.customer, customer)

    def _take_identity(self, said: LinkSet, out: Outbox) -> None:
        name = said.customer
        known = self._telling.store.get(name)
        customer = known or Customer()
        former = customer.owner
        if (former is None and len(said.members) < 2) or (former, customer.members) == (said.owner, said.members):
            return
        forget(customer, self._telling.clock, self._retention)
        if former is None:
            # Its own profile goes, unless that of the set takes its place.
            if known is not None and (name != said.owner or known.empty):
                withdraw(name, out)
        elif former != said.owner:
            gone = MemberState(owner=former, member=name, gone=True)
            out.send(_MEMBERS, former.encode(), encode_member(gone))
        customer.owner, customer.members = said.owner, said.members
        self._telling.tell_now(name, customer, out)


def _tell(retention: int, name: str, customer: Customer, clock: int, out: Outbox) -> bool:
    expires = forget(customer, clock, retention)
    if customer.owner is not None:
        _tell_owner(name, customer, customer.owner, out)
        customer.due = expires
        return True
    if customer.empty:
        withdraw(name, out)
        return False
    due = tell_profile(name, customer, clock, out)
    customer.begun = ()
    customer.due = min(due, expires)
    return True


def _tell_owner(name: str, customer: Customer, owner: str, out: Outbox) -> None:
    kept = replace(customer, due=NEVER, begun=(), owner=None, members=(), folded=b"")
    state = MemberState(
        owner=owner,
        member=name,
        members=customer.members,
        state=b"" if customer.empty else encode_customer(kept),
        begun=tuple(map(full, customer.begun)),
    )
    out.send(_MEMBERS, owner.encode(), encode_member(state))
    customer.begun = ()


def _contact_of(record: Record) -> CustomerContact:
    if record.value is None:
        raise NoValue("a contact without a value: one that is no longer a customer's is said with gone = true")
    return decode_contact(record.value)


def _identity_of(record: Record) -> AnyIdentity | None:
    return None if record.value is None else decode_identity(record.value)
