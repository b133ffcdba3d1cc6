"""Rules of the customers agent: contacts in, profiles out."""

import heapq
from collections.abc import Iterable

from agents.customers.memory import LIMIT, NEVER, UNSENT, Customer, forget, note, slim
from agents.customers.pace import Pace
from agents.customers.profile import profile
from schemas.customers import decode_contact, encode_profile
from schemas.topics import CUSTOMERS_PROFILES
from streams.processor import Outbox, Record
from streams.store import Store

_TOPIC = CUSTOMERS_PROFILES.name


class Customers:
    """Keeps a rolling state per customer and tells it as profiles (a processor, see streams.processor).

    Input is customers.events: whole contacts, a later record of the same contact replacing the earlier. A profile
    leaves with the flush after the first change, then at most once a second of the task's clock; anew when a
    contact leaves a window with nothing else happening; and as a tombstone when the last contact has left the
    longest window and none is open, which is also when the state is forgotten. Nothing is told before the clock
    is known.

    `limit`: how many contacts are remembered one by one per customer.
    """

    __slots__ = ("_clock", "_expiries", "_limit", "_pace", "_store")

    def __init__(self, *, limit: int = LIMIT) -> None:
        self._clock = 0
        self._limit = limit
        self._store: Store[Customer] = Store(b"u", Customer)
        self._pace = Pace()
        # (due, customer); an entry counts only while it is what the customer's state says.
        self._expiries: list[tuple[int, str]] = []

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
        customer = store.data.get(said.customer)
        new = customer is None
        if customer is None:
            customer = Customer()
        if not note(customer, said, self._clock, self._limit):
            return
        customer.due = UNSENT
        if new:
            store.put(said.customer, customer)
        else:
            store.touch(said.customer)
        self._pace.changed(said.customer)

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock has moved on: tell whose profile is no longer true, and who was held back."""
        if clock <= self._clock:
            return
        self._clock = clock
        customers = self._store.data
        for customer_id in self._pace.advance(clock):
            customer = customers.get(customer_id)
            if customer is not None:
                self._tell(customer_id, customer, out)
        expiries = self._expiries
        while expiries and expiries[0][0] <= clock:
            due, customer_id = heapq.heappop(expiries)
            customer = customers.get(customer_id)
            if customer is None or customer.due != due:
                continue
            customer.due = UNSENT
            self._store.touch(customer_id)
            if self._pace.changed(customer_id):
                self._tell(customer_id, customer, out)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Tell what has changed since the last flush; when all input has ended, what was held back as well."""
        if not self._clock and not ended:
            return
        for customer_id in self._pace.ready(all_=ended):
            customer = self._store.data.get(customer_id)
            if customer is not None:
                self._tell(customer_id, customer, out)
        # Entries that no longer count pile up under customers who change often.
        if len(self._expiries) > 2 * len(self._store) + 1_000:
            self._schedule_all()

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
        store.touch(customer_id)
        self._pace.told(customer_id, clock)
        if customer.due != NEVER:
            heapq.heappush(self._expiries, (customer.due, customer_id))

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded (None: forgotten)."""
        return self._store.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record; those of other stores are passed over."""
        if self._store.owns(key):
            self._store.restore(key, value)

    def restored(self) -> None:
        """The state is complete: whoever's profile was still to be sent is due, the others at their next expiry."""
        for customer_id, customer in self._store.data.items():
            slim(customer)
            if customer.due == UNSENT:
                self._pace.changed(customer_id)
        self._schedule_all()

    def _schedule_all(self) -> None:
        self._expiries = [
            (customer.due, customer_id)
            for customer_id, customer in self._store.data.items()
            if customer.due not in (UNSENT, NEVER)
        ]
        heapq.heapify(self._expiries)
