"""Notifications and statuses as Mastodon's streaming API says them: the format `mastodon-stream`.

Facts: mastodon/documentation, "Streaming", "Notification", "Status", "Conversation".

A record is the JSON of one event; the headers say the rest: `mastodon-event` its name, `mastodon-account` our own
account as user@domain, and `mastodon-thread`, where the connector has fetched it, the id of the status at the root of
the thread. Notifications that were fetched are events of the name `notification`, statuses are `update`.

A direct message belongs to the one contact that its customer has with our account, as on other networks: so a
notification and a conversation tell the same of it. Any other status belongs to its thread. The root of a thread is not
known without its context: without `mastodon-thread` it is the status that is replied to, else the status itself, so
that a customer's third message is another contact. It stays so: what a status says of its thread is no more than the
status before it, and contact.merged along that chain would need each link of it, others' as well. A reply to us that
the home timeline tells has a notification, too: without `mastodon-thread` only the notification counts, for it would
be in two contacts else. Deletions say no more than an id, and are ignored.
"""

import html
import re
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import answered, begun, decoded
from schemas.events import AnyEvent, Channel, MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms, to_ms

EVENT = "mastodon-event"
ACCOUNT = "mastodon-account"
THREAD = "mastodon-thread"

_LATEST_MS = 253_402_300_799_999
_FOR_US = frozenset({"mention", "quote"})
_OTHER_NOTIFICATIONS = frozenset(
    {
        "status",
        "reblog",
        "follow",
        "follow_request",
        "favourite",
        "poll",
        "quoted_update",
        "added_to_collection",
        "collection_update",
        "admin.sign_up",
        "admin.report",
        "severed_relationships",
        "moderation_warning",
        "annual_report",
    }
)
_HOUSEKEEPING = frozenset(
    {
        "filters_changed",
        "announcement",
        "announcement.reaction",
        "announcement.delete",
        "notifications_merged",
        "encrypted_message",
    }
)
_BREAK = re.compile(r"<br\s*/?>|</p>\s*<p>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")

Id = str | int | None


class Account(msgspec.Struct, gc=False):
    """Somebody. `acct`: user@domain, or user alone on our own instance."""

    acct: str | None = None
    bot: bool | None = None


class _Status(msgspec.Struct):
    id: Id = None
    created_at: str | None = None
    edited_at: str | None = None
    in_reply_to_id: Id = None
    visibility: str | None = None
    content: str | None = None
    language: str | None = None
    account: Account | None = None
    mentions: list[Account] | None = None
    reblog: msgspec.Raw = msgspec.Raw(b"null")


class _Notification(msgspec.Struct):
    type: str
    account: Account | None = None
    status: _Status | None = None


class _Conversation(msgspec.Struct):
    last_status: _Status | None = None


_status = msgspec.json.Decoder(_Status)
_notification = msgspec.json.Decoder(_Notification)
_conversation = msgspec.json.Decoder(_Conversation)


class _Ours(NamedTuple):
    """Our account as user@domain, and the domain."""

    account: str
    domain: str

    def full(self, account: Account | None) -> str | None:
        """user@domain of somebody, in lower case; None where nobody is named."""
        acct = ((account.acct if account else None) or "").strip().lower().lstrip("@")
        return None if not acct else acct if "@" in acct else f"{acct}@{self.domain}"


class MastodonStream:
    """The format `mastodon-stream`."""

    name = "mastodon-stream"
    channel: Channel = "social"
    revision = 1
    content_type = b"application/json"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The conversation."""
        try:
            said = _said(_text(headers, EVENT), payload)
            if isinstance(said, Ignored):
                return None
            conversation = _place(said.status, said.author, _ours(_text(headers, ACCOUNT)), _text(headers, THREAD))
        except Malformed:
            return None
        return None if conversation is None else " ".join(conversation).encode()

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When the status was written, ms."""
        try:
            said = _said(_text(headers, EVENT), payload)
            return None if isinstance(said, Ignored) else instant(said.status.created_at, "created_at")
        except Malformed:
            return None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """social."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What an event says. Raises Malformed."""
        headers = context.headers
        return understood(_text(headers, EVENT), payload, _text(headers, ACCOUNT), _text(headers, THREAD), context)


def understood(event: str, payload: bytes | msgspec.Raw, account: str, thread: str, context: Context) -> Parsed:
    """What an event of the stream says. `account`: ours, `thread`: id of its root, empty where it is not known. Raises
    Malformed."""
    said = _said(event, payload)
    if isinstance(said, Ignored):
        return said
    return _told(said, _ours(account), thread, context)


class _Said(NamedTuple):
    """A status, who wrote it, whether a notification tells it, and whether one says that it is for us."""

    status: _Status
    author: Account | None
    notified: bool = False
    for_us: bool = False


def _said(event: str, payload: bytes | msgspec.Raw) -> _Said | Ignored:
    if event in ("update", "status.update"):
        status: _Status = decoded(_status, payload)
        return _Said(status, status.account)
    if event == "notification":
        return _notified(decoded(_notification, payload))
    if event == "conversation":
        last = decoded(_conversation, payload).last_status
        return Ignored("empty_conversation") if last is None else _Said(last, last.account)
    if event == "delete":
        return Ignored("deleted")
    if not event:
        raise Malformed("unknown_type", f"header {EVENT} is missing: nobody can say what this is")
    return Ignored("housekeeping" if event in _HOUSEKEEPING else "unknown_event")


