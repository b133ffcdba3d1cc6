"""Intercom's webhooks: conversations, tickets, ratings and teammates' availability.

A conversation is a contact, and so is a ticket; a ticket made of a conversation has its id. Queues are teams, and
`inbox` for what no team was given. Sources: Intercom's documentation, "Webhook topics", "Webhook notifications";
intercom/Intercom-OpenAPI.

The item's shape follows the API version of the app: `user`, `assignee` and `conversation_message` are the older names
of `contacts`, `admin_assignee_id` and `team_assignee_id`, and `source`.
"""

import hmac
import html
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import Webhook, answered, begun, created, decoded
from schemas.events import (
    AgentState,
    AgentStateChanged,
    AnyEvent,
    Channel,
    ContactCreated,
    ContactLeftQueue,
    ContactOffered,
    ContactStatusChanged,
    ContactTransferred,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.identifiers import mail_identifier, phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms, to_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Answer, Delivery, NotGenuine, Secrets, any_same

INBOX = "inbox"
"""Queue of what waits in no team's inbox."""

HIGHEST_RATING = 5
_LATEST_SECOND = 100_000_000_000
_LONGEST_SECONDS = 11
_TAG = re.compile(r"<[^<>]*>")
_CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})
_INTERNAL = frozenset({"back-office", "back_office", "tracker"})

_Id = str | int | None
_Time = int | float | str | None
_Author = Literal["customer", "agent", "bot", "system"]
_AUTHORS: dict[str, _Author] = {
    "user": "customer",
    "lead": "customer",
    "contact": "customer",
    "visitor": "customer",
    "admin": "agent",
    "bot": "bot",
    "operator": "bot",
}


class _Person(msgspec.Struct, gc=False):
    type: str | None = None
    id: _Id = None
    email: str | None = None
    phone: str | None = None


class _People(msgspec.Struct, gc=False):
    contacts: list[_Person] | None = None


class _Part(msgspec.Struct, gc=False):
    id: _Id = None
    part_type: str | None = None
    created_at: _Time = None
    body: str | None = None
    author: _Person | None = None
    assigned_to: _Person | None = None


class _Parts(msgspec.Struct, gc=False):
    conversation_parts: list[_Part] | None = None
    ticket_parts: list[_Part] | None = None


class _Source(msgspec.Struct, gc=False):
    body: str | None = None
    author: _Person | None = None


class _Rating(msgspec.Struct, gc=False):
    rating: int | float | str | None = None
    created_at: _Time = None
    teammate: _Person | None = None


class _Statistics(msgspec.Struct, gc=False):
    first_admin_reply_at: _Time = None


class _Item(msgspec.Struct, gc=False):
    """A conversation, or a ticket."""

    id: _Id = None
    created_at: _Time = None
    category: str | None = None
    priority: str | bool | None = None
    team_assignee_id: _Id = None
    assignee: _Person | None = None
    contacts: _People | None = None
    user: _Person | None = None
    source: _Source | None = None
    conversation_message: _Source | None = None
    conversation_parts: _Parts | None = None
    conversation_rating: _Rating | None = None
    statistics: _Statistics | None = None
    ticket: "_Item | None" = None
    ticket_part: _Part | None = None
    ticket_parts: _Parts | None = None


class _Admin(msgspec.Struct, gc=False):
    id: _Id = None
    away_mode_enabled: bool | None = None
    away_status_reason: str | None = None


class _Data(msgspec.Struct, gc=False):
    item: msgspec.Raw = msgspec.Raw(b"null")


class _Notification(msgspec.Struct, gc=False):
    topic: str | None = None
    app_id: _Id = None
    id: _Id = None
    created_at: _Time = None
    data: _Data | None = None


_notification = msgspec.json.Decoder(_Notification)
_item = msgspec.json.Decoder(_Item)
_admin = msgspec.json.Decoder(_Admin)

