"""Rules of the customers agent: contacts in, profiles out."""

from collections.abc import Iterable

from agents.customers.expiries import Expiries
from agents.customers.memory import (
    LIMIT,
    NEVER,
    STATE_VERSION,
    UNSENT,
    Customer,
    decode_customer,
    decode_due,
    encode_customer,
    forget,
    note,
)
from agents.customers.pace import Pace
from agents.customers.profile import profile
from schemas.customers import decode_contact, encode_profile
from schemas.topics import CUSTOMERS_PROFILES
from streams.caching_store import CachingStore
from streams.processor import Outbox, Record

_TOPIC = CUSTOMERS_PROFILES.name
READY = 4_096
"""Customers kept ready: those of contacts under way and of the last moments."""


class Customers:
    """Keeps a rolling state per customer and tells it as profiles (a processor, see streams.processor).

    Input is customers.events: whole contacts, a later record of the same contact replacing the earlier. A profile
    leaves with the flush after the first change, then at most once a second of the task's clock; anew when a
    contact leaves a window with nothing else happening; and as a tombstone when the last contact has left the
    longest window and none is open, which is also when the state is forgotten. Nothing is told before the clock
    is known.

    `limit`: how many contacts are remembered one by one per customer.
    """

    __slots__ = ("_clock", "_expiries", "_limit", "_pace", "_room", "_store")

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._clock = 0
        self._limit = limit
        self._store: CachingStore[Customer] = CachingStore(
            b"u", encode=encode_customer, decode=decode_customer, version=STATE_VERSION, ready=READY
        )
        self._pace = Pace()
        # An entry counts only while it is what the customer's state says.
        self._expiries = Expiries()
        self._room = 1_000

    def __len__(self) -> int:
        """How many customers are remembered."""
        return len(self._store)

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one record of customers.events.

        Raises ValueError for a record without a value and msgspec.MsgspecError for one that is no
        CustomerContact; the state is then as before.
        """
        if record.value is None:
            raise ValueError(
                f"{record.topic}/{record.partition}/{record.offset} has no value: a contact that is no longer "
                "a customer's is said with gone = true"
            )
        said = decode_contact(record.value)
        store = self._store
        customer = store.get(said.customer) or Customer()
        if not note(customer, said, self._clock, self._limit):
            return
        customer.due = UNSENT
        store.put(said.customer, customer)
        self._pace.changed(said.customer)

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock has moved on: tell whose profile is no longer true, and who was held back."""
        if clock <= self._clock:
            return
        self._clock = clock
        store = self._store
        for customer_id in self._pace.advance(clock):
            customer = store.get(customer_id)
            if customer is not None:
                self._tell(customer_id, customer, out)
        for customer_id in self._expiries.begun(clock):
            customer = store.peek(customer_id)
            if customer is not None and customer.due != UNSENT and self._expiries.is_near(customer.due):
                self._expiries.add(customer.due, customer_id)
        for due, customer_id in self._expiries.due(clock):
            customer = store.peek(customer_id)
            if customer is None or customer.due != due:
                continue
            customer.due = UNSENT
            store.put(customer_id, customer)
            if self._pace.changed(customer_id):
                self._tell(customer_id, customer, out)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Tell what has changed since the last flush; when all input has ended, what was held back as well."""
        if not self._clock and not ended:
            return
        for customer_id in self._pace.ready(all_=ended):
            customer = self._store.get(customer_id)
            if customer is not None:
                self._tell(customer_id, customer, out)

    def _tell(self, customer_id: str, customer: Customer, out: Outbox) -> None:
        store = self._store
        clock = self._clock or max((each.ended or each.started for each in customer.contacts), default=0)
        forget(customer, clock)
        if customer.empty:
            out.send(_TOPIC, customer_id.encode(), None)
            store.delete(customer_id)
            self._pace.told(customer_id, clock)
            return
        made, customer.due = profile(customer_id, customer, clock)
        out.send(_TOPIC, customer_id.encode(), encode_profile(made))
        store.put(customer_id, customer)
        self._pace.told(customer_id, clock)
        if customer.due != NEVER:
            self._expiries.add(customer.due, customer_id)

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded (None: forgotten)."""
        yield from self._store.changes()
        # Entries that no longer count pile up under customers who change often.
        if len(self._expiries) > self._room:
            self._room = 2 * len(self._store) + 1_000
            if len(self._expiries) > self._room:
                self._schedule_all()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record; those of other stores are passed over."""
        if self._store.owns(key):
            self._store.restore(key, value)

    def restored(self) -> None:
        """The state is complete: whoever's profile was still to be sent is due, the others at their next expiry."""
        self._schedule_all()
        for customer_id, stored in self._store.stored():
            if decode_due(stored) == UNSENT:
                self._pace.changed(customer_id)

    def _schedule_all(self) -> None:
        self._expiries = Expiries()
        for customer_id, stored in self._store.stored():
            due = decode_due(stored)
            if due not in (UNSENT, NEVER):
                self._expiries.add(due, customer_id)
