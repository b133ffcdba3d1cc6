"""What a mail says, whoever delivers it: who wrote it, in which thread, when, and whether a person did.

Sources: RFC 5322 (fields), RFC 2047 (encoded words), RFC 3834 (Auto-Submitted), RFC 3464, 8098 and 5965 (reports),
RFC 7578 (multipart/form-data, in which providers post mails).

A thread is one contact: it is named by the first id of References, else In-Reply-To, else by the mail's own Message-ID,
else by a digest of the mail. Nothing of a mail's head is refused; only what is no mail at all is Malformed.
"""

import codecs
import re
from base64 import b64encode
from binascii import a2b_qp
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.webhook import Webhook, answered, begun, created
from schemas.events import AnyEvent, Channel, MessagePosted
from schemas.identifiers import mail_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms, to_ms
from schemas.topics import MIB
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same

REVISION = 1
"""Version of this reading of mails: the revision of the messages."""

ADDRESSES = "addresses"
"""Setting of a source: our own addresses, separated by commas; `@shop.example` stands for all of a domain. A mail from
one of them is an agent's, unless it came through a form on a web page: to us alone, to be answered to someone else."""

QUEUE = "queue"
"""Setting of a source of whole mails: the queue of all of them."""

Fields = Sequence[tuple[str, str]]
"""A mail's header fields: names in any case, values decoded or not, in the order of the mail."""

# What the standard library's parser raises for mails that are broken in ways it does not know.
_BROKEN = (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)

LONGEST_HEAD = 256 * 1024
"""Bytes of a mail's header that are read: a mail may be all header."""

LONGEST_TEXT = MIB
"""Bytes of a text that are read, as it is encoded: some charsets take a second for each ten MB of it."""

_LONGEST_FIELD = 4_000
# The standard library takes the product of both to read the parameters of a field.
_LONGEST_PARAMETERS = 1_000
_MOST_PARAMETERS = 50
_LONGEST_DATE = 200
_LONGEST_ID = 998
_OLDEST_MS = 946_684_800_000  # 2000-01-01: earlier dates are clocks that were never set.
_MOST_FIELDS = 1_000
_MOST_PARTS = 1_000
_AT_A_TIME = 64 * 1024
_DEEPEST = 20
_CONTENT_FIELDS = frozenset({"content-type", "content-disposition", "content-transfer-encoding"})
# No charsets of mails, though they make text of bytes; some take the square of the text's length.
_NO_CHARSETS = frozenset({"punycode", "idna", "utf-7", "unicode-escape", "raw-unicode-escape"})

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)')
_IN_ANGLES = re.compile(r"<\s*([^<>\s@]+@[^<>\s@]+)\s*>")
# Looked for at the beginning of words only: from each character on, it would take the square of a word's length.
_BARE = re.compile(r"(?<![^\s<>()\[\]\\:\"@])[^\s<>()\[\]\\:\"@]+@[^\s<>()\[\]\\:\"@]+")
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
# The space before the colon is obsolete, and legal in what is read.
_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:[ \t]*(.*(?:\n[ \t].*)*+)", re.MULTILINE)
_ID = re.compile(r"<([^<>]+)>")
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*+\)")
_REPORT = re.compile(r'report-type\s*=\s*(?:"\s*)?([a-z-]+)')
_DAEMON = re.compile(r"(?:^|[<\s])(?:mailer-daemon|postmaster)(?:@|>|\s*$)", re.IGNORECASE)

_REPORTS = {"delivery-status": "bounce", "disposition-notification": "read_receipt", "feedback-report": "abuse_report"}
_OLD_SIGNS = ("x-auto-response-suppress", "x-autoreply", "x-autorespond")
_PRECEDENCES = {"auto_reply": "auto_reply", "bulk": "bulk", "junk": "bulk", "list": "bulk"}


class Mail(NamedTuple):
    """What was read out of one mail.

    `id`, `root`, `parent`: Message-IDs without brackets of the mail, of its thread and of what it replies to. `sender`,
    `recipients`, `reply_to`: addresses in lower case. `time`: when a server got it, else when its sender says that it
    was written, ms. `machine`: why no person wrote it, a word. `length`: characters of its text.
    """

    id: str
    root: str
    parent: str | None
    sender: str | None
    recipients: tuple[str, ...]
    delivered_to: tuple[str, ...]
    received: int | None
    date: int | None
    machine: str | None
    length: int | None
    reply_to: tuple[str, ...] = ()