_What = Literal[
    "created",
    "approached",
    "message",
    "note",
    "assigned",
    "solved",
    "opened",
    "unsnoozed",
    "snoozed",
    "priority",
    "rated",
]
_TOPICS: dict[str, tuple[_What, ...]] = {
    "conversation.user.created": ("created",),
    "conversation.user.replied": ("message",),
    "conversation.admin.single.created": ("approached",),
    "conversation.admin.replied": ("message",),
    "conversation.operator.replied": ("message",),
    "conversation.admin.noted": ("note",),
    "conversation.admin.assigned": ("assigned",),
    "conversation.admin.open.assigned": ("opened", "assigned"),
    "conversation.admin.closed": ("solved",),
    "conversation.admin.opened": ("opened",),
    "conversation.admin.unsnoozed": ("unsnoozed",),
    "conversation.admin.snoozed": ("snoozed",),
    "conversation.priority.updated": ("priority",),
    "conversation.rating.added": ("rated",),
    "ticket.created": (),
    "ticket.contact.replied": ("message",),
    "ticket.admin.replied": ("message",),
    "ticket.note.created": ("note",),
    "ticket.team.assigned": ("assigned",),
    "ticket.admin.assigned": ("assigned",),
    "ticket.closed": ("solved",),
    "ticket.resolved": ("solved",),
}
_AVAILABILITY = frozenset({"admin.away_mode_updated", "admin.logged_in", "admin.logged_out"})
_NOT_COUNTED = {
    "ping": "ping",
    "contact.merged": "customers_merged",
    "conversation.read": "read",
    "ticket.rating.provided": "ticket_rating",
    "content_stat.survey": "survey",
    "conversation.deleted": "deleted",
    "conversation_part.redacted": "deleted",
    "call.started": "call",
    "call.ended": "call",
}


class Intercom(Webhook):
    """The provider `intercom`. It tries again once, after a minute, and then no more."""

    name = "intercom"
    channel: Channel = "chat"
    secret_names = ("client_secret",)
    seconds = 5.0
    tries_again = False

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the app's client secret signed the body."""
        proof = delivery.header("x-hub-signature")
        expected = [
            "sha1=" + hmac.digest(each.encode(), delivery.body, "sha1").hex() for each in secrets["client_secret"]
        ]
        if not any_same(expected, proof):
            raise NotGenuine("header x-hub-signature is another than the client secret makes of the body")

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """Yes to the probe of the address and to the topic `ping`."""
        if delivery.method == "HEAD":
            return Answer()
        return Answer() if delivery.method == "POST" and _looked_at(delivery.body).topic == "ping" else None

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The notification's id, the same when Intercom tries again."""
        return _text(_looked_at(body).id)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The conversation, ticket or teammate."""
        try:
            said = _notification.decode(payload)
            item = _item.decode(said.data.item) if said.data is not None else _Item()
        except UNREADABLE:
            return None
        app, thing = _text(said.app_id), _text(_subject(said, item).id)
        return f"{app}:{thing}".encode() if app and thing else None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What the notification says. Raises Malformed."""
        said: _Notification = decoded(_notification, payload)
        topic = said.topic or ""
        if topic in _TOPICS:
            return _conversation(said, _TOPICS[topic], context)
        if topic in _AVAILABILITY:
            return _availability(said, context)
        return Ignored(_NOT_COUNTED.get(topic, "unknown_topic"))


class _Case(NamedTuple):
    """A conversation or ticket and what was just done to it. `part`: the newest, `time`: when that was made, ms.
    `notification`: the notification's id."""

    context: Context
    app: str
    id: str
    item: _Item
    part: _Part
    time: int
    notification: str

    @property
    def contact(self) -> str:
        """Id of the contact."""
        return contact_id(self.context.source, self.app, self.id)

    @property
    def team(self) -> str | None:
        """The team that it is in the inbox of."""
        assignee = self.item.assignee
        older = assignee.id if assignee is not None and assignee.type == "team" else None
        return _nonzero(self.item.team_assignee_id) or _nonzero(older)

    @property
    def admin(self) -> str | None:
        """The teammate who did it."""
        author = self.part.author
        return _text(author.id) if author is not None and author.type == "admin" else None

    @property
    def source(self) -> _Source:
        """The message that it began with."""
        return self.item.source or self.item.conversation_message or _NO_SOURCE

    @property
    def identifiers(self) -> tuple[str, ...]:
        """The customer's. The first of several contacts counts only if they wrote the first message."""
        author, people = self.source.author, self.item.contacts
        contacts = (people.contacts if people is not None else None) or []
        wrote = author if author is not None and author.type in _CUSTOMERS else None
        known = _text(wrote.id) if wrote is not None else None
        sure = len(contacts) == 1 or (contacts and known is not None and _text(contacts[0].id) == known)
        listed = contacts[0] if sure else None
        found = (each for who in (wrote, self.item.user, listed) for each in _names(who, self.app, self.context.region))
        return tuple(sorted(dict.fromkeys(found), key=_telling))

    def event(self, word: str) -> str:
        """Id of an event that this notification alone tells of."""
        return event_id(self.context.source, self.app, self.id, self.notification, word)

    def said(self) -> dict[str, Any]:
        """What all its events say."""
        return {
            "time": from_ms(self.time),
            "channel": PROVIDER.channel,
            "source": self.context.source,
            "contact": self.contact,
            "queue": self.team or INBOX,
            "revision": PROVIDER.revision,
        }


