"""Identifiers of customers: how they are written, read from what people type, and shown without telling who it is."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from unicodedata import normalize

from schemas.identities import Authority, Node, Statement, StatementKind
from schemas.ids import statement_id
from schemas.instants import Instant, from_ms, to_ms

CASE = "case"
"""Kind of the node that stands for a case (a ticket's number)."""

MAIL, PHONE = "mailto", "tel"
OTHER = "other"
"""Kind of an identifier that says none: as a source has it, it may be a name or an address."""

LONGEST = 254
"""Characters of an identifier at most; so long is an address that can be delivered to (RFC 5321)."""

_ADDRESS = re.compile(r"[^@\s<>,;:()\"\[\]\\]+@[^@\s<>,;:()\"\[\]\\]+")
_LONGEST_LABEL = 63
_KIND = re.compile(r"[a-z][a-z0-9.+-]*")
_LONGEST_NUMBER = 64
_LONGEST_KIND = 32
_DIALLED = frozenset("+0123456789 ()-./")
_SHOWN_DIGITS = 4
_SHOWN_END = 2
_SHARED = {MAIL: 1, PHONE: 2, CASE: 3}


def mail_identifier(address: str) -> str | None:
    """`mailto:` and the address in lower case, or None where it is no plain address: a wrong one would merge strangers.

    Domains do not tell cases apart, and hardly a mailbox does. A domain in letters beyond ASCII is written as the
    domain name system has it, and a mailbox with its accents composed: each has several spellings.

    >>> mail_identifier(" Ana@Kunde.example ")
    'mailto:ana@kunde.example'
    >>> mail_identifier("ana@müller.example")
    'mailto:ana@xn--mller-kva.example'
    >>> mail_identifier("Ana Kunde") is None
    True
    """
    address = address.strip().lower().removesuffix(".")
    if len(address) <= LONGEST and not address.isascii():
        mailbox, at, domain = normalize("NFC", address).rpartition("@")
        address = mailbox + at + _in_ascii(domain)
    if len(address) > LONGEST or not address.isprintable() or not _ADDRESS.fullmatch(address):
        return None
    return f"{MAIL}:{address}"


def _in_ascii(domain: str) -> str:
    """A domain, of which each label with letters beyond ASCII is in Punycode (RFC 3492), unless it is too long."""
    # The ideographic full stop stands between labels, too (RFC 3490, 3.1).
    labels = normalize("NFKC", domain).lower().replace("\u3002", ".").split(".")
    return ".".join(map(_label_in_ascii, labels))


def _label_in_ascii(label: str) -> str:
    # Python's Punycode takes the square of a label's length.
    if label.isascii() or len(label) > _LONGEST_LABEL or not label.isprintable():
        return label
    return "xn--" + label.encode("punycode").decode()


def phone_identifier(number: str, region: str | None) -> str | None:
    """`tel:+E164` of a caller's number as the trunk sent it, or None where it names nobody.

    A withheld number (`anonymous`, `Restricted`, nothing), an address (`sip:`, `client:`), an internal extension and
    what is not a valid number are no identifiers: a wrong one would merge strangers. Without a region only numbers
    that begin with + can be told.

    >>> phone_identifier("030 901820", "DE")
    'tel:+4930901820'
    >>> phone_identifier("201", "DE") is None
    True
    """
    return _number(number, region) if len(number) <= _LONGEST_NUMBER else None


@lru_cache(maxsize=65_536)
def _number(number: str, region: str | None) -> str | None:
    import phonenumbers  # its metadata takes a while to load, and not everybody reads numbers

    # The library digs numbers out of any text, out of the host of an address too.
    if not _DIALLED.issuperset(number):
        return None
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return f"{PHONE}:" + phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def typed_identifier(text: str, region: str | None = None) -> str:
    """The identifier that somebody typed, as intake writes it: an address, a number, `mailto:`, `tel:`, or KIND:ID.

    `region`: whose numbers lack a country code. Raises ValueError, which says what is wrong and never quotes it.

    >>> typed_identifier("+49 30 901820")
    'tel:+4930901820'
    >>> typed_identifier("crm:42")
    'crm:42'
    """
    text = text.strip()
    kind, colon, rest = text.partition(":")
    kind = kind.strip().lower()
    if not colon:
        kind, rest = (MAIL if "@" in text else PHONE), text
    if kind == MAIL:
        return _required(mail_identifier(rest), "no e-mail address: give one such as ana@shop.example")
    if kind == PHONE:
        hint = "" if region else ", or say the country of numbers without +"
        return _required(
            phone_identifier(rest.strip(), region), f"no phone number that exists: begin with + and the country{hint}"
        )
    return other_identifier(kind, rest)


def other_identifier(kind: str, name: str) -> str:
    """KIND:ID of a tool's own name for somebody, or of a case. Raises ValueError."""
    name = name.strip()
    if not _KIND.fullmatch(kind):
        raise ValueError("no kind before the colon: give KIND:ID such as crm:42, an e-mail address or a phone number")
    if not name or len(name) > LONGEST or not name.isprintable():
        raise ValueError(f"no id behind {kind}: - it has 1 to {LONGEST} characters, and no line breaks")
    return f"{kind}:{name}"


def _required(identifier: str | None, otherwise: str) -> str:
    if identifier is None:
        raise ValueError(otherwise)
    return identifier


def kind_of(identifier: str) -> str:
    """The kind of an identifier: what stands before its first colon, `other` where that is no kind's name.

    >>> kind_of("tel:+4930901820"), kind_of("ana@shop.example"), kind_of("Ana Kunde: 1")
    ('tel', 'other', 'other')
    """
    kind, colon, _ = identifier.partition(":")
    return kind if colon and len(kind) <= _LONGEST_KIND and _KIND.fullmatch(kind) else OTHER


def hint_of(identifier: str) -> str:
    """What may be shown of an identifier: enough to recognise it, never enough to know who it is.

    >>> hint_of("mailto:ana@shop.example"), hint_of("tel:+4930904711"), hint_of("crm:100042"), hint_of("slack:T1:U2")
    ('a***@shop.example', '*****4711', 'crm:***42', 'slack:…')
    """
    kind, rest = kind_of(identifier), identifier.partition(":")[2]
    if kind == OTHER:
        return "…"
    if kind == MAIL:
        mailbox, at, domain = rest.rpartition("@")
        known = at and len(domain) <= LONGEST and rest.isprintable()
        return f"{mailbox[:1]}***@{domain}" if known else f"{kind}:…"
    if kind == PHONE:
        shown = len(rest) > 2 * _SHOWN_DIGITS and rest.removeprefix("+").isdigit()
        return "*****" + (rest[-_SHOWN_DIGITS:] if shown else "")
    if rest.isdigit():
        return f"{kind}:***" + (rest[-_SHOWN_END:] if len(rest) > 2 * _SHOWN_END else "")
    return f"{kind}:…"


def node_of(ids: Callable[[str], str], identifier: str) -> Node:
    """The node of an identifier. `ids`: schemas.ids.customer_ids of the installation."""
    return Node(ids(identifier), kind_of(identifier), hint_of(identifier))


def nodes_of(ids: Callable[[str], str], identifiers: Iterable[str]) -> list[Node]:
    """The nodes of identifiers, each once, what people share least first: the others are linked with that one, also
    where one of them is blocked. The same whatever the order of the identifiers."""
    named = {node.customer: node for node in (node_of(ids, each) for each in identifiers)}
    return sorted(named.values(), key=lambda node: (_SHARED.get(node.kind, 0), node.customer))


def statement(
    kind: StatementKind,
    nodes: Sequence[Node],
    authority: Authority,
    at: Instant,
    *,
    by: str | None = None,
    reason: str | None = None,
    id_: str | None = None,
) -> Statement:
    """A statement of that instant (whole ms). `id_` None: the same for the same statement."""
    ms = to_ms(at)
    if id_ is None:
        id_ = statement_id(kind, [node.customer for node in nodes], authority, by, ms)
    return Statement(id=id_, kind=kind, nodes=tuple(nodes), authority=authority, at=from_ms(ms), by=by, reason=reason)
