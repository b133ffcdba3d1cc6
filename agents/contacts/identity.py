"""What a contact's events say on who is who, as statements for the registry. Pure."""

from collections.abc import Callable, Sequence

from schemas.events import IdentityLinked, IdentityUnlinked
from schemas.identifiers import CASE, nodes_of, statement
from schemas.identities import Authority, Statement, StatementKind
from schemas.instants import Instant

CRM = "crm"
"""What the name of a CRM in `by` begins with."""


def statement_of(
    ids: Callable[[str], str], identifiers: Sequence[str], case: str | None, source: str, at: Instant
) -> Statement | None:
    """That these identifiers, and whoever else speaks of the case, are one customer's; None where that links nothing.

    `ids`: schemas.ids.customer_ids of the installation. `source`: who says so. The same whatever the order of the
    identifiers.
    """
    nodes = nodes_of(ids, _identifiers(identifiers, case))
    return statement("linked", nodes, "provider", at, by=source) if len(nodes) > 1 else None


def statement_of_event(ids: Callable[[str], str], event: IdentityLinked | IdentityUnlinked) -> Statement | None:
    """What an event about identities says; None where it links nothing, or parts nobody.

    A `by` that begins with 'crm' is a CRM's word, any other a provider's: people speak by command line and API.
    """
    nodes = nodes_of(ids, _identifiers(event.identifiers, event.case))
    authority: Authority = "crm" if (event.by or "").lower().startswith(CRM) else "provider"
    kind: StatementKind = "linked" if isinstance(event, IdentityLinked) else "unlinked"
    if len(nodes) < (2 if kind == "linked" else 1):
        return None
    return statement(kind, nodes, authority, event.time, by=event.by or event.source, reason=event.reason)


def _identifiers(identifiers: Sequence[str], case: str | None) -> Sequence[str]:
    return (*identifiers, f"{CASE}:{case}") if case else identifiers
