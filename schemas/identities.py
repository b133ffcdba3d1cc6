"""Who is who: statements on identifiers (customers.links) and the link sets that follow (customers.identities).

No identifier stands here itself: a node is the customer id of one (schemas.ids.customer_id), its kind and a hint by
which people recognise it. Instants are ms since the epoch.
"""

from typing import Literal

import msgspec

from schemas.instants import Instant

Authority = Literal["person", "crm", "provider"]
"""Who says so, the strongest first: a person's word stands against any number of automatic ones."""

StatementKind = Literal["linked", "unlinked", "blocked", "unblocked"]

Refusal = Literal["blocked", "kept_apart", "two_crm_ids", "too_many"]
"""Why a link does not hold: one of its identifiers is blocked (a family's or front desk's phone), a person has parted
them, both sides have an id of their own in the CRM, or the set would have more identifiers than one customer has."""

LINKS_KEY = b"links"


class Node(msgspec.Struct, frozen=True, gc=False):
    """One identifier. `kind`: its scheme ('mailto', 'tel', 'crm', 'case', 'slack'). `hint`: what may be shown of it
    ('a***@shop.example', '*****4711'). A case (a ticket's number) ties others together and is no identifier itself."""

    customer: str
    kind: str
    hint: str


class Statement(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Somebody says that identifiers are one customer's, or are not.

    linked: the first node is each of the others. unlinked: of two or more nodes, the first is none of the others; of
    one, it is nobody else. blocked, unblocked: each node is (not) to be linked with anything. Of what one authority
    says of a pair, the latest by (`at`, `id`) holds, whatever came first. `by`: who said it ('cli', the name of a key,
    a source). `id`: the same for the same statement, however often it is made.
    """

    id: str
    kind: StatementKind
    nodes: tuple[Node, ...]
    authority: Authority
    at: Instant
    by: str | None = None
    reason: str | None = None


class Link(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """A link that holds between two identifiers, and who made it."""

    a: str
    b: str
    authority: Authority
    at: Instant
    by: str | None = None
    reason: str | None = None


class LinkSet(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag_field="record", tag="set"):
    """Record of customers.identities by a node's customer id: the set it belongs to. `owner`: the smallest id of the
    set, under which its profile stands. `members`: ascending, cases left out; one alone is linked with nobody (any
    more). `nodes`, `links`: of the whole set."""

    customer: str
    owner: str
    members: tuple[str, ...]
    nodes: tuple[Node, ...] = ()
    links: tuple[Link, ...] = ()
    blocked: bool = False


class Review(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True, tag_field="record", tag="review"):
    """Record of customers.identities by `review:` and its id: a link that was said and does not hold, for somebody to
    look at. A tombstone follows when it is settled: the link holds, was taken back, or a person said what is so."""

    id: str
    refusal: Refusal
    a: Node
    b: Node
    link: Link


AnyIdentity = LinkSet | Review

encode = msgspec.json.Encoder().encode
decode_statement = msgspec.json.Decoder(Statement).decode
decode_identity = msgspec.json.Decoder(AnyIdentity).decode