class Head:
    """Header fields by name, the topmost of each first."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in fields:
            self._values.setdefault(name.strip().lower(), []).append(_readable(value))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def first(self, name: str) -> str:
        """The topmost field of this name (lower case), or nothing."""
        return self._values.get(name, ("",))[0].strip()

    def joined(self, *names: str) -> str:
        """All fields of these names as one list of addresses."""
        return ", ".join(value for name in names for value in self._values.get(name, ()))


class Ours:
    """Our own addresses, as the setting `addresses` lists them. Parts after a plus are not compared."""

    def __init__(self, setting: str) -> None:
        self._known = frozenset(queue_of(each.strip().lower()) for each in setting.split(",") if each.strip())

    def __contains__(self, address: object) -> bool:
        if not isinstance(address, str):
            return False
        return queue_of(address) in self._known or "@" + address.rpartition("@")[2] in self._known


class MailWebhook(Webhook):
    """What providers of mail webhooks have in common."""

    channel: Channel = "email"
    revision = REVISION
    setting_names: tuple[str, ...] = (ADDRESSES,)
    # A mail of 20 MB is a third larger on its way, and a record may have 32 MiB.
    largest = 30 * MIB


def addresses(value: str) -> tuple[str, ...]:
    """The addresses of a From, To or Cc field in lower case, each once; names and what is no address are left out.

    >>> addresses('"Kunde, Ana" <Ana@Kunde.example>, bo@kunde.example')
    ('ana@kunde.example', 'bo@kunde.example')
    """
    value = value[:_LONGEST_FIELD]
    found = _addresses(value)
    # Some mailers encode the whole field, address and all.
    return found or (_addresses(_decoded_words(value)) if "=?" in value else ())


def queue_of(address: str) -> str:
    """An address as the name of a queue: without what follows a plus.

    >>> queue_of("support+t4711@shop.example")
    'support@shop.example'
    """
    local, at, domain = address.rpartition("@")
    return local.partition("+")[0] + at + domain


def instant(value: str) -> int | None:
    """A Date field in ms since the epoch, UTC where it has no zone; None where it is no date since the year 2000."""
    value = value.strip()[:_LONGEST_DATE]
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            time = read(value)
            at = to_ms(time if time.tzinfo is not None else time.replace(tzinfo=UTC))
        except (*_BROKEN, OverflowError):
            continue
        return at if at >= _OLDEST_MS else None
    return None


def text_length(text: str | None) -> int | None:
    """Characters of a text: a line end counts as one, space at the ends as none."""
    return None if text is None else len(text.replace("\r\n", "\n").strip())


def decoded_text(raw: bytes, charset: str | None) -> str:
    """The first LONGEST_TEXT bytes of a text in the charset that it claims to be in, as far as that can be: else in
    UTF-8, with replacements."""
    charset, raw = charset or "utf-8", raw[:LONGEST_TEXT]
    try:
        refused = codecs.lookup(charset).name in _NO_CHARSETS
        return _whole(raw.decode("utf-8" if refused else charset, "replace"))
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def fields_of(raw: bytes) -> Fields:
    """The header fields at the beginning of a mail, or of its header alone. Lines that are no fields are left out."""
    head, _ = _split(raw, _beginning(raw), len(raw))
    return _fields_in(head)


def read_fields(fields: Fields, *, otherwise: str, length: int | None) -> Mail:
    """What a mail's header fields say. `otherwise`: its id where it has no Message-ID; `length`: of its text."""
    head = Head(fields)
    own = _first_id(head.first("message-id")) or otherwise
    replied = _first_id(head.first("in-reply-to"))
    senders = addresses(head.first("from"))
    return Mail(
        id=own,
        root=_first_id(head.first("references")) or replied or own,
        parent=replied or _last_id(head.first("references")),
        sender=senders[0] if senders else None,
        recipients=addresses(head.joined("to", "cc")),
        delivered_to=addresses(head.first("delivered-to")),
        received=instant(head.first("received").rpartition(";")[2]),
        date=instant(head.first("date")),
        machine=_machine(head),
        length=length,
        reply_to=addresses(head.first("reply-to")),
    )


def read_message(raw: bytes, extra: Fields = (), *, envelope: Fields = (), text: bool = True) -> Mail:
    """What a whole RFC 5322 message says. `extra`: fields that hold where it has none of its own; `envelope`: those
    that hold before its own; `text`: whether its text is read too. Raises Malformed where it has no field that a mail
    has."""
    fields = [*envelope, *fields_of(raw), *extra]
    if not {"from", "date", "message-id", "received"}.intersection(name.lower() for name, _ in fields):
        raise Malformed("schema", "no mail: none of the fields From, Date, Message-ID and Received is in its header")
    length = text_length(_text_of(raw)) if text else None
    return read_fields(fields, otherwise=digest([("", raw)]), length=length)


