"""Rules and state of one contacts task."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from agents.contacts.change import AgentChange, ContactChange, contact_change
from agents.contacts.contact import Contact
from agents.contacts.customer import customer_of, told
from agents.contacts.deadlines import Deadlines, Upkeep
from agents.contacts.fold import expire
from agents.contacts.gathered import Gathered
from agents.contacts.learning import NOTED, NOTHING, LateEvent, learn
from agents.contacts.measures import lost_conversations
from agents.contacts.offer import Offer, terms_of
from agents.contacts.staff import Agent
from agents.contacts.stored import FORMAT, glance, read_contact, write_contact
from schemas import partials
from schemas.customers import encode_contact
from schemas.envelopes import Origin, decode_envelope
from schemas.events import AnyEvent, ContactEvent
from schemas.failures import FailureReason, origin_headers
from schemas.ids import customer_ids
from schemas.instants import DAY
from schemas.partials import AgentNow
from schemas.policies import Policies
from schemas.topics import ALERTS_SLA, CONTACTS_FAILED, CUSTOMERS_EVENTS, METRICS_PARTIALS
from schemas.unreadable import UNREADABLE
from streams.caching_store import CachingStore
from streams.processor import Outbox, Record
from streams.store import Store

_ALERTS = ALERTS_SLA.name


class Contacts:
    """A `streams.processor.Processor` over contacts.events and agents.events.

    `task` names it in its partials. `namespace`: the installation's secret, for customer ids. `grace_ms`: how
    long after a deadline its event may still come in (1 s in service, 0 in event time). `correction_window_ms`:
    how long after its last event a contact that is over takes corrections; until `retention_ms` after it,
    duplicates are still told apart. `counted` is told with each flush what became of how many source records since
    the last one (`Gathered.outcomes`).

    What an envelope brings is worked out on a copy of its contact and taken over only as a whole, so that a rule
    that raises leaves nothing behind.
    """

    __slots__ = (
        "_agents",
        "_changed",
        "_clock",
        "_contacts",
        "_counted",
        "_customer_ids",
        "_deadlines",
        "_gathered",
        "_grace",
        "_retention",
        "_task",
        "_terms",
        "_upkeep",
        "_window",
    )

    def __init__(
        self,
        task: str,
        *,
        policies: Policies,
        namespace: UUID,
        grace_ms: int = 1_000,
        correction_window_ms: int = DAY,
        retention_ms: int = 30 * DAY,
        counted: Callable[[Mapping[str, int]], None] | None = None,
    ) -> None:
        self._task = task
        self._terms = terms_of(policies)
        self._customer_ids = customer_ids(namespace)
        self._grace = grace_ms
        self._window = correction_window_ms
        self._retention = retention_ms
        self._counted = counted
        self._clock = 0
        self._contacts = CachingStore(b"c", encode=write_contact, decode=self._read, version=FORMAT)
        self._agents = Store(b"a", Agent)
        self._deadlines = Deadlines()
        self._upkeep = Upkeep()
        self._gathered = Gathered()
        # In the order of change, so that a replay sends in the same order.
        self._changed: dict[str, None] = {}

    def contact(self, contact_id: str) -> Contact | None:
        """What is known of a contact."""
        return self._contacts.get(contact_id)

    def _read(self, contact_id: str, stored: bytes) -> Contact:
        return read_contact(contact_id, stored, self._customer_ids)

    def __len__(self) -> int:
        """How many contacts are remembered, settled ones included."""
        return len(self._contacts)

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one envelope."""
        try:
            envelope = decode_envelope(record.value or b"")
        except UNREADABLE as error:
            origin = Origin(record.topic, record.partition, record.offset)
            self._refuse(record, origin, "schema", str(error), out)
            self._gathered.count_whole("failed", "schema")
            return
        if envelope.outcome != "accepted":
            self._gathered.count(envelope, envelope.outcome, envelope.reason)
            return
        try:
            events = envelope.events
            change: ContactChange | AgentChange | None = None
            if events:
                first = events[0]
                if isinstance(first, ContactEvent):
                    change = self._contact_change(first, events)
                else:
                    change = self._agent_change(first.agent or "", events)
        except LateEvent as error:
            self._refuse(record, envelope.origin, "time", str(error), out)
            self._gathered.count(envelope, "failed", "late")
            return
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, the batch goes on without the event
            self._refuse(record, envelope.origin, "rule", f"{type(error).__name__}: {error}", out)
            self._gathered.count(envelope, "failed", "rule")
            return
        if not events:
            self._gathered.count(envelope, "accepted")
        elif change is None:
            self._gathered.hear(first.source, envelope, "duplicate")
        else:
            self._gathered.hear(first.source, envelope, "accepted")
            if isinstance(change, ContactChange):
                self._take_over(change, out)
                self._changed[change.contact] = None
            else:
                self._agents.put(change.agent, change.after)
                self._gathered.see(change.now)

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on: state what became due, let go what waited too long, tidy up."""
        if clock <= self._clock:
            return
        self._clock = clock
        for contact_id in self._deadlines.due(clock):
            before = self._contacts.get(contact_id)
            if before is not None and before.waiting:
                after = before.copy()
                after.judged = max(after.judged, clock - self._grace)
                if expire(after, after.judged):
                    self._changed[contact_id] = None
                self._take_over(contact_change(contact_id, before, after, clock), out)
        for contact_id in self._upkeep.due(clock):
            self._tidy(contact_id, out)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Tell customers and metrics what changed. Nothing is ever held back, so `ended` makes no difference."""
        for contact_id in self._changed:
            self._tell(contact_id, out)
        self._changed.clear()
        if self._counted is not None:
            outcomes = self._gathered.outcomes()
            if outcomes:
                self._counted(outcomes)
        partial = self._gathered.partial(self._task)
        if partial is not None:
            out.send(METRICS_PARTIALS.name, self._task.encode(), partials.encode(partial))

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded."""
        yield from self._contacts.changes()
        yield from self._agents.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat, and ValueError for a key of no store."""
        if self._contacts.owns(key):
            self._contacts.restore(key, value)
        elif self._agents.owns(key):
            self._agents.restore(key, value)
        else:
            raise ValueError(f"the changelog of contacts has a record of an unknown kind: {key[:1]!r}")

    def restored(self) -> None:
        """Rebuild deadlines and upkeep."""
        self._deadlines, self._upkeep = Deadlines(), Upkeep()
        for contact_id, stored in self._contacts.stored():
            known = glance(stored)
            if known.waiting:
                contact = self._read(contact_id, stored)
                for offer in contact.offers:
                    self._arm(contact_id, offer, contact.judged)
            self._upkeep.plan(contact_id, known.last + (self._retention if known.settled else self._window))

    def _contact_change(self, first: ContactEvent, events: Sequence[AnyEvent]) -> ContactChange | None:
        """What the events of one envelope change; None if they are all known. Changes nothing itself."""
        contact_id = first.contact
        own: Sequence[ContactEvent] = (first,) if len(events) == 1 else _of_contact(contact_id, events)
        if len(own) != len(events):
            raise ValueError(f"an envelope holds the events of one contact, this one not only those of {contact_id}")
        before = self._contacts.get(contact_id)
        after = Contact(first.channel) if before is None else before.copy()
        horizon = self._clock - self._grace
        if horizon > after.judged:
            after.judged = horizon
        learnt = learn(after, own, self._terms)
        if learnt == NOTHING:
            return None
        if before is None or before.identifier != after.identifier:
            after.customer = customer_of(self._customer_ids, contact_id, after.identifier)
        if learnt == NOTED:
            return ContactChange(contact_id, after, before is None)
        return contact_change(contact_id, before, after, self._clock)

    def _agent_change(self, name: str, events: Sequence[AnyEvent]) -> AgentChange | None:
        before = self._agents.get(name)
        agent = Agent() if before is None else before.copy()
        now: list[AgentNow] = []
        news = False
        for event in events:
            if isinstance(event, ContactEvent) or (event.agent or "") != name:
                raise ValueError(f"an envelope holds the events of one agent, this one not only those of {name!r}")
            news = agent.learn(event, now) or news
        return AgentChange(name, agent, now) if news else None

    def _take_over(self, change: ContactChange, out: Outbox) -> None:
        contact_id, after = change.contact, change.after
        self._contacts.put(contact_id, after)
        if change.is_new:
            self._upkeep.plan(contact_id, after.last + self._window)
        if not change.offers and not change.facts:
            return
        for key, value in change.alerts:
            out.send(_ALERTS, key, value)
        if change.facts or change.busy:
            self._gathered.add(change.facts, change.busy)
        for _, offer in change.offers:
            if offer is not None:
                self._arm(contact_id, offer, after.judged)

    def _arm(self, contact_id: str, offer: Offer, judged: int) -> None:
        if offer.outcome is None:
            self._deadlines.arm(contact_id, offer.instance, offer.next_deadline(judged) + self._grace)
        else:
            self._deadlines.disarm(offer.instance)

    def _tell(self, contact_id: str, out: Outbox) -> None:
        """Tell the contact's customer of it, and the one that it was taken for before."""
        contact = self._contacts.get(contact_id)
        if contact is None or not contact.log:
            return
        former, customer = contact.told, contact.customer
        if former is not None and former != customer:
            gone = told(contact_id, contact, former, gone=True)
            out.send(CUSTOMERS_EVENTS.name, former.encode(), encode_contact(gone))
        out.send(CUSTOMERS_EVENTS.name, customer.encode(), encode_contact(told(contact_id, contact, customer)))
        if former != customer:
            contact.told = customer
            self._contacts.put(contact_id, contact)

    def _tidy(self, contact_id: str, out: Outbox) -> None:
        """Settle a contact that is over, forget one that was settled long ago or whose end was lost."""
        contact = self._contacts.get(contact_id)
        if contact is None:
            return
        if not contact.log:
            if self._clock >= contact.settled + self._retention:
                self._contacts.delete(contact_id)
            else:
                self._upkeep.plan(contact_id, contact.settled + self._retention)
            return
        idle = self._clock - contact.last
        lost = contact.open and not contact.waiting and idle >= self._retention
        if not lost and (contact.open or idle < self._window):
            self._upkeep.plan(contact_id, (contact.last if idle < self._window else self._clock) + self._window)
            return
        if contact_id in self._changed:
            # The clock may pass days between two flushes of a replay.
            self._tell(contact_id, out)
            del self._changed[contact_id]
        if lost:
            self._gathered.add((), lost_conversations(contact))
            self._contacts.delete(contact_id)
        else:
            self._contacts.put(contact_id, contact.settle())
            self._upkeep.plan(contact_id, contact.last + self._retention)

    def _refuse(self, record: Record, origin: Origin, reason: FailureReason, message: str, out: Outbox) -> None:
        headers = origin_headers(record.headers, reason=reason, stage="rule", message=message, origin=origin)
        out.send(CONTACTS_FAILED.name, str(origin).encode(), record.value or b"", headers)


def _of_contact(contact_id: str, events: Sequence[AnyEvent]) -> list[ContactEvent]:
    return [event for event in events if isinstance(event, ContactEvent) and event.contact == contact_id]