def _conversation(said: _Notification, what: tuple[_What, ...], context: Context) -> Parsed:
    case = _case(said, context)
    if (case.item.category or "").casefold() in _INTERNAL:
        return Ignored("internal_ticket")
    events = [*_beginning(case, what)]
    for each in what:
        events.extend(_TOLD[each](case))
    # Opened and assigned to a team at once, it is offered once.
    once = {event.id: event for event in events}
    return Events(tuple(once.values())) if once else Ignored("nothing_said")


def _case(said: _Notification, context: Context) -> _Case:
    app, outside = _app(said), _inside(_item, said)
    item = _subject(said, outside)
    thing = _text(item.id)
    if not thing:
        raise Malformed("identity", "`$.data.item.id` is missing or empty: nobody can say which conversation it is")
    notification = _text(said.id)
    if not notification:
        raise Malformed("identity", "`$.id` is missing or empty: nobody can say whether this came before")
    part = outside.ticket_part or _newest(item.conversation_parts) or _newest(item.ticket_parts) or _Part()
    if said.topic == "conversation.priority.updated":
        # It makes no part of its own: the newest is from before.
        part = _Part()
    time = _instant(part.created_at, "created_at of the newest part")
    if time is None:
        time = _instant(said.created_at, "`$.created_at`")
    if time is None:
        raise Malformed("time", "neither the newest part nor the notification has a `created_at`")
    return _Case(context, app, thing, item, part, time, notification)


def _beginning(case: _Case, what: tuple[_What, ...]) -> tuple[AnyEvent, ...]:
    """What comes before all else, as far as this event knows it: that the contact exists and waits.

    Every event of a conversation that the customer began knows. What staff began waits since the customer replied, and
    what a bot began exists only since then.
    """
    author = case.source.author
    kind = "user" if author is None or author.type is None else author.type
    kind = "admin" if "approached" in what else kind
    opened = _instant(case.item.created_at, "`$.data.item.created_at`")
    contact, source = case.contact, case.context.source
    answers = "message" in what and _author(case.part.author) == "customer"
    by_customer = kind in _CUSTOMERS
    # A body without its first message doesn't say who began.
    if by_customer and opened is not None:
        return begun(source, contact, PROVIDER.channel, opened, queue=INBOX, identifiers=case.identifiers)
    if by_customer or answers:
        first = begun(source, contact, PROVIDER.channel, case.time, queue=INBOX, identifiers=case.identifiers)
        return first if kind != "admin" else (_approach(case, opened or case.time), first[1])
    return (_approach(case, opened or case.time),) if kind == "admin" else ()


def _approach(case: _Case, time: int) -> ContactCreated:
    """A conversation that staff began: nobody waits in it yet."""
    return created(
        case.context.source,
        case.contact,
        PROVIDER.channel,
        time,
        queue=INBOX,
        identifiers=case.identifiers,
        direction="outbound",
    )


def _first_message(case: _Case, author: _Author) -> list[AnyEvent]:
    opened = _instant(case.item.created_at, "`$.data.item.created_at`")
    wrote = case.source.author
    said = case.said() | {"time": from_ms(case.time if opened is None else opened), "queue": INBOX}
    return [
        MessagePosted(
            **said,
            id=event_id(case.context.source, case.app, case.id, "source", "message"),
            agent=_text(wrote.id) if wrote is not None and author == "agent" else None,
            identifiers=case.identifiers if author == "customer" else (),
            author=author,
            length=_length(case.source.body),
        )
    ]


def _created(case: _Case) -> list[AnyEvent]:
    return _first_message(case, "customer")


def _approached(case: _Case) -> list[AnyEvent]:
    return _first_message(case, "agent")