def digest(parts: Iterable[tuple[str, bytes]]) -> str:
    """Id of a mail without a Message-ID: of its parts by name, in whatever order."""
    sha = sha256()
    for name, value in sorted(parts):
        sha.update(b"%d:%b%d:" % (len(name.encode()), name.encode(), len(value)))
        sha.update(value)
    return sha.hexdigest()


def mail_events(
    mail: Mail,
    context: Context,
    *,
    recipient: str | None = None,
    stamp: int | None = None,
    mailbox: str | None = None,
) -> Parsed:
    """The events of one mail. `recipient`: to whom the provider delivered it; `stamp`: when the provider had it, ms,
    which counts where no Received field says it; `mailbox`: in which it lies, its queue where it came to none of our
    addresses."""
    if mail.machine is not None:
        return Ignored(mail.machine)
    time = min(mail.received or stamp or mail.date or context.read_at, context.read_at)
    ours = Ours(context.settings.get(ADDRESSES, ""))
    writer = _form_writer(mail, ours)
    if writer is not None:
        mail = mail._replace(sender=writer)
    elif mail.sender in ours:
        return _sent(mail, context, ours, time)
    queue = context.settings.get(QUEUE) or _queue(mail, ours, recipient, mailbox)
    contact = contact_id(context.source, mail.root)
    who = _identifiers(mail.sender)
    first = begun(context.source, contact, "email", time, queue=queue, identifiers=who)
    return Events((*first, _message(mail, context, time, "customer", queue, who)))


def check_basic(delivery: Delivery, secrets: Secrets) -> None:
    """Raises NotGenuine unless the request has the user and the password (HTTP Basic) of the source."""
    scheme, _, given = delivery.header("authorization").partition(" ")
    pairs = [f"{user}:{password}" for user in secrets["user"] for password in secrets["password"]]
    if scheme.lower() != "basic" or not any_same([b64encode(pair.encode()) for pair in pairs], given.strip()):
        raise NotGenuine("header authorization has another user or password than the source")


def form_fields(body: bytes, content_type: str, wanted: Mapping[str, int] | None = None) -> list[tuple[str, bytes]]:
    """The fields of a posted form in order, urlencoded or multipart, blank and repeated ones too. `wanted`: names of
    those that are read, and how many bytes of each; None: all of them, whole. Raises Malformed."""
    if is_multipart(content_type):
        fields = [_form_field(part) for part in form_parts(body, content_type)]
        return fields if wanted is None else [(name, text[: wanted[name]]) for name, text in fields if name in wanted]
    pieces = body.split(b"&", _MOST_FIELDS)
    if len(pieces) > _MOST_FIELDS:
        raise Malformed("syntax", f"no form: Max number of fields exceeded ({_MOST_FIELDS})")
    pairs = [piece.partition(b"=") for piece in pieces if piece]
    found = [(_unquoted(name).decode(), text) for name, _, text in pairs]
    if wanted is None:
        return [(name, _unquoted(text)) for name, text in found]
    # An escape has three bytes.
    return [(name, _unquoted(text[: 3 * wanted[name]])[: wanted[name]]) for name, text in found if name in wanted]


def is_multipart(content_type: str) -> bool:
    """Whether a form is posted in parts."""
    return content_type.lower().lstrip().startswith("multipart/")


def form_parts(body: bytes, content_type: str) -> list[bytes]:
    """The parts of a form that is posted in parts, each with its head. Raises Malformed."""
    boundary = _parameter("content-type", content_type, "boundary")
    if not boundary:
        raise Malformed("syntax", "no form: content-type is multipart and names no boundary")
    delimiter = b"\r\n--" + boundary.encode("utf-8", "replace")
    parts = (b"\r\n" + body).split(delimiter, _MOST_FIELDS)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise Malformed("syntax", f"no whole form: it does not end with its boundary, after {len(body)} bytes")
    return [part.lstrip(b" \t").removeprefix(b"\r\n") for part in parts[1:-1]]


def _unquoted(text: bytes) -> bytes:
    """A name or a value of a urlencoded form, in UTF-8: what is none, is replaced."""
    parts, at = [], 0
    while at < len(text):
        end = at + _AT_A_TIME
        # No escape is cut in two.
        cut = text.rfind(b"%", end - 2, end) if end < len(text) else -1
        end = end if cut < 0 else cut
        # Quoted-printable has the same escapes by another sign. unquote_to_bytes takes 90 times the memory.
        piece = _NO_ESCAPE.sub(b"%25", text[at:end]).replace(b"+", b" ").replace(b"=", b"=3D")
        parts.append(a2b_qp(piece.replace(b"%", b"=")))
        at = end
    whole = b"".join(parts)
    return whole if whole.isascii() else whole.decode("utf-8", "replace").encode()


