"""What the events of a contact tell the registry of who is who."""

from collections.abc import Callable, Iterable, Sequence

from agents.contacts.contact import Contact
from agents.contacts.identity import statement_of, statement_of_event
from agents.contacts.memory import digest, holds
from schemas.events import AnyEvent, ContactEvent, IdentityLinked, IdentityUnlinked
from schemas.identities import Statement

_OF_IDENTITY = (IdentityLinked, IdentityUnlinked)


def statements_of(contact: Contact, events: Iterable[AnyEvent], ids: Callable[[str], str]) -> Sequence[Statement]:
    """What accepted events say, of the same identifiers of a contact once; `contact` remembers what was said.

    `ids`: schemas.ids.customer_ids of the installation.
    """
    said: list[Statement] = []
    for event in events:
        if isinstance(event, _OF_IDENTITY):
            statement = statement_of_event(ids, event)
        elif not isinstance(event, ContactEvent) or (len(event.identifiers) < 2 and event.case is None):
            continue
        else:
            mark = digest("\x1f".join((*sorted(event.identifiers), "", event.case or "")))
            if holds(contact.linked, mark):
                continue
            contact.linked += mark
            statement = statement_of(ids, event.identifiers, event.case, event.source, event.time)
        if statement is not None:
            said.append(statement)
    return said
