"""Which identifiers are one customer: links taken in their order, and refused where they join what may not be."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from agents.registry.packed import spelled
from agents.registry.said import AUTHORITIES, PERSON
from agents.registry.words import CROWD, Edge, Words
from schemas.identifiers import CASE
from schemas.identities import Link, LinkSet, Node, Refusal, Review
from schemas.ids import review_id
from schemas.instants import from_ms


class Rules(NamedTuple):
    """`limit`: identifiers that automatic links join at most; cases don't count, and what a person linked counts as
    one. `single`: kinds of which a customer has one only, unless a person links two. `crowd`: who was named with more
    identifiers than that is nobody's own."""

    limit: int = 10
    single: tuple[str, ...] = ("crm",)
    crowd: int = CROWD


class Reckoned(NamedTuple):
    """What follows for the identifiers that were `seen`: who belongs together, and links that do not hold."""

    seen: set[bytes]
    groups: list["Group"]
    refused: list["Refused"]


class Refused(NamedTuple):
    """A link that does not hold, and why. `crowd`: the identifier that it stands for, one of all that a crowd has."""

    edge: Edge
    refusal: Refusal
    crowd: bytes | None = None

    @property
    def name(self) -> str:
        """Id of the review."""
        a, b = (self.edge.a, self.edge.b) if self.crowd is None else (self.crowd, self.crowd)
        return review_id(spelled(a), spelled(b))


class Group:
    """Identifiers that links have joined so far."""

    __slots__ = ("count", "edges", "members", "single")

    def __init__(self, customer: bytes, kind: str, rules: Rules) -> None:
        self.members = {customer}
        self.count = 0 if kind == CASE else 1
        self.single = {kind} & set(rules.single)
        self.edges: list[Edge] = []

    def join(self, other: "Group", edge: Edge) -> None:
        """Take the other one in."""
        self.members |= other.members
        self.count = max(self.count, other.count) if edge.rank == PERSON else self.count + other.count
        self.single |= other.single
        self.edges += other.edges


def reckon(words: Words, changed: Iterable[bytes], rules: Rules) -> Reckoned:
    """What follows for all identifiers that changed, and for all that they are linked with."""
    found = Reckoned(set(), [], [])
    for customer in sorted(changed):
        if customer in found.seen:
            continue
        members, edges, refused = _component(words, customer)
        found.seen.update(members)
        groups, more = _joined(words, members, edges, rules)
        found.refused.extend((*refused, *more))
        found.groups.extend(groups)
    return found


def home_of(words: Words, refused: Refused) -> bytes:
    """The identifier by which a refused link is looked through again: one that is not blocked, else the smaller."""
    if refused.crowd is not None:
        return refused.crowd
    a, b = refused.edge.a, refused.edge.b
    return b if words.blocked_by(a) is not None and words.blocked_by(b) is None else a


def _component(words: Words, start: bytes) -> tuple[set[bytes], list[Edge], list[Refused]]:
    """All that links would join with one identifier; a blocked one stands alone, its links belong to the others."""
    members, waiting = {start}, [start]
    edges: list[Edge] = []
    refused: list[Refused] = []
    while waiting:
        one = waiting.pop()
        blocked = words.blocked_by(one)
        alone = blocked is not None
        if blocked == "crowd":
            refused.extend(_crowded(words, one))
        for other in words.blocked_neighbours(one) if alone else words.neighbours(one):
            blocker = words.blocked_by(other)
            if alone and (blocker is None or other < one):
                continue
            # Taken from the smaller one's side.
            edge = None if other < one and other in members else words.edge(one, other)
            if edge is None:
                continue
            if alone or blocker is not None:
                if edge.rank == PERSON or not {blocked, blocker} & {"person", "crowd"}:
                    refused.append(Refused(edge, "blocked"))
                continue
            if one == edge.a:
                edges.append(edge)
            if other not in members:
                members.add(other)
                waiting.append(other)
    return members, edges, refused


def _crowded(words: Words, crowd: bytes) -> Iterable[Refused]:
    """One link of a crowd, which stands for all."""
    edge = words.edge(crowd, words.smallest_neighbour(crowd))
    return () if edge is None else (Refused(edge, "too_many", crowd),)


def _joined(
    words: Words, members: Iterable[bytes], edges: list[Edge], rules: Rules
) -> tuple[list[Group], list[Refused]]:
    group_of = {customer: Group(customer, words.nodes.kind(customer), rules) for customer in sorted(members)}
    refused: list[Refused] = []
    for edge in sorted(edges):
        one, other = group_of[edge.a], group_of[edge.b]
        if one is not other:
            refusal = _refusal(words, edge, one, other, rules)
            if refusal is not None:
                refused.append(Refused(edge, refusal))
                continue
            if len(one.members) < len(other.members):
                one, other = other, one
            one.join(other, edge)
            group_of.update(dict.fromkeys(other.members, one))
        elif CASE in (words.nodes.kind(edge.a), words.nodes.kind(edge.b)):
            continue  # a case is told where it ties, and a customer may have thousands
        one.edges.append(edge)
    return list({id(group): group for group in group_of.values()}.values()), refused


def _refusal(words: Words, edge: Edge, one: Group, other: Group, rules: Rules) -> Refusal | None:
    small, large = sorted((one, other), key=lambda group: len(group.members))
    if any(each in large.members for customer in small.members for each in words.apart(customer)):
        return "kept_apart"
    if edge.rank == PERSON:
        return None
    if one.single & other.single:
        return "two_crm_ids"
    return "too_many" if one.count + other.count > rules.limit else None


def sets_of(words: Words, group: Group) -> Iterable[tuple[bytes, LinkSet]]:
    """The link set of each identifier of a group that is no case; only cases that tie two others are told of."""
    times = Counter(chain.from_iterable((edge.a, edge.b) for edge in group.edges))
    every = {customer: words.nodes.node(customer) for customer in sorted(group.members)}
    nodes = {customer: node for customer, node in every.items() if node.kind != CASE or times[customer] > 1}
    members = tuple(node.customer for node in nodes.values() if node.kind != CASE)
    links: tuple[Link, ...] = ()
    if len(members) > 1:
        links = tuple(
            _link(edge, nodes[edge.a], nodes[edge.b])
            for edge in sorted(group.edges)
            if edge.a in nodes and edge.b in nodes
        )
    for customer, node in nodes.items():
        if node.kind != CASE:
            found = LinkSet(
                customer=node.customer,
                owner=members[0],
                members=members,
                nodes=tuple(nodes.values()) if links else (node,),
                links=links,
                blocked=words.blocked_by(customer) is not None,
            )
            yield customer, found


def review_of(words: Words, refused: Refused) -> Review:
    """What somebody is to look at."""
    a, b = words.nodes.node(refused.edge.a), words.nodes.node(refused.edge.b)
    return Review(id=refused.name, refusal=refused.refusal, a=a, b=b, link=_link(refused.edge, a, b))


def _link(edge: Edge, a: Node, b: Node) -> Link:
    said = edge.said
    return Link(
        a=a.customer,
        b=b.customer,
        authority=AUTHORITIES[edge.rank],
        at=from_ms(said.at),
        by=said.by,
        reason=said.reason,
    )
