"""What records of customers.profiles and customers.identities change in the store. Pure."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from schemas.envelopes import is_mark
from schemas.identities import LinkSet, decode_identity
from schemas.instants import Instant, to_ms
from schemas.topics import CUSTOMERS_IDENTITIES, CUSTOMERS_PROFILES
from schemas.unreadable import UNREADABLE
from streams.processor import Record

TOPICS = (CUSTOMERS_PROFILES, CUSTOMERS_IDENTITIES)
_REVIEW = "review:"

Row = dict[str, Any]


class _Head(msgspec.Struct):
    """What the store has to know of a profile."""

    customer: str
    as_of: Instant
    at_risk: list[str] = []


_decode_head = msgspec.json.Decoder(_Head).decode


class Changes:
    """The newest of every key, in order of taking. A row None: it is deleted. `unreadable`: records left out, by
    topic."""

    def __init__(self) -> None:
        self.profiles: dict[str, Row | None] = {}
        self.identities: dict[str, Row | None] = {}
        self.reviews: dict[str, Row | None] = {}
        self.unreadable: Counter[str] = Counter()

    def take(self, topic: str, key: bytes | None, value: bytes | None) -> None:
        """Take one record of a topic (its name without namespace). Watermarks are passed over."""
        if key is None or is_mark(key):
            return
        try:
            name = key.decode()
            if topic == CUSTOMERS_PROFILES.name:
                self.profiles[name] = None if value is None else _profile(name, value)
            elif value is None:
                self._delete_identity(name)
            else:
                self._put_identity(name, value)
        except UNREADABLE:
            self.unreadable[topic] += 1

    def _delete_identity(self, name: str) -> None:
        if name.startswith(_REVIEW):
            self.reviews[name.removeprefix(_REVIEW)] = None
        else:
            self.identities[name] = None

    def _put_identity(self, name: str, value: bytes) -> None:
        identity = decode_identity(value)
        if isinstance(identity, LinkSet):
            self.identities[name] = {"customer": name, "owner": identity.owner, "record": value}
        else:
            self.reviews[identity.id] = {"id": identity.id, "record": value}


def _profile(name: str, value: bytes) -> Row:
    head = _decode_head(value)
    return {"customer": name, "as_of": to_ms(head.as_of), "at_risk": bool(head.at_risk), "record": value}


def changes_of(records: Iterable[Record], prefix: str) -> Changes:
    """What these records change. `prefix`: of the namespace, in front of the topics' names."""
    changes = Changes()
    for record in records:
        changes.take(record.topic.removeprefix(prefix), record.key, record.value)
    return changes
