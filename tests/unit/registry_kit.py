"""A registry in memory: what people and tools say in, who is who as published out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents.registry.graph import Rules
from agents.registry.processor import Registry
from schemas.identifiers import node_of, statement
from schemas.identities import (
    AnyIdentity,
    Authority,
    LinkSet,
    Review,
    Statement,
    StatementKind,
    decode_identity,
    encode,
)
from schemas.ids import customer_ids
from schemas.instants import from_ms
from streams.processor import Headers, Output

NAMESPACE = UUID("6d0e7c7e-52f4-4bb5-9d8e-3f1a2b4c5d6e")
IDS = customer_ids(NAMESPACE)
START = 1_772_445_600_000
"""ms; a Monday morning."""

ANA, PHONE, CRM, OTHER_CRM, CHAT = (
    "mailto:ana@shop.example",
    "tel:+4930901820",
    "crm:100042",
    "crm:100043",
    "slack:T1:U1",
)
CASE = "case:4711"


@dataclass
class Taken:
    """A record as the engine hands it over."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes | None
    partition: int = 0
    timestamp: int = START
    headers: Headers = ()


def said(
    kind: StatementKind, *identifiers: str, at: int = 0, authority: Authority = "person", by: str | None = None
) -> Statement:
    """A statement of `at` ms after the start."""
    nodes = [node_of(IDS, each) for each in identifiers]
    return statement(kind, nodes, authority, from_ms(START + at), by=by or authority)


class Desk:
    """A registry, and the topic that it writes: the last of each key."""

    def __init__(self, rules: Rules | None = None, partitions: int = 3) -> None:
        self._rules, self._partitions = rules, partitions
        self.counts: dict[str, int] = {}
        self.sent: list[Output] = []
        self.standing: dict[bytes, AnyIdentity] = {}
        self.changelog: dict[bytes, bytes] = {}
        self._offset = self._flushed = 0
        self.registry = self._new()

    def _new(self) -> Registry:
        return Registry(partitions=self._partitions, rules=self._rules, counted=self._count)

    def _count(self, became: Any) -> None:
        for outcome, n in became.items():
            self.counts[outcome] = self.counts.get(outcome, 0) + n

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        """See streams.processor.Outbox."""
        self.sent.append(Output(topic, key, value, headers, partition))
        if topic == "customers.identities":
            assert key is not None
            if value is None:
                del self.standing[key]
            else:
                self.standing[key] = decode_identity(value)

    def put(self, topic: str, value: bytes | None, key: bytes = b"links") -> None:
        """Hand over one record."""
        self._offset += 1
        self.registry.take(Taken(f"floor.{topic}", self._offset, key, value), self)

    def hear(self, *statements: Statement) -> None:
        """Hand over statements, without a flush."""
        for each in statements:
            self.put("customers.links", encode(each))

    def flush(self) -> list[Output]:
        """One flush; returns what left with it."""
        already = self._flushed
        self.registry.before_flush(self, ended=False)
        for key, value in self.registry.changes():
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        self._flushed = len(self.sent)
        return self.sent[already:]

    def say(self, *statements: Statement) -> list[Output]:
        """Hand over statements and flush."""
        self.hear(*statements)
        return self.flush()

    def restart(self, rules: Rules | None = None) -> None:
        """Lose the registry; another takes its place from the changelog."""
        self._rules = rules or self._rules
        self.registry = self._new()
        for key, value in self.changelog.items():
            self.registry.restore(key, value)
        self.registry.restored()

    def set_of(self, identifier: str) -> LinkSet:
        """What stands on the topic of an identifier."""
        found = self.standing[IDS(identifier).encode()]
        assert isinstance(found, LinkSet)
        return found

    def sets(self) -> set[frozenset[str]]:
        """The customers of more than one identifier, by their customer ids."""
        return {
            frozenset(each.members)
            for each in self.standing.values()
            if isinstance(each, LinkSet) and len(each.members) > 1
        }

    def reviews(self) -> dict[frozenset[str], str]:
        """What is to be looked at: the two customer ids, and why the link does not hold."""
        return {
            frozenset((each.a.customer, each.b.customer)): each.refusal
            for each in self.standing.values()
            if isinstance(each, Review)
        }


def ids(*identifiers: str) -> frozenset[str]:
    """Customer ids of identifiers."""
    return frozenset(map(IDS, identifiers))


def published(outputs: Iterable[Output]) -> Sequence[AnyIdentity | None]:
    """What a flush published on customers.identities; None for a tombstone."""
    return [
        None if each.value is None else decode_identity(each.value)
        for each in outputs
        if each.topic == "customers.identities"
    ]
