"""Rules and state of the registry task: who is who, and what every contacts task is to hear of promises."""

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

from agents.alerts.commands import Commands
from agents.registry.fitness import Unfit
from agents.registry.graph import Group, Refused, Rules, home_of, reckon, review_of, sets_of
from agents.registry.packed import PackedMap, PackedStore, ids_in, packed, spelled
from agents.registry.promises import BadPolicy, Promises
from agents.registry.words import Words
from schemas.envelopes import Origin
from schemas.failures import origin_headers
from schemas.identities import decode_statement, encode
from schemas.instants import DAY
from schemas.policies import POLICY_KEY
from schemas.topics import CONTACTS_EVENTS, CONTACTS_FAILED, CUSTOMERS_IDENTITIES, POLICIES
from schemas.unreadable import UNREADABLE
from streams.processor import Outbox, Record
from streams.store import Store

RETENTION = 90 * DAY
"""How long what holds no more is remembered, and a case that only one identifier was named with."""

_TOPIC = CUSTOMERS_IDENTITIES.name
_ONE = ""
_DIGEST = 8
_VERSION = 2


class Told(NamedTuple):
    """A digest of a review as it was published last. `home`: the identifier by which it is looked through."""

    digest: bytes
    home: bytes


class Registry:
    """A `streams.processor.Processor` over customers.links and policies.

    What was said since the last flush is reckoned with it, for the identifiers that it may concern; what changed is
    published. Nobody is told of an identifier that never was linked. What holds no more is forgotten after `retention`
    (ms), once it was reckoned with. `partitions`: of contacts.events, each of which is told of every policy that
    `promises` takes for news. `counted` is told with each flush how many records came since the last one, by what
    became of them: `taken`, `known`, `repeated`, `failed` statements, and `policy_taken`, `policy_known`,
    `policy_failed`.
    """

    __slots__ = (
        "_clock",
        "_commands",
        "_counted",
        "_counts",
        "_dirty",
        "_homes",
        "_partitions",
        "_promises",
        "_retention",
        "_reviews",
        "_rules",
        "_rules_before",
        "_words",
    )

    def __init__(
        self,
        *,
        partitions: int,
        rules: Rules | None = None,
        retention: int = RETENTION,
        promises: Promises | None = None,
        counted: Callable[[Mapping[str, int]], None] | None = None,
    ) -> None:
        self._partitions = partitions
        self._rules = rules or Rules()
        self._retention = retention
        self._counted = counted
        self._counts: dict[str, int] = {}
        self._clock = 0
        self._words = Words(self._rules.crowd)
        self._promises = promises or Promises()
        # What a gateway was asked to say twice comes with one id and two instants.
        self._commands = Commands()
        self._reviews = PackedStore(b"r", encode=b"".join, decode=_decode_told, version=_VERSION)
        self._rules_before: Store[Rules] = Store(b"g", Rules)
        self._homes = PackedMap()
        self._dirty: dict[bytes, None] = {}

    # -- records in ----------------------------------------------------------------------------------------

    def take(self, record: Record, out: Outbox) -> None:
        """Take one statement, or one policy; what cannot be taken goes to contacts.failed with the reason."""
        is_policy = record.topic.endswith(POLICIES.name)
        try:
            became = self._pass_on(record, out) if is_policy else self._hear(record)
        except (*UNREADABLE, Unfit, BadPolicy, OverflowError) as error:
            origin = Origin(record.topic, record.partition, record.offset)
            headers = origin_headers(record.headers, reason="schema", stage="rule", message=str(error), origin=origin)
            out.send(CONTACTS_FAILED.name, str(origin).encode(), record.value or b"", headers)
            became = "policy_failed" if is_policy else "failed"
        self._counts[became] = self._counts.get(became, 0) + 1

    def _hear(self, record: Record) -> str:
        statement = decode_statement(record.value or b"")
        if statement.authority == "person" and not self._commands.is_new(statement.id, self._clock):
            return "repeated"
        touched = self._words.hear(statement)
        self._dirty.update(dict.fromkeys(touched))
        return "taken" if touched else "known"

    def _pass_on(self, record: Record, out: Outbox) -> str:
        told = self._promises.take(record.key, record.value)
        if told is None:
            return "policy_known"
        for partition in range(self._partitions):
            out.send(CONTACTS_EVENTS.name, POLICY_KEY, told, (), partition)
        return "policy_taken"

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on; only what is forgotten depends on it."""
        self._clock = max(self._clock, clock)
        self._commands.sweep(self._clock)

    # -- records out ---------------------------------------------------------------------------------------

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Publish the sets and reviews that changed. Nothing is ever held back, so `ended` makes no difference."""
        dirty, self._dirty = self._dirty, {}
        self._publish(dirty, out)
        # What is forgotten was reckoned with before.
        self._publish(self._words.forget(self._clock - self._retention), out)
        if self._counted is not None and self._counts:
            self._counted(self._counts)
        self._counts = {}
        if self._rules_before.get(_ONE) != self._rules:
            self._rules_before.put(_ONE, self._rules)

    def has_news(self) -> bool:
        """Whether something would be published now: after a restart with other rules."""
        return bool(self._dirty)

    def _publish(self, dirty: Iterable[bytes], out: Outbox) -> None:
        found = reckon(self._words, dirty, self._rules)
        for group in found.groups:
            self._publish_sets(group, out)
        before = {name for customer in found.seen for name in ids_in(self._homes.pop(customer) or b"")}
        refused = {packed(each.name): each for each in found.refused}
        for name in sorted(before - refused.keys()):
            self._reviews.delete(name)
            out.send(_TOPIC, _review_key(name), None)
        names: dict[bytes, bytearray] = {}
        for name in sorted(refused):
            home = self._publish_review(name, refused[name], out)
            names.setdefault(home, bytearray()).extend(name)
        self._add_homes(names)

    def _publish_sets(self, group: Group, out: Outbox) -> None:
        if len(group.members) == 1:
            (alone,) = group.members
            if self._words.nodes.told(alone) is None and self._words.blocked_by(alone) is None:
                return
        for customer, found in sets_of(self._words, group):
            known = self._words.nodes.told(customer)
            if known is None and len(found.members) == 1 and not found.blocked:
                continue
            value = encode(found)
            digest = _digest(value)
            if digest != known:
                self._words.nodes.tell(customer, digest)
                out.send(_TOPIC, found.customer.encode(), value)

    def _publish_review(self, name: bytes, refused: Refused, out: Outbox) -> bytes:
        """Returns the identifier by which it is looked through."""
        edge = refused.edge
        said = f"{refused.refusal} {edge.rank} {edge.at} {edge.id}"
        told = Told(_digest(said.encode()), home_of(self._words, refused))
        if told != self._reviews.get(name):
            self._reviews.put(name, told)
            out.send(_TOPIC, _review_key(name), encode(review_of(self._words, refused)))
        return told.home

    def _add_homes(self, names: Mapping[bytes, bytearray]) -> None:
        """The reviews that are looked through by each identifier, all of one at once: it may have very many."""
        for home, added in names.items():
            self._homes.put(home, (self._homes.get(home) or b"") + added)

    # -- state ---------------------------------------------------------------------------------------------

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call (see streams.processor)."""
        return chain(
            self._words.changes(),
            self._promises.changes(),
            self._commands.changes(),
            self._reviews.changes(),
            self._rules_before.changes(),
        )

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat, and ValueError for a key of no store."""
        if self._words.restore(key, value) or self._promises.restore(key, value):
            return
        for store in (self._commands.store, self._reviews, self._rules_before):
            if store.owns(key):
                store.restore(key, value)
                return
        raise ValueError(
            f"the changelog of registry has a record of an unknown kind, {key[:1]!r}: run the version that wrote it, "
            "or start in a fresh namespace"
        )

    def restored(self) -> None:
        """Rebuild what is derived; with other rules than before, all is reckoned anew."""
        self._words.restored()
        self._homes = PackedMap()
        names: dict[bytes, bytearray] = {}
        for name, stored in self._reviews.stored():
            names.setdefault(_decode_told(stored).home, bytearray()).extend(name)
        self._add_homes(names)
        before = self._rules_before.get(_ONE)
        if before is not None and before != self._rules:
            self._dirty = dict.fromkeys(self._words.customers())


def _review_key(name: bytes) -> bytes:
    return f"review:{spelled(name)}".encode()


def _decode_told(stored: bytes) -> Told:
    return Told(stored[:_DIGEST], stored[_DIGEST:])


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=_DIGEST).digest()