def _message(case: _Case) -> list[AnyEvent]:
    if case.part.id is None or case.part.author is None:
        raise Malformed("schema", "no part with an `id` and an `author`: expected the one that was written")
    return _written(case, public=case.part.part_type != "note")


def _note(case: _Case) -> list[AnyEvent]:
    return _written(case, public=False)


def _written(case: _Case, *, public: bool = True) -> list[AnyEvent]:
    """The newest part as a message; what a teammate writes to the customer answers it."""
    author = _author(case.part.author)
    posted = MessagePosted(
        **case.said(),
        id=event_id(case.context.source, case.app, case.id, _text(case.part.id) or case.notification, "message"),
        agent=case.admin,
        identifiers=_names(case.part.author, case.app, case.context.region) if author == "customer" else (),
        author=author,
        public=public,
        length=_length(case.part.body),
    )
    if author != "agent" or not public:
        return [posted]
    # Which queue it waited in is the offer's to say: the team may have been assigned in the same second.
    reply = answered(case.context.source, case.contact, PROVIDER.channel, case.time, queue=None, agent=case.admin)
    return [posted, reply]


def _with_words(case: _Case) -> list[AnyEvent]:
    """What was written to the customer together with something else that was done."""
    return _written(case) if case.part.part_type != "note" and _length(case.part.body) else []


def _assigned(case: _Case) -> list[AnyEvent]:
    target = case.part.assigned_to
    to = None if target is None else _nonzero(target.id)
    if target is None or to is None or target.type not in ("team", "admin"):
        return _with_words(case)
    events = _with_words(case)
    statistics = case.item.statistics
    replied = _instant(statistics.first_admin_reply_at, "first_admin_reply_at") if statistics is not None else None
    if replied is not None and replied < case.time and to != case.admin:
        events.append(ContactTransferred(**case.said(), id=case.event("transferred"), agent=case.admin, to=to))
    if target.type == "team":
        if replied is None and case.part.part_type != "open":
            # What waited for anybody waits for the team now; of another team it is not told which.
            gone = case.said() | {"queue": INBOX}
            events.append(ContactLeftQueue(**gone, id=case.event("left"), reason="transfer_out"))
        events.append(ContactOffered(**case.said() | {"queue": to}, id=case.event("offered")))
    else:
        events.append(ContactUpdated(**case.said(), id=case.event("assigned"), assignee=to))
    return events


def _solved(case: _Case) -> list[AnyEvent]:
    status = ContactStatusChanged(**case.said(), id=case.event("solved"), agent=case.admin, status="solved")
    return [*_with_words(case), status]


def _opened(case: _Case) -> list[AnyEvent]:
    status = ContactStatusChanged(**case.said(), id=case.event("open"), agent=case.admin, status="open")
    return [status, ContactOffered(**case.said(), id=case.event("offered"))]


def _unsnoozed(case: _Case) -> list[AnyEvent]:
    return [ContactStatusChanged(**case.said(), id=case.event("open"), agent=case.admin, status="open")]


def _snoozed(case: _Case) -> list[AnyEvent]:
    return [ContactStatusChanged(**case.said(), id=case.event("pending"), agent=case.admin, status="pending")]


def _priority(case: _Case) -> list[AnyEvent]:
    given = case.item.priority
    if given is None:
        raise Malformed("schema", "`$.data.item.priority` is missing")
    priority = given if isinstance(given, str) else "priority" if given else "not_priority"
    return [ContactUpdated(**case.said(), id=case.event("priority"), priority=priority)]


def _rated(case: _Case) -> list[AnyEvent]:
    rating = case.item.conversation_rating or _Rating()
    given = rating.rating
    if isinstance(given, str):
        given = int(given) if len(given) == 1 and given.isascii() and given.isdigit() else None
    if given is None or not 1 <= given <= HIGHEST_RATING:
        raise Malformed("schema", f"`$.data.item.conversation_rating.rating` is no number from 1 to {HIGHEST_RATING}")
    time = _instant(rating.created_at, "`$.data.item.conversation_rating.created_at`") or case.time
    return [
        SurveyAnswered(
            **case.said() | {"time": from_ms(time), "revision": time},
            id=event_id(case.context.source, case.app, case.id, "rating"),
            agent=_text(rating.teammate.id) if rating.teammate is not None else None,
            kind="csat",
            score=float(given),
            scale=HIGHEST_RATING,
        )
    ]