def _notified(notification: _Notification) -> _Said | Ignored:
    if notification.type not in _FOR_US and notification.type != "update":
        return Ignored("not_counted" if notification.type in _OTHER_NOTIFICATIONS else "unknown_event")
    status = notification.status
    if status is None:
        raise Malformed("schema", f"`$.status` is missing in a notification {notification.type}")
    return _Said(status, status.account or notification.account, notified=True, for_us=notification.type in _FOR_US)


def _told(said: _Said, ours: _Ours, thread: str, context: Context) -> Parsed:
    status = said.status
    author = ours.full(said.author)
    if author is None:
        raise Malformed("identity", "`account.acct` of the status is missing or empty: nobody wrote it")
    if bytes(status.reblog) != b"null":
        return Ignored("reblog")
    place = _place(status, said.author, ours, thread)
    if place is None:
        return Ignored("note_to_self")
    contact = contact_id(context.source, *place)
    automatic = bool(said.author and said.author.bot)
    if author == ours.account:
        return _sent(status, contact, ours, context, automatic=automatic)
    if not said.for_us and ours.account not in map(ours.full, status.mentions or ()):
        return Ignored("not_for_us")
    replies = status.visibility != "direct" and id_of(status.in_reply_to_id) is not None
    if replies and not thread and not said.notified:
        return Ignored("notified")
    return _received(status, contact, author, ours, context, automatic=automatic)


def _sent(status: _Status, contact: str, ours: _Ours, context: Context, *, automatic: bool) -> Parsed:
    if status.visibility != "direct":
        if id_of(status.in_reply_to_id) is None:
            return Ignored("own_post")
        if not any(name != ours.account for name in map(ours.full, status.mentions or ())):
            return Ignored("own_thread")
    common = _common(status, contact, ours, context)
    posted = MessagePosted(author="bot" if automatic else "agent", **common)
    if automatic:
        return Events((posted,))
    time = instant(status.created_at, "created_at")
    return Events((posted, answered(context.source, contact, "social", time, queue=ours.account, agent=None)))


def _received(status: _Status, contact: str, author: str, ours: _Ours, context: Context, *, automatic: bool) -> Parsed:
    identifiers = (f"mastodon:{author}",)
    common = _common(status, contact, ours, context)
    posted = MessagePosted(author="bot" if automatic else "customer", identifiers=identifiers, **common)
    if automatic:
        return Events((posted,))
    first: tuple[AnyEvent, ...] = begun(
        context.source,
        contact,
        "social",
        instant(status.created_at, "created_at"),
        queue=ours.account,
        identifiers=identifiers,
        language=status.language or None,
    )
    return Events((*first, posted))


def _common(status: _Status, contact: str, ours: _Ours, context: Context) -> dict[str, Any]:
    """What every message.posted has. An edit is the same message with a higher revision."""
    before = id_of(status.in_reply_to_id)
    return {
        "id": _posted_id(context.source, ours, _needed(status.id)),
        "time": from_ms(instant(status.created_at, "created_at")),
        "channel": "social",
        "source": context.source,
        "contact": contact,
        "queue": ours.account,
        "revision": MastodonStream.revision if status.edited_at is None else instant(status.edited_at, "edited_at"),
        "length": None if status.content is None else len(plain(status.content)),
        "in_reply_to": None if before is None else _posted_id(context.source, ours, before),
    }


def _place(status: _Status, author: Account | None, ours: _Ours, thread: str) -> tuple[str, ...] | None:
    """What a status belongs to; None for a direct message to nobody."""
    if status.visibility == "direct":
        writer = ours.full(author)
        if writer != ours.account:
            return None if writer is None else ("mastodon", "direct", ours.account, writer)
        others = [name for name in map(ours.full, status.mentions or ()) if name not in (None, ours.account)]
        return ("mastodon", "direct", ours.account, others[0] or "") if others else None
    root = thread or id_of(status.in_reply_to_id) or _needed(status.id)
    return "mastodon", "thread", ours.domain, root


def plain(content: str) -> str:
    """The text of a status, without its HTML.

    >>> plain('<p>Where is <a href="#">my</a> parcel?</p><p>A &amp; B</p>')
    'Where is my parcel?\\nA & B'
    """
    text = _TAG.sub("", _BREAK.sub("\n", content))
    try:
        return html.unescape(text)
    except ValueError:
        # Of a number with thousands of digits no character can be made.
        return text


def _ours(account: str) -> _Ours:
    """Raises Malformed: identity, where it is not user@domain."""
    name = account.strip().lower().lstrip("@")
    user, _, domain = name.partition("@")
    if not user or not domain:
        raise Malformed("identity", f"our account is {shown(account)}: expected user@domain in header {ACCOUNT}")
    return _Ours(name, domain)


def _posted_id(source: str, ours: _Ours, status: str) -> str:
    return event_id(source, ours.domain, status, "posted")


def id_of(value: Id) -> str | None:
    """An id as text; None where there is none."""
    return None if value is None or value == "" else str(value)


def _needed(value: Id) -> str:
    name = id_of(value)
    if name is None:
        raise Malformed("identity", "`id` of the status is missing or empty")
    return name


def instant(value: str | None, name: str) -> int:
    """An instant of Mastodon's, ISO 8601, in ms. Raises Malformed: time."""
    try:
        ms = to_ms(datetime.fromisoformat(value or ""))
    except (ValueError, TypeError):
        ms = 0
    if not 0 < ms <= _LATEST_MS:
        raise Malformed("time", f"`{name}` is {shown(value or '')}: expected ISO 8601 with a zone")
    return ms


def _text(headers: Headers, name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")
