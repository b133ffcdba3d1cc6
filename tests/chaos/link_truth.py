"""Who is who in the end, by what was said of identifiers: as docs/howto-identities.md has it, by plain steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from tests.chaos.contract import CUSTOMER_NAMESPACE
from tests.chaos.story import Event

LIMIT = 5
"""So many identifiers links join at most."""

_CASE = "case:"
_CRM, _SOURCE = 0, 1


class Said(NamedTuple):
    """At `at` (ms) somebody said that one or two identifiers are, or are not, one customer's. Rank 0 is the stronger.

    Of one identifier: it is nobody else.
    """

    at: int
    rank: int
    holds: bool
    names: tuple[str, ...]


class Linked(NamedTuple):
    """`sets`: by identifier, all that it is linked with, itself included; `refused`: pairs that may not be joined."""

    sets: dict[str, list[str]]
    refused: list[tuple[str, str]]


def customer_of(identifier: str) -> str:
    """The customer id of an identifier."""
    return str(uuid5(UUID(CUSTOMER_NAMESPACE), identifier))


def said_by(event: Event) -> Said | None:
    """What an event says of identifiers. ValueError for more than the floor's events may say."""
    names = [*dict.fromkeys(event.fields.get("identifiers", ()))]
    if case := event.fields.get("case"):
        names.append(_CASE + case)
    if len(names) > 2:
        raise ValueError(f"{event.type} names more than two: {names}")
    by = event.fields.get("by") or ""
    rank = _CRM if event.type.startswith("identity.") and by.startswith("crm") else _SOURCE
    holds = event.type != "identity.unlinked"
    return Said(event.at, rank, holds, tuple(names)) if not holds or len(names) == 2 else None


def linked(said: Collection[Said], limit: int = LIMIT) -> Linked:
    """Links are taken by rank, then instant; of a pair the latest that one rank says holds."""
    groups = {name: [name] for each in said for name in each.names}
    refused = []
    for _, _, pair in sorted(_links(said)):
        one, other = (groups[name] for name in pair)
        if one is other:
            continue
        if sum(not name.startswith(_CASE) for name in (*one, *other)) > limit:
            refused.append(pair)
            continue
        whole = one + other
        groups.update(dict.fromkeys(whole, whole))
    sets = {name: sorted(each for each in own if not each.startswith(_CASE)) for name, own in groups.items()}
    return Linked({name: own for name, own in sets.items() if not name.startswith(_CASE)}, refused)


def _links(said: Iterable[Said]) -> Iterable[tuple[int, int, tuple[str, str]]]:
    pairs: dict[tuple[str, str], list[Said]] = defaultdict(list)
    alone: dict[tuple[str, int], int] = {}
    for each in sorted(said):
        if len(each.names) == 2:
            a, b = sorted(each.names)
            pairs[a, b].append(each)
        else:
            alone[each.names[0], each.rank] = each.at
    for pair, words in pairs.items():
        for rank in (_CRM, _SOURCE):
            own = [each for each in words if each.rank == rank]
            if not own or not own[-1].holds:
                continue
            if any(alone.get((name, rank), -1) > own[-1].at for name in pair):
                continue
            yield rank, next(each.at for each in own if each.holds), pair
            break


def who_is_who(said: Collection[Said]) -> dict[str, Any]:
    """As the truth has it, all in customer ids: `sets` (identifier -> members, ascending), `reviews` (pairs)."""
    found = linked(said)
    return {
        "sets": {customer_of(name): sorted(map(customer_of, own)) for name, own in found.sets.items()},
        "reviews": sorted(sorted(map(customer_of, pair)) for pair in found.refused),
    }
