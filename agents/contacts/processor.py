"""Rules and state of one contacts task."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from agents.contacts.change import AgentChange, ContactChange, agent_change, contact_change
from agents.contacts.clock_facts import lost_clocks
from agents.contacts.clocks import open_promises
from agents.contacts.contact import Contact
from agents.contacts.customer import COMPLAINT, RESOLVED, at_last, customer_of, told
from agents.contacts.deadlines import Deadlines, Upkeep, end_of_minute
from agents.contacts.fold import expire
from agents.contacts.gathered import Gathered
from agents.contacts.heard import Heard
from agents.contacts.learning import NOTED, NOTHING, LateEvent, learn
from agents.contacts.links import OF_IDENTITY, IdentityEvent, Links, statements_of
from agents.contacts.measures import lost_calls
from agents.contacts.promise import given_up
from agents.contacts.reviews import AT_ONCE, Reviews
from agents.contacts.staff import Agent
from agents.contacts.stored import FORMAT, glance, read_contact, write_contact
from schemas import identities
from schemas.customers import encode_contact
from schemas.envelopes import Origin, decode_envelope
from schemas.events import AnyEvent, ContactEvent
from schemas.failures import FailureReason, origin_headers
from schemas.identities import LINKS_KEY, Statement
from schemas.ids import customer_ids
from schemas.instants import DAY, MINUTE
from schemas.policies import POLICY_KEY, Policies
from schemas.topics import ALERTS_SLA, CONTACTS_FAILED, CUSTOMERS_EVENTS, CUSTOMERS_LINKS, METRICS_PARTIALS
from schemas.unreadable import UNREADABLE
from streams.caching_store import CachingStore
from streams.processor import Outbox, Record
from streams.store import Store

_ALERTS = ALERTS_SLA.name

HELD = 2_048
"""Changed contacts whose clocks are kept ready until the flush, 10 KB each; those of more are worked out again then."""


class Contacts:
    """A `streams.processor.Processor` over contacts.events and agents.events.

    `task` names it in its partials. `namespace`: the installation's secret, for customer ids. `grace_ms`: how
    long after a deadline its event may still come in (1 s in service, 0 in event time). `correction_window_ms`:
    how long after its last event a contact that is over takes corrections; until `retention_ms` after it,
    duplicates are still told apart. `counted` is told with each flush what became of how many source records since
    the last one (`Gathered.outcomes`). `policies`: the settings'; they hold from the task's first start on, or from
    the start at which they are others than before.

    What an envelope brings is worked out on a copy of its contact and taken over only as a whole, so that a rule
    that raises leaves nothing behind. One that raises as time passes stops no other contact's clocks: `unjudged` is
    told of the contact and the error, and the contact is looked at again with its next event or after a restart.
    """

    __slots__ = (
        "_agents",
        "_changed",
        "_clock",
        "_contacts",
        "_counted",
        "_customer_ids",
        "_deadlines",
        "_ends",
        "_gathered",
        "_grace",
        "_heard",
        "_links",
        "_open",
        "_retention",
        "_reviews",
        "_task",
        "_unjudged",
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
        unjudged: Callable[[Contact, Exception], None] | None = None,
    ) -> None:
        self._task = task
        self._heard = Heard(b"p", policies)
        self._customer_ids = customer_ids(namespace)
        self._grace = grace_ms
        self._window = correction_window_ms
        self._retention = retention_ms
        self._counted = counted
        self._unjudged = unjudged
        self._clock = 0
        # Of their own, so that a task that is dropped is freed with its last reference.
        heard, ids = self._heard, self._customer_ids
        self._contacts = CachingStore(
            b"c",
            encode=lambda contact: write_contact(contact, heard.book),
            decode=lambda contact_id, stored: read_contact(contact_id, stored, ids, heard.book),
            version=FORMAT,
        )
        self._agents = Store(b"a", Agent)
        self._links = Links(retention_ms)
        self._deadlines = Deadlines()
        # Every contact that is not settled is looked at at least once in a window; one that is over before, or settled
        # and forgotten, at that instant too. So when it is does not hang on when the task was started.
        self._upkeep = Upkeep()
        self._ends = Upkeep()
        self._reviews = Reviews()
        self._open: dict[str, None] = {}
        self._gathered = Gathered()
        # In the order of change, so that a replay sends in the same order.
        self._changed: dict[str, ContactChange] = {}

    def contact(self, contact_id: str) -> Contact | None:
        """What is known of a contact."""
        return self._contacts.get(contact_id)

    def __len__(self) -> int:
        """How many contacts are remembered, settled ones included."""
        return len(self._contacts)

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one envelope, or what a policy or calendar is from now on."""
        if record.key == POLICY_KEY:
            self._hear(record, out)
            return
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
            links: Mapping[str, IdentityEvent] = {}
            if events:
                first = events[0]
                if isinstance(first, ContactEvent):
                    change = self._contact_change(first, events)
                    if len(events) > 1 or isinstance(first, OF_IDENTITY):
                        links = self._links.news(first.contact, events)
                else:
                    name = first.agent or ""
                    change = agent_change(name, self._agents.get(name), events)
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
        elif change is None and not links:
            self._gathered.hear(first.source, envelope, "duplicate")
        else:
            self._gathered.hear(first.source, envelope, "accepted")
            if isinstance(change, ContactChange):
                self._take_over(change, out)
                self._note(change)
                _state(statements_of(change.after, events, self._customer_ids), out)
            elif change is not None:
                self._agents.put(change.agent, change.after)
                self._gathered.see(change.now, change.states)
            if links:
                _state(self._links.take(links, self._clock, self._customer_ids), out)

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on: state what became due, let go what waited too long, tidy up."""
        if clock <= self._clock:
            return
        self._clock = clock
        self._heard.start(clock)
        for contact_id in self._deadlines.due(clock):
            self._judge(contact_id, out)
        changes = self._heard.book.changes(self._reviews.since, clock - self._grace)
        if changes:
            self._reviews.plan(self._open, changes[-1])
        self._review(AT_ONCE, out)
        for contact_id in self._upkeep.due(clock):
            self._look(contact_id, out)
        for contact_id in self._ends.due(clock):
            self._tidy(contact_id, out)
        self._links.forget(clock)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Tell customers and metrics what changed. `ended`: whoever is still to be judged again is."""
        if ended:
            self._review(len(self._reviews), out)
        for change in self._changed.values():
            self._tell(change, out)
        self._changed.clear()
        if self._counted is not None:
            outcomes = self._gathered.outcomes()
            if outcomes:
                self._counted(outcomes)
        for partial in self._gathered.partials(self._task):
            out.send(METRICS_PARTIALS.name, self._task.encode(), partial)

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded."""
        yield from self._heard.changes()
        yield from self._contacts.changes()
        yield from self._agents.changes()
        yield from self._links.store.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat, and ValueError for a key of no store."""
        if self._contacts.owns(key):
            self._contacts.restore(key, value)
        elif self._agents.owns(key):
            self._agents.restore(key, value)
        elif self._links.store.owns(key):
            self._links.store.restore(key, value)
        elif self._heard.owns(key):
            self._heard.restore(key, value)
        else:
            raise ValueError(f"the changelog of contacts has a record of an unknown kind: {key[:1]!r}")

    def restored(self) -> None:
        """Rebuild the book of policies, deadlines, reviews and upkeep."""
        self._deadlines, self._upkeep, self._ends = Deadlines(), Upkeep(), Upkeep()
        self._reviews, self._open = Reviews(), {}
        judged: dict[str, int] = {}
        past = 0
        for contact_id, stored in self._contacts.stored():
            known = glance(stored)
            past = max(past, known.judged)
            if known.due is not None:
                self._deadlines.arm(contact_id, known.due + self._grace)
            if known.open or known.due is not None:
                self._open[contact_id] = None
                judged[contact_id] = known.judged
            if known.settled:
                self._ends.plan(contact_id, known.last + self._retention)
            else:
                self._upkeep.plan(contact_id, known.last + self._window)
        self._links.restored()
        since = self._heard.restored(past)
        self._reviews.plan((name for name, until in judged.items() if until <= since and since), since)

    def resume(self, clock: int) -> None:
        """The task's clock stood here (ms): what is heard of from now on holds from then on, not from before."""
        self._clock = clock

    def _hear(self, record: Record, out: Outbox) -> None:
        """Take a record of the topic policies. It holds from now on, and what has passed stays as it was judged."""
        try:
            self._heard.hear(record.value or b"", self._clock)
        except (*UNREADABLE, ValueError) as error:
            origin = Origin(record.topic, record.partition, record.offset)
            self._refuse(record, origin, "schema", f"policy: {error}", out)
            self._gathered.count_whole("failed", "schema")

    def _judge(self, contact_id: str, out: Outbox) -> None:
        """Look at what time alone has made of a contact."""
        before = self._contacts.get(contact_id)
        if before is None or not before.lines:
            return
        after = before.copy()
        after.judged = max(after.judged, self._clock - self._grace)
        try:
            left = expire(after, after.judged)
            change = contact_change(contact_id, before, after, self._heard.book, self._clock)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, other contacts' clocks go on
            if self._unjudged is not None:
                self._unjudged(before, error)
            return
        self._take_over(change, out)
        if left or change.moved:
            self._note(change)

    def _review(self, limit: int, out: Outbox) -> None:
        for contact_id in self._reviews.next(limit):
            contact = self._contacts.peek(contact_id)
            if contact is not None and contact.judged <= self._reviews.since:
                self._judge(contact_id, out)

    def _contact_change(self, first: ContactEvent, events: Sequence[AnyEvent]) -> ContactChange | None:
        """What the events of one envelope change; None if they are all known. Changes nothing itself."""
        contact_id = first.contact
        own: Sequence[ContactEvent] = (first,)
        if len(events) > 1:
            own = _of_contact(contact_id, events)
            if len(own) != len(events):
                raise ValueError(f"an envelope holds the events of one contact, this one not only of {contact_id}")
            own = [event for event in own if not isinstance(event, OF_IDENTITY)]
        elif isinstance(first, OF_IDENTITY):
            own = ()
        if not own:
            return None
        before = self._contacts.get(contact_id)
        book = self._heard.book
        after = Contact(own[0].channel, heard=len(book.entries)) if before is None else before.copy()
        horizon = self._clock - self._grace
        if horizon > after.judged:
            after.judged = horizon
        learnt = learn(after, own, book.longest_wait)
        if learnt == NOTHING:
            return None
        if before is None or before.identifier != after.identifier:
            after.customer = customer_of(self._customer_ids, contact_id, after.identifier)
        if learnt == NOTED and not book.reckons(after.channel):
            after.judged = 0 if before is None else before.judged
            return ContactChange(contact_id, after, before is None or not before.lines)
        return contact_change(contact_id, before, after, book, self._clock)

    def _take_over(self, change: ContactChange, out: Outbox) -> None:
        contact_id, after = change.contact, change.after
        self._contacts.put(contact_id, after)
        if change.is_new:
            self._upkeep.plan(contact_id, after.last + self._window)
        elif after.due is None and after.last < self._clock:
            self._plan_end(contact_id, after)
        if after.open or after.due is not None:
            self._open[contact_id] = None
        else:
            self._open.pop(contact_id, None)
        for key, value in change.alerts:
            out.send(_ALERTS, key, value)
        if change.facts or change.calls:
            self._gathered.add(change.facts, change.calls)
        if change.clocks:
            self._gathered.add_clocks(change.clocks)
        self._deadlines.arm(contact_id, None if after.due is None else after.due + self._grace)

    def _plan_end(self, contact_id: str, contact: Contact) -> None:
        """Settle a contact in time that may be over before it is looked at: what changed it happened a while ago."""
        next_look = (self._clock + self._window) // MINUTE
        if (contact.last + self._window) // MINUTE < next_look:
            over = contact.over_at(self._window, self._retention)
            if over is not None and over // MINUTE < next_look:
                self._ends.plan(contact_id, over)

    def _note(self, change: ContactChange) -> None:
        """The customer is to be told of a contact that changed."""
        if len(self._changed) >= HELD:
            change = msgspec.structs.replace(change, judged=())
        self._changed[change.contact] = change

    def _tell(self, change: ContactChange, out: Outbox) -> None:
        """Tell the customer of a contact that changed of it, and the one that it was taken for before."""
        contact_id = change.contact
        contact = self._contacts.get(contact_id)
        if contact is None or not contact.log:
            return
        former, customer = contact.told, contact.customer
        if former is not None and former != customer:
            gone = told(contact_id, contact, former, gone=True)
            out.send(CUSTOMERS_EVENTS.name, former.encode(), encode_contact(gone))
        book = self._heard.book
        clocks = change.judged if contact is change.after and contact.heard == len(book.entries) else ()
        promises = open_promises(contact, book, clocks) if contact.open and contact.stated else ()
        whole = told(contact_id, contact, customer, promises=promises)
        out.send(CUSTOMERS_EVENTS.name, customer.encode(), encode_contact(whole))
        if former != customer:
            contact.told = customer
            self._contacts.put(contact_id, contact)

    def _look(self, contact_id: str, out: Outbox) -> None:
        """Look whether a contact is over, and again within the window while it is not."""
        self._tidy(contact_id, out)
        contact = self._contacts.peek(contact_id)
        if contact is not None and contact.log:
            over = contact.over_at(self._window, self._retention)
            again = self._clock + self._window
            if over is not None and self._clock < end_of_minute(over) <= again:
                again = over
            self._upkeep.plan(contact_id, again)

    def _tidy(self, contact_id: str, out: Outbox) -> None:
        """Settle a contact that is over, forget one that was settled long ago or whose end was lost."""
        contact = self._contacts.get(contact_id)
        if contact is None:
            return
        if not contact.log:
            if self._clock >= contact.settled + self._retention:
                self._contacts.delete(contact_id)
            return
        over = contact.over_at(self._window, self._retention)
        # Not before its minute is over, whenever it is looked at.
        if over is None or end_of_minute(over) > self._clock or contact_id in self._deadlines:
            return
        if contact_id in self._changed:
            # The clock may pass days between two flushes of a replay.
            self._tell(self._changed.pop(contact_id), out)
        self._gathered.add_clocks(lost_clocks(contact))
        if contact.open:
            for key, value in given_up(contact_id, contact, self._heard.book, over):
                out.send(_ALERTS, key, value)
            self._gathered.add((), lost_calls(contact))
            if contact.told is not None:
                last = at_last(contact_id, contact, contact.told)
                out.send(CUSTOMERS_EVENTS.name, contact.told.encode(), encode_contact(last))
            self._contacts.delete(contact_id)
            self._open.pop(contact_id, None)
        else:
            self._contacts.put(contact_id, contact.settle(passing=(COMPLAINT, RESOLVED)))
            self._ends.plan(contact_id, contact.last + self._retention)

    def _refuse(self, record: Record, origin: Origin, reason: FailureReason, message: str, out: Outbox) -> None:
        headers = origin_headers(record.headers, reason=reason, stage="rule", message=message, origin=origin)
        out.send(CONTACTS_FAILED.name, str(origin).encode(), record.value or b"", headers)


def _state(statements: Iterable[Statement], out: Outbox) -> None:
    for statement in statements:
        out.send(CUSTOMERS_LINKS.name, LINKS_KEY, identities.encode(statement))


def _of_contact(contact_id: str, events: Sequence[AnyEvent]) -> list[ContactEvent]:
    return [event for event in events if isinstance(event, ContactEvent) and event.contact == contact_id]
