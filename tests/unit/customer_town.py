"""The tasks that know customers, wired together in memory: what one sends with a flush, the next may take."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agents.customers.customers import Customers
from agents.profiles.profiles import Profiles
from agents.registry.processor import Registry
from schemas.customers import CustomerContact, CustomerContext, CustomerProfile, decode_context, decode_profile
from schemas.customers import encode_contact as encode_said
from schemas.identities import LINKS_KEY, Node, Statement
from schemas.identities import encode as encode_statement
from schemas.instants import from_ms
from streams.partitioner import partition_of
from streams.processor import Processor
from tests.unit.customer_floor import NOON, Line

PARTITIONS = 2
ANN, BEN, CID, DOT = PEOPLE = tuple(
    f"{name}-0000-4000-8000-000000000000" for name in ("a1100000", "be000000", "c1d00000", "d0700000")
)
"""Customer ids of identifiers, ascending."""

STEP = 400
"""Milliseconds from one step to the next."""


@dataclass
class Bench:
    """One task. `waiting`: by input topic; `sent`: since its last flush; `changelog`: what was flushed of its state."""

    made: Callable[[], Processor]
    inputs: tuple[str, ...]
    rules: Processor = field(init=False)
    waiting: dict[str, deque[Line]] = field(init=False)
    sent: list[tuple[str, bytes, bytes | None]] = field(default_factory=list)
    changelog: dict[bytes, bytes | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rules = self.made()
        self.waiting = {topic: deque() for topic in self.inputs}

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Any = (), partition: int | None = None
    ) -> None:
        assert key is not None
        self.sent.append((topic, key, value))

    def take(self, topic: str) -> None:
        """Take one record of an input, where there is one."""
        if self.waiting[topic]:
            self.rules.take(self.waiting[topic].popleft(), self)

    def flush(self, clock: int, *, ended: bool = False) -> list[tuple[str, bytes, bytes | None]]:
        """Move the clock and flush; returns what left."""
        self.rules.advance(clock, self)
        self.rules.before_flush(self, ended=ended)
        self.changelog.update(self.rules.changes())
        sent, self.sent = self.sent, []
        return sent

    def restart(self) -> None:
        """Another run of the task, from the changelog."""
        self.rules = self.made()
        for key, value in self.changelog.items():
            self.rules.restore(key, value)
        self.rules.restored()


class Town:
    """The registry, the customers tasks and the profiles tasks. `profiles`: what stands on the topic, as of nothing;
    `contexts`: what was told of contacts that have begun."""

    def __init__(self) -> None:
        self.clock = NOON
        self.profiles: dict[str, CustomerProfile] = {}
        self.contexts: list[CustomerContext] = []
        self._stages: dict[str, list[Bench]] = {
            "registry": [Bench(lambda: Registry(partitions=PARTITIONS), ("customers.links",))],
            "customers": [Bench(Customers, ("customers.events", "customers.identities")) for _ in range(PARTITIONS)],
            "profiles": [Bench(Profiles, ("customers.members",)) for _ in range(PARTITIONS)],
        }
        self.benches = [bench for benches in self._stages.values() for bench in benches]

    def _deliver(self, topic: str, key: bytes, value: bytes | None) -> None:
        if topic == "customers.profiles":
            name = key.decode()
            self.profiles.pop(name, None)
            if value is not None:
                self.profiles[name] = msgspec.structs.replace(decode_profile(value), as_of=from_ms(0))
            return
        if topic == "customers.context":
            assert value is not None
            self.contexts.append(decode_context(value))
            return
        assert topic != "contacts.failed", value
        for benches in self._stages.values():
            if topic in benches[0].inputs:
                bench = benches[partition_of(key, len(benches))]
                bench.waiting[topic].append(Line(value, key, topic))

    def said(self, contact: CustomerContact) -> None:
        """The contacts task says what happened to a customer."""
        self._deliver("customers.events", contact.customer.encode(), encode_said(contact))

    def stated(self, statement: Statement) -> None:
        """Somebody says who is who."""
        self._deliver("customers.links", LINKS_KEY, encode_statement(statement))

    def flush(self, bench: Bench, *, ended: bool = False) -> None:
        """Flush one task."""
        self.clock += STEP
        for topic, key, value in bench.flush(self.clock, ended=ended):
            self._deliver(topic, key, value)

    def settle(self, clock: int) -> dict[str, CustomerProfile]:
        """Take all that waits, move the clock on, and hold nothing back; returns the profiles that stand then."""
        self.clock = max(self.clock, clock)
        for ended in (False, False, True):
            for bench in self.benches:
                for topic, waiting in bench.waiting.items():
                    while waiting:
                        bench.take(topic)
                self.flush(bench, ended=ended)
        return self.profiles


def node(customer: str) -> Node:
    """An identifier as statements name it."""
    return Node(customer, "mailto", f"{customer[:1]}***@shop.example")


def statement(number: int, kind: Any, *customers: str, authority: Any = "person") -> Statement:
    """What somebody says of identifiers, the later the higher its number."""
    return Statement(
        id=f"s{number:03}",
        kind=kind,
        nodes=tuple(map(node, customers)),
        authority=authority,
        at=from_ms(NOON + number),
    )