def _form_field(part: bytes) -> tuple[str, bytes]:
    head, _, value = part.partition(b"\r\n\r\n")
    says = Head(fields_of(head[:_LONGEST_FIELD] + b"\r\n\r\n")).first("content-disposition")
    return _parameter("content-disposition", says, "name") or "", value


def _parameter(field: str, value: str, name: str) -> str | None:
    message = Message()
    try:
        message[field] = _cut(value)
        found = message.get_param(name, header=field)
    except _BROKEN:
        return None
    return found if isinstance(found, str) else None


def _cut(value: str) -> str:
    """A field with parameters, as far as they are read."""
    return ";".join(value[:_LONGEST_PARAMETERS].split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS])


def _form_writer(mail: Mail, ours: Ours) -> str | None:
    """Who wrote a mail that a form on a web page sent: from us, to us alone, to be answered to someone else."""
    if mail.sender not in ours or not mail.recipients or any(each not in ours for each in mail.recipients):
        return None
    return next((each for each in mail.reply_to if each not in ours), None)


def _sent(mail: Mail, context: Context, ours: Ours, time: int) -> Parsed:
    """A mail of ours: it begins an outbound contact, or replies in one."""
    customers = [each for each in mail.recipients if each not in ours]
    if not customers:
        return Ignored("own_mail")
    contact = contact_id(context.source, mail.root)
    # Several recipients are several people: none of them is the customer for certain.
    who = _identifiers(customers[0]) if len(customers) == 1 else ()
    first: AnyEvent
    if mail.root == mail.id:
        first = created(context.source, contact, "email", time, queue=None, identifiers=who, direction="outbound")
    else:
        first = answered(context.source, contact, "email", time, queue=None, agent=mail.sender)
    return Events((first, _message(mail, context, time, "agent", None, who)))


def _identifiers(address: str | None) -> tuple[str, ...]:
    found = mail_identifier(address or "")
    return () if found is None else (found,)


def _message(
    mail: Mail,
    context: Context,
    time: int,
    author: Literal["customer", "agent"],
    queue: str | None,
    identifiers: tuple[str, ...],
) -> MessagePosted:
    source = context.source
    return MessagePosted(
        id=event_id(source, mail.id, "message"),
        time=from_ms(time),
        channel="email",
        source=source,
        contact=contact_id(source, mail.root),
        revision=REVISION,
        queue=queue,
        agent=mail.sender if author == "agent" else None,
        identifiers=identifiers,
        author=author,
        length=mail.length,
        in_reply_to=event_id(source, mail.parent, "message") if mail.parent is not None else None,
    )


def _queue(mail: Mail, ours: Ours, recipient: str | None, mailbox: str | None) -> str | None:
    """The address it came to, else its mailbox. An address of the provider's, to which ours forwards, is the last
    choice."""
    named = [*(addresses(recipient or "") or mail.delivered_to), *mail.recipients]
    chosen = next((each for each in named if each in ours), None)
    if chosen is None and (mailbox or not named):
        return mailbox or None
    return queue_of(chosen or named[0])


def _machine(head: Head) -> str | None:
    """Why no person wrote it; the signs in the order of their weight."""
    kind = head.first("content-type")[:_LONGEST_FIELD].lower()
    report = _REPORT.search(kind) if kind.startswith("multipart/report") else None
    if report is not None and report[1] in _REPORTS:
        return _REPORTS[report[1]]
    submitted = _without_comments(head.first("auto-submitted")).partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return "auto_reply"
    precedence = _PRECEDENCES.get(head.first("precedence").lower())
    if precedence == "auto_reply" or any(sign in head for sign in _OLD_SIGNS):
        return "auto_reply"
    if precedence is not None or "list-id" in head or "list-unsubscribe" in head:
        return precedence or "bulk"
    if "return-path" in head and head.first("return-path") in ("", "<>"):
        return "bounce"
    return "bounce" if _DAEMON.search(head.first("from")[:_LONGEST_FIELD]) else None


def _without_comments(value: str) -> str:
    """A field without what stands in brackets, which may nest."""
    value = value[:_LONGEST_PARAMETERS]
    while (shorter := _COMMENT.sub(" ", value)) != value:
        value = shorter
    return value


