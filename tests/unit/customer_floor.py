"""A customers task on a bench: contacts go in, the profiles that left with each flush come out."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.customers.customers import Customers
from schemas.customers import (
    CustomerContact,
    CustomerContext,
    CustomerProfile,
    MemberState,
    decode_context,
    decode_member,
    decode_profile,
    encode_contact,
)
from schemas.identities import LinkSet
from schemas.identities import encode as encode_identity
from schemas.instants import to_ms
from streams.processor import Headers

NOON = to_ms(datetime.fromisoformat("2026-03-02T12:00:00+00:00"))


@dataclass
class Line:
    """The parts of a consumer record that the rules look at."""

    value: bytes | None
    key: bytes | None = b"ann"
    topic: str = "customers.events"
    partition: int = 0
    offset: int = 7
    timestamp: int = 0
    headers: Headers = ()


def contact(name: str, started: int, **said: Any) -> CustomerContact:
    """A phone contact of Ann's that was answered after 10 s, unless said otherwise."""
    facts: dict[str, Any] = {
        "customer": "ann", "channel": "phone", "open": False, "outcome": "answered", "waited": 10_000, "known": True,
    }  # fmt: skip
    return CustomerContact(contact=name, started=started, **facts | said)


@dataclass
class Floor:
    """One task: `changelog` holds what was flushed, `sent` what left since it was last asked for."""

    rules: Customers = field(default_factory=Customers)
    sent: list[tuple[str, CustomerProfile | None]] = field(default_factory=list)
    members: list[MemberState] = field(default_factory=list)
    contexts: list[CustomerContext] = field(default_factory=list)
    failed: list[tuple[str, bytes, Headers]] = field(default_factory=list)
    changelog: dict[bytes, bytes | None] = field(default_factory=dict)

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Any = (), partition: int | None = None
    ) -> None:
        assert key is not None
        if topic == "customers.profiles":
            self.sent.append((key.decode(), None if value is None else decode_profile(value)))
            return
        assert value is not None
        if topic == "contacts.failed":
            self.failed.append((key.decode(), value, headers))
        elif topic == "customers.members":
            self.members.append(decode_member(value))
            assert key.decode() == self.members[-1].owner
        else:
            assert topic == "customers.context"
            self.contexts.append(decode_context(value))
            assert key.decode() == self.contexts[-1].customer

    def take(self, *said: CustomerContact) -> None:
        for each in said:
            self.rules.take(Line(encode_contact(each), each.customer.encode()), self)

    def link(self, customer: str, *members: str) -> None:
        """Say to which set a customer's identifier belongs: with no other member, to one of its own."""
        every = tuple(sorted((customer, *members)))
        said = LinkSet(customer=customer, owner=every[0], members=every)
        self.rules.take(Line(encode_identity(said), customer.encode(), "customers.identities"), self)

    def at(self, clock: int, *said: CustomerContact) -> list[CustomerProfile | None]:
        """Take what was said, move the clock and flush; returns the profiles that left."""
        self.take(*said)
        self.rules.advance(clock, self)
        return self.flush()

    def flush(self, *, ended: bool = False) -> list[CustomerProfile | None]:
        self.rules.before_flush(self, ended=ended)
        self.changelog.update(self.rules.changes())
        sent, self.sent = self.sent, []
        return [profile for _, profile in sent]

    def restarted(self) -> "Floor":
        """Another task that has read this one's changelog."""
        rules = Customers(limit=self.rules._limit, retention=self.rules._retention)
        other = Floor(rules, changelog=dict(self.changelog))
        for key, value in self.changelog.items():
            other.rules.restore(key, value)
        other.rules.restored()
        return other
