"""What the events of a contact tell the registry of who is who."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from agents.contacts.contact import Contact
from agents.contacts.deadlines import Upkeep
from agents.contacts.identity import statement_of, statement_of_event
from agents.contacts.memory import digest, holds
from schemas.events import AnyEvent, ContactEvent, IdentityLinked, IdentityUnlinked
from schemas.identities import Statement
from schemas.instants import to_ms
from streams.store import Store

IdentityEvent = IdentityLinked | IdentityUnlinked
OF_IDENTITY = (IdentityLinked, IdentityUnlinked)
"""Events that speak of identifiers alone: nothing happened to the contact that they name, if there is one."""


def statements_of(contact: Contact, events: Iterable[AnyEvent], ids: Callable[[str], str]) -> Sequence[Statement]:
    """What else accepted events say by the identifiers that they name, of the same ones of a contact once; `contact`
    remembers what was said.

    `ids`: schemas.ids.customer_ids of the installation.
    """
    said: list[Statement] = []
    for event in events:
        if not isinstance(event, ContactEvent) or (len(event.identifiers) < 2 and event.case is None):
            continue
        if isinstance(event, OF_IDENTITY):
            continue
        mark = digest("\x1f".join((*sorted(event.identifiers), "", event.case or "")))
        if holds(contact.linked, mark):
            continue
        contact.linked += mark
        statement = statement_of(ids, event.identifiers, event.case, event.source, event.time)
        if statement is not None:
            said.append(statement)
    return said


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An event about identities that was taken. `since`: its time or when it was taken (ms), the later of them."""

    revision: int
    since: int


class Links:
    """Which events about identities were taken: each once, for `retention` ms.

    They are kept apart from the contacts: most name one that nobody else speaks of.
    """

    __slots__ = ("_retention", "_upkeep", "store")

    def __init__(self, retention: int) -> None:
        self.store = Store(b"i", Taken)
        self._retention = retention
        self._upkeep = Upkeep()

    def news(self, contact_id: str, events: Iterable[AnyEvent]) -> Mapping[str, IdentityEvent]:
        """Those of a contact's events that speak of identities and are no duplicates, for `take`. Changes nothing."""
        found: dict[str, IdentityEvent] = {}
        for event in events:
            if isinstance(event, OF_IDENTITY):
                name = digest(f"{contact_id}\x1f{event.id}").hex()
                known = found.get(name) or self.store.get(name)
                if known is None or event.revision > known.revision:
                    found[name] = event
        return found

    def take(self, news: Mapping[str, IdentityEvent], clock: int, ids: Callable[[str], str]) -> Iterator[Statement]:
        """Remember `news`, and what it says. `clock`: the task's (ms). `ids`: as for `statements_of`."""
        for name, event in news.items():
            self._remember(name, Taken(event.revision, max(to_ms(event.time), clock)))
            statement = statement_of_event(ids, event)
            if statement is not None:
                yield statement

    def _remember(self, name: str, taken: Taken) -> None:
        self.store.put(name, taken)
        self._upkeep.plan(name, taken.since + self._retention)

    def forget(self, clock: int) -> None:
        """Forget what was taken longer than the retention before `clock` (ms)."""
        for name in self._upkeep.due(clock):
            known = self.store.get(name)
            if known is not None and known.since + self._retention <= clock:
                self.store.delete(name)

    def restored(self) -> None:
        """Rebuild when to forget what."""
        self._upkeep = Upkeep()
        for name, taken in self.store.data.items():
            self._upkeep.plan(name, taken.since + self._retention)
