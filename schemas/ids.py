"""Deterministic names: the same thing gets the same id, whoever computes it and however often.

All are UUIDv5 (RFC 9562) in lower-case text form.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from hashlib import _Hash

EVENTS = UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c01")
CONTACTS = UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c02")
CLOCKS = UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c03")
ALERTS = UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c04")
IDENTITIES = UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c05")
CONTEXTS = UUID("4f1d2b0e-8d8a-5c55-9d0b-5d1c2f7f9a60")
_SEPARATOR = "\x1f"


@lru_cache(maxsize=16)
def _begun(namespace: UUID) -> "_Hash":
    return sha1(namespace.bytes, usedforsecurity=False)


# Kept begun: a UUID as the key of a dictionary costs as much as the hash.
_EVENTS, _CONTACTS, _CLOCKS, _ALERTS, _IDENTITIES, _CONTEXTS = map(
    _begun, (EVENTS, CONTACTS, CLOCKS, ALERTS, IDENTITIES, CONTEXTS)
)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _name(begun: "_Hash", parts: tuple[object, ...]) -> str:
    return _uuid5(begun, _SEPARATOR.join(map(str, parts)))


def _uuid5(begun: "_Hash", name: str) -> str:
    # uuid5() at a quarter of its cost: an id is made for every event.
    sha = begun.copy()
    sha.update(name.encode())
    digest = sha.hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def event_id(source: str, *provider: object) -> str:
    """Id of a canonical event: of its source and of what the provider calls it."""
    return _name(_EVENTS, (source, *provider))


@lru_cache(maxsize=65_536)
def contact_id(source: str, *provider: object) -> str:
    """Id of a contact: of its source and of what the provider calls the conversation."""
    return _name(_CONTACTS, (source, *provider))


def breach_id(contact: str, clock: str, instance: str, policy_version: int, again: int = 0) -> str:
    """Id of the one breach that a clock instance can have under one policy version.

    `again` counts how often this instance was corrected before (0 for the first statement), so that a
    breach stated anew after a correction is a record of its own.
    """
    name = f"{contact}\x1f{clock}\x1f{instance}\x1f{policy_version}"
    return _uuid5(_CLOCKS, f"{name}\x1f{again}" if again else name)


def transition_id(
    contact: str, clock: str, instance: str, policy_version: int, transition: str, due_ms: int, again: int = 0
) -> str:
    """Id of any other transition of a clock instance (at_risk, fulfilled, cancelled, lapsed, corrected)."""
    name = f"{contact}\x1f{clock}\x1f{instance}\x1f{policy_version}\x1f{transition}\x1f{due_ms}"
    return _uuid5(_CLOCKS, f"{name}\x1f{again}" if again else name)


def moment_id(
    contact: str,
    clock: str,
    instance: str,
    policy_version: int,
    transition: str,
    due_ms: int,
    moment: float | None,
    again: int = 0,
) -> str:
    """Id of a transition that a clock instance can go through more than once with one due instant.

    `moment`: what tells them apart, the instant (ms) at which it occurred or the share of the target.
    """
    name = f"{contact}\x1f{clock}\x1f{instance}\x1f{policy_version}\x1f{transition}\x1f{due_ms}\x1f@{moment}"
    return _uuid5(_CLOCKS, f"{name}\x1f{again}" if again else name)


def trend_id(rule: str, subject: str, since_ms: int) -> str:
    """Id of an episode of a trend: of its rule, its subject (queue, source) and when it began."""
    return _name(_ALERTS, ("trend", rule, subject, since_ms))


def trend_transition_id(trend: str, transition: str) -> str:
    """Id of the record that opens or closes an episode of a trend."""
    return _name(_ALERTS, ("transition", trend, transition))


def alert_id(rule: str, labels: Mapping[str, str], started_ms: int) -> str:
    """Id of an alert: of its rule, the labels of its group and the start of the episode."""
    return _name(_ALERTS, ("alert", rule, *(f"{name}={labels[name]}" for name in sorted(labels)), started_ms))


def message_id(alert: str, sequence: int, receiver: str) -> str:
    """Id of what one receiver is told by one record of an alert; the dedup key of every try to tell it."""
    return _name(_ALERTS, ("message", alert, sequence, receiver))


def command_id(route: str, said: str) -> str:
    """Id of what somebody says to alerts: of where it was said and of the key under which it may be said again."""
    return _name(_ALERTS, ("command", route, said))


def statement_id(kind: str, customers: Sequence[str], authority: str, by: str | None, at_ms: int) -> str:
    """Id of a statement on identifiers: of what is said of which customer ids, by whom, and as of when."""
    return _name(_IDENTITIES, ("statement", kind, authority, by or "", at_ms, *customers))


def review_id(a: str, b: str) -> str:
    """Id of what is to be looked at between two customer ids."""
    return _name(_IDENTITIES, ("review", a, b))


def context_id(contact: str) -> str:
    """Id of the record that tells who has begun a contact."""
    return _uuid5(_CONTEXTS, contact)


def customer_id(namespace: UUID, identifier: str) -> str:
    """Id of a customer known by one normalised identifier (`tel:+49...`, `mailto:...`).

    `namespace` is the installation's secret: without it, a plain hash of a phone number could be found
    by trying all numbers.
    """
    return _uuid5(_begun(namespace), identifier)


def customer_ids(namespace: UUID) -> Callable[[str], str]:
    """`customer_id` of one installation, for who asks often."""
    begun = _begun(namespace)

    def of(identifier: str) -> str:
        return _uuid5(begun, identifier)

    return of