_TOLD: dict[_What, Callable[[_Case], list[AnyEvent]]] = {
    "created": _created,
    "approached": _approached,
    "message": _message,
    "note": _note,
    "assigned": _assigned,
    "solved": _solved,
    "opened": _opened,
    "unsnoozed": _unsnoozed,
    "snoozed": _snoozed,
    "priority": _priority,
    "rated": _rated,
}


def _availability(said: _Notification, context: Context) -> Parsed:
    app, admin = _app(said), _inside(_admin, said)
    agent, notification = _text(admin.id), _text(said.id)
    time = _instant(said.created_at, "`$.created_at`")
    if not agent or not notification:
        raise Malformed(
            "identity", "`$.data.item.id` or `$.id` is missing or empty: nobody can say which teammate it is"
        )
    if time is None:
        raise Malformed("time", "`$.created_at` is missing")
    state: AgentState = "away" if admin.away_mode_enabled else "available"
    if said.topic == "admin.logged_out":
        state = "offline"
    changed = AgentStateChanged(
        id=event_id(context.source, app, notification, "state"),
        time=from_ms(time),
        channel=PROVIDER.channel,
        source=context.source,
        revision=PROVIDER.revision,
        agent=agent,
        state=state,
        reason=admin.away_status_reason or None if state == "away" else None,
    )
    return Events((changed,))


def _app(said: _Notification) -> str:
    app = _text(said.app_id)
    if not app:
        raise Malformed("identity", "`$.app_id` is missing or empty: ids are told apart by it")
    return app


def _subject(said: _Notification, item: _Item) -> _Item:
    """The item itself, or the ticket in it; a conversation may name a ticket that it has, too."""
    return item.ticket if item.ticket is not None and (said.topic or "").startswith("ticket.") else item


def _newest(parts: _Parts | None) -> _Part | None:
    if parts is None:
        return None
    listed = parts.conversation_parts or parts.ticket_parts
    return listed[-1] if listed else None


def _author(person: _Person | None) -> _Author:
    return _AUTHORS.get(person.type or "", "system") if person is not None else "system"


def _names(person: _Person | None, app: str, region: str | None) -> tuple[str, ...]:
    """A customer's identifiers, the most telling first."""
    if person is None:
        return ()
    names = []
    if address := mail_identifier(person.email or ""):
        names.append(address)
    if person.phone and (number := phone_identifier(person.phone, region)):
        names.append(number)
    if (known := _text(person.id)) is not None:
        names.append(f"intercom:{app}:{known}")
    return tuple(names)


def _telling(identifier: str) -> int:
    return ("mailto", "tel", "intercom").index(identifier.partition(":")[0])


def _length(body: str | None) -> int:
    """Characters of the text of HTML; an entity of more digits than Python reads is counted as it is."""
    text = _TAG.sub("", body or "")
    with suppress(ValueError):
        text = html.unescape(text)
    return len(text.strip())


def _text(value: _Id) -> str | None:
    return None if value is None or value == "" else str(value)


def _nonzero(value: _Id) -> str | None:
    """Id of a team or teammate; 0 means none."""
    return None if value in (0, "0") else _text(value)


def _instant(value: _Time, name: str) -> int | None:
    """Milliseconds of seconds since the epoch, or of ISO 8601. Raises Malformed."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        ms = round(value * 1000) if abs(value) < _LATEST_SECOND else -1
    elif value.isascii() and value.isdigit():
        ms = int(value) * 1000 if len(value) <= _LONGEST_SECONDS else -1
    else:
        ms = _iso(value)
    if not 0 <= ms < _LATEST_SECOND * 1000:
        raise Malformed("time", f"{name} is {shown(str(value))}: expected seconds since the epoch")
    return ms


def _iso(value: str) -> int:
    """-1: no ISO 8601 with a zone."""
    try:
        return to_ms(datetime.fromisoformat(value))
    except (ValueError, TypeError, OverflowError):
        return -1


def _inside(decoder: "msgspec.json.Decoder[Any]", said: _Notification) -> Any:
    if said.data is None:
        raise Malformed("schema", "`$.data` is missing: expected what the notification is about")
    return decoded(decoder, said.data.item, "$.data.item")


def _looked_at(body: bytes) -> _Notification:
    try:
        return _notification.decode(body)
    except UNREADABLE:
        return _NOTHING


_NOTHING = _Notification()
_NO_SOURCE = _Source()
PROVIDER = Intercom()