def _readable(value: str) -> str:
    """A field's value without what can't be encoded: raw bytes that are no UTF-8."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not value.isascii() else value


def _whole(text: str) -> str:
    """A text without the halves of characters that some charsets let through: no id can be made of them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _decoded_words(value: str) -> str:
    try:
        return _whole(str(make_header(decode_header(value))))
    except _BROKEN:
        return value


def _addresses(value: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for piece in re.split("[,;]", _QUOTED.sub(" ", value)):
        match = _IN_ANGLES.search(piece)
        address = match[1] if match is not None else (_BARE.findall(piece) or [""])[0]
        local, _, domain = address.lower().rstrip(".").rpartition("@")
        if local and domain:
            found[f"{local}@{domain}"] = None
    return tuple(found)


def _ids(value: str) -> list[str]:
    found = ["".join(each.split())[:_LONGEST_ID] for each in _ID.findall(value)]
    words = value.split()
    return [each for each in found if each] or ([words[0][:_LONGEST_ID]] if len(words) == 1 and "@" in value else [])


def _first_id(value: str) -> str | None:
    return next(iter(_ids(value)), None)


def _last_id(value: str) -> str | None:
    return next(reversed(_ids(value)), None)


def _text_of(raw: bytes) -> str | None:
    """The first plain text of a mail or of one of its parts; None: it has none, or is too broken."""
    return _first_text(raw, _beginning(raw), len(raw), 0, iter(range(_MOST_PARTS)))


def _first_text(raw: bytes, start: int, end: int, depth: int, budget: Iterator[int]) -> str | None:
    """That of a part between two places of a mail: no level has a copy. `budget`: as many more parts are read, of the
    whole mail."""
    head, body = _split(raw, start, end)
    try:
        part = _about_content(head[:_LONGEST_FIELD] if depth else head)
        if part.get_content_maintype() == "multipart":
            parts = _parts(raw, body, end, part.get_boundary() or "") if depth < _DEEPEST else iter(())
            read = (_first_text(raw, *each, depth + 1, budget) for each, _ in zip(parts, budget, strict=False))
            return next((text for text in read if text is not None), None)
        if part.get_content_type() != "text/plain" or part.get_content_disposition() == "attachment":
            return None
        # Uuencoded text grows 27-fold.
        if "uu" in str(part.get("content-transfer-encoding")).lower():
            return None
        part.set_payload(raw[body : min(end, body + LONGEST_TEXT)].decode("ascii", "surrogateescape"))
        content = part.get_payload(decode=True)
        return decoded_text(content, part.get_content_charset()) if isinstance(content, bytes) else None
    except _BROKEN:
        return None


def _about_content(head: bytes) -> Message:
    """The fields of a mail or of a part that say how to read it."""
    part = Message()
    for name, value in _fields_in(head):
        if name.lower() in _CONTENT_FIELDS:
            part[name] = _cut(value)
    return part


def _fields_in(head: bytes) -> Fields:
    """The fields of a header, values with the folds that they have."""
    found = _FIELD.findall(_BARE_CR.sub(b"\n", head))
    return [(name.decode(), value.decode("ascii", "surrogateescape").rstrip("\r\n")) for name, value in found]


def _beginning(raw: bytes) -> int:
    """Where a mail's header begins: empty lines, or a mark of the order of bytes, may stand before it."""
    head = raw[:LONGEST_HEAD]
    return len(head) - len(head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n"))


def _split(raw: bytes, start: int, end: int) -> tuple[bytes, int]:
    """Header of a mail or of a part, and where its body begins; of a header without end, its beginning."""
    last = min(end, start + LONGEST_HEAD)
    # Before a part is a line end: its header may be empty.
    blank = _BLANK_LINE.search(raw, max(0, start - 1), last)
    return (raw[start:last], end) if blank is None else (raw[start : max(start, blank.start())], blank.end())


def _parts(raw: bytes, start: int, end: int, boundary: str) -> Iterator[tuple[int, int]]:
    """Where the parts of a body begin and end."""
    # Whole lines: one boundary may be the beginning of another.
    line = rb"\n--" + re.escape(boundary.encode("utf-8", "surrogateescape")) + rb"(--)?+[ \t]*+(?=(\r?\n|\Z))"
    begin = None
    # Before a body is a line end.
    for found in re.compile(line).finditer(raw, start - 1, end):
        if begin is not None:
            yield begin, max(begin, found.start() - raw.endswith(b"\r", begin, found.start()))
        if found[1]:
            return
        begin = found.end(2)
    if begin is not None:
        yield begin, end
