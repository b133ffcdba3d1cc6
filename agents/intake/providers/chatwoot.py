"""Webhooks of Chatwoot: of an account, of an API inbox, of an agent bot.

Facts: Chatwoot's documentation, "Webhooks" (chatwoot/docs), and issues and pull requests 13573, 13892, 13809, 15920,
15952 of chatwoot/chatwoot. Servers before 4.11.2 sign nothing: their deliveries are refused.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import Webhook, answered, begun, decoded, earliest
from schemas.events import (
    AnyEvent,
    Channel,
    ContactLeftQueue,
    ContactOffered,
    ContactStatus,
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
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same, within

WINDOW_SECONDS = 300
_LONGEST_STAMP = 12

_Id = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] | str | None
_Time = int | float | str | None
_LATEST_MS = 253_402_300_799_000
_HIGHEST_RATING = 5
_GREETED_MS = 10_000
"""How long after the start the customer may be the one who began although a message of ours is the newest already."""

_NOTHING = msgspec.Raw(b"{}")

# What is not listed is answered in writing, as is what a call left behind.
_CHANNELS: Mapping[str, Channel] = {
    "Channel::Email": "email",
    "Channel::FacebookPage": "social",
    "Channel::Instagram": "social",
    "Channel::Line": "social",
    "Channel::Telegram": "social",
    "Channel::Tiktok": "social",
    "Channel::TwitterProfile": "social",
    "Channel::Whatsapp": "social",
}
_STATUSES: Mapping[str, ContactStatus] = {
    "open": "open",
    "resolved": "solved",
    "pending": "pending",
    "snoozed": "on_hold",
}
_MESSAGE_TYPES = {"0": "incoming", "1": "outgoing", "2": "activity", "3": "template"}
_AUTHORS: Mapping[str, Literal["agent", "bot"]] = {
    "user": "agent",
    "agent_bot": "bot",
    "captain_assistant": "bot",
}


class _Thing(msgspec.Struct, gc=False):
    id: _Id = None


class _Person(msgspec.Struct, gc=False):
    id: _Id = None
    type: str | None = None
    email: str | None = None
    phone_number: str | None = None


class _Meta(msgspec.Struct, gc=False):
    sender: _Person | None = None
    team: _Thing | None = None


class _Nested(msgspec.Struct, gc=False):
    """A message inside a conversation."""

    account_id: _Id = None
    message_type: _Id = None


class _Change(msgspec.Struct, gc=False):
    previous_value: Any = None
    current_value: Any = None


class _Conversation(msgspec.Struct):
    """A conversation: the whole body of its own events, a part of a message's."""

    id: _Id = None
    inbox_id: _Id = None
    channel: str | None = None
    status: str | None = None
    priority: str | None = None
    labels: list[str] | None = None
    meta: _Meta | None = None
    messages: list[_Nested] | None = None
    created_at: _Time = None
    updated_at: _Time = None
    timestamp: _Time = None
    last_activity_at: _Time = None
    first_reply_created_at: _Time = None
    account: _Thing | None = None
    changed_attributes: list[dict[str, _Change]] | dict[str, _Change] | None = None


class _Message(msgspec.Struct):
    id: _Id = None
    content: str | None = None
    content_type: str | None = None
    content_attributes: msgspec.Raw = _NOTHING
    created_at: _Time = None
    message_type: _Id = None
    private: bool | None = None
    sender: _Person | None = None
    inbox: _Thing | None = None
    account: _Thing | None = None
    conversation: _Conversation | None = None


class _Rating(msgspec.Struct, gc=False):
    rating: Annotated[int, msgspec.Meta(ge=1, le=_HIGHEST_RATING)]


class _Submitted(msgspec.Struct, gc=False):
    csat_survey_response: _Rating | None = None


class _Survey(msgspec.Struct, gc=False):
    """`content_attributes` of a survey."""

    submitted_values: _Submitted | None = None


class _Attributes(msgspec.Struct, gc=False):
    """`content_attributes` of any message."""

    in_reply_to: _Id = None
    deleted: bool | None = None


class _Kind(msgspec.Struct, gc=False):
    event: str


class _Where(msgspec.Struct, gc=False):
    """What says where a record goes, in either body."""

    event: str = ""
    id: _Id = None
    channel: str | None = None
    conversation: _Conversation | None = None


_kind = msgspec.json.Decoder(_Kind)
_where = msgspec.json.Decoder(_Where)
_message = msgspec.json.Decoder(_Message)
_conversation = msgspec.json.Decoder(_Conversation)
_attributes = msgspec.json.Decoder(_Attributes)
_survey = msgspec.json.Decoder(_Survey)


class _Told(msgspec.Struct, frozen=True):
    """Whose conversation an event is of. `inbox`: the queue in which it began; `queue`: the one where it is now."""

    source: str
    account: str
    conversation: str
    contact: str
    channel: Channel
    inbox: str | None
    queue: str | None
    identifiers: tuple[str, ...]

    def event(self, *of: object) -> str:
        """Id of an event of this conversation."""
        return event_id(self.source, self.account, self.conversation, *of)

    def message(self, name: str) -> str:
        """Id of the event that says a message was posted."""
        return event_id(self.source, self.account, name, "message")

    def said(self, time: int, revision: int) -> dict[str, Any]:
        """Fields that all its events have."""
        return {
            "time": from_ms(time),
            "channel": self.channel,
            "source": self.source,
            "revision": revision,
            "queue": self.queue,
            "contact": self.contact,
            "identifiers": self.identifiers,
        }


class Chatwoot(Webhook):
    """The provider `chatwoot`.

    Queues are `inbox:ID` and, once a team is assigned, `team:ID`. Chatwoot sends once. Events of a conversation without
    messages name no account: the setting `account` says it then.
    """

    name = "chatwoot"
    channel: Channel = "chat"
    setting_names = ("account",)
    seconds = 5.0
    tries_again = False
    kept = ("x-chatwoot-delivery",)

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless Chatwoot signed these bytes in the last five minutes."""
        signature, stamp = delivery.header("x-chatwoot-signature"), delivery.header("x-chatwoot-timestamp")
        signed = stamp.encode("utf-8", "surrogateescape") + b"." + delivery.body
        proofs = ["sha256=" + hmac.new(key.encode(), signed, sha256).hexdigest() for key in secrets["secret"]]
        if not any_same(proofs, signature):
            raise NotGenuine("x-chatwoot-signature is not the body's")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _LONGEST_STAMP):
            raise NotGenuine("x-chatwoot-timestamp is no whole number of seconds")
        within(WINDOW_SECONDS, int(stamp) * 1000, delivery.at, "x-chatwoot-timestamp")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The id of the delivery, where the server is new enough to send one."""
        return headers.get("x-chatwoot-delivery", b"").decode("utf-8", "replace") or None

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The conversation."""
        where = _looked_at(payload)
        if where.event.startswith("message_"):
            name = where.conversation.id if where.conversation else None
        else:
            name = where.id if where.event.startswith("conversation_") else None
        return str(name).encode() if name not in (None, "") else None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """The inbox's; chat where it is not named."""
        where = _looked_at(payload)
        return _channel(where.conversation.channel if where.conversation else where.channel)

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What a delivery says. Raises Malformed."""
        event = decoded(_kind, payload).event
        if event in ("message_created", "message_updated"):
            body = decoded(_message, payload)
            conversation = body.conversation or _Conversation()
            told = _told(conversation, body, context)
            return (_created if event == "message_created" else _updated)(body, conversation, told)
        if event not in ("conversation_created", "conversation_status_changed", "conversation_updated"):
            return Ignored("not_counted" if event in _NOT_COUNTED else "unknown_event")
        conversation = decoded(_conversation, payload)
        told = _told(conversation, None, context)
        if event == "conversation_created":
            time = _needed(conversation.created_at, "created_at")
            return Events(_opened(told, time, conversation))
        time = _needed(_latest(conversation), "updated_at")
        return (_status_changed if event == "conversation_status_changed" else _moved)(conversation, told, time)


_NOT_COUNTED = frozenset(
    {
        "contact_created",
        "contact_updated",
        "conversation_opened",
        "conversation_resolved",
        "conversation_typing_off",
        "conversation_typing_on",
        "inbox_created",
        "inbox_updated",
        "webwidget_triggered",
    }
)


def _looked_at(payload: bytes) -> _Where:
    try:
        return _where.decode(payload)
    except UNREADABLE:
        return _Where()


def _channel(name: str | None) -> Channel:
    return _CHANNELS.get(name or "", "chat")


def _text(value: object) -> str | None:
    """An id as text; None for none."""
    return None if value in (None, "") or not isinstance(value, int | str) else str(value)


def _ms(value: _Time) -> int | None:
    """An instant in ms: seconds since the epoch, ISO 8601, or `2026-10-20 10:00:00 UTC`; None where it is none."""
    if isinstance(value, int | float):
        ms = round(value * 1000) if 0 < value <= _LATEST_MS // 1000 else 0
    elif value is None:
        return None
    else:
        try:
            instant = datetime.fromisoformat(value.removesuffix(" UTC"))
        except ValueError:
            return None
        ms = to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    return ms if 0 < ms <= _LATEST_MS else None


def _needed(value: _Time, field: str) -> int:
    time = _ms(value)
    if time is None:
        raise Malformed("time", f"`$.{field}` is no instant: seconds since the epoch or ISO 8601 are expected")
    return time


def _latest(conversation: _Conversation) -> _Time:
    return conversation.updated_at or conversation.timestamp or conversation.last_activity_at


def _told(conversation: _Conversation, message: _Message | None, context: Context) -> _Told:
    name = _text(conversation.id)
    if name is None:
        raise Malformed("identity", f"`$.{'conversation.' if message else ''}id` is missing: no conversation is named")
    account = _account(conversation, message) or context.settings.get("account", "")
    if not account:
        raise Malformed("identity", "no account is named: `$.account.id` or the source's setting `account` is expected")
    meta = conversation.meta or _Meta()
    inbox = _text(conversation.inbox_id) or (_text(message.inbox.id) if message and message.inbox else None)
    began = f"inbox:{inbox}" if inbox else None
    team = _text(meta.team.id) if meta.team else None
    customer = message.sender if message and message.sender and _type_of(message) == "incoming" else meta.sender
    return _Told(
        source=context.source,
        account=account,
        conversation=name,
        contact=contact_id(context.source, account, name),
        channel=_channel(conversation.channel),
        inbox=began,
        queue=f"team:{team}" if team else began,
        identifiers=_identifiers(customer, account, context.region),
    )


def _account(conversation: _Conversation, message: _Message | None) -> str | None:
    for thing in (message.account if message else None, conversation.account):
        if thing and (name := _text(thing.id)):
            return name
    return next((name for each in conversation.messages or () if (name := _text(each.account_id))), None)


def _identifiers(person: _Person | None, account: str, region: str | None) -> tuple[str, ...]:
    if person is None:
        return ()
    found = []
    if address := mail_identifier(person.email or ""):
        found.append(address)
    if number := phone_identifier(person.phone_number or "", region):
        found.append(number)
    if name := _text(person.id):
        found.append(f"chatwoot:{account}:{name}")
    return tuple(found)


def _type_of(message: _Message | _Nested) -> str:
    name = str(message.message_type)
    return _MESSAGE_TYPES.get(name, name)


def _begun(told: _Told, time: int, conversation: _Conversation) -> tuple[AnyEvent, AnyEvent]:
    return begun(
        told.source,
        told.contact,
        told.channel,
        time,
        queue=told.inbox,
        identifiers=told.identifiers,
        priority=conversation.priority,
        tags=tuple(conversation.labels or ()),
    )


def _opened(told: _Told, time: int, conversation: _Conversation) -> tuple[AnyEvent, ...]:
    """A new conversation; where an agent or a campaign began, nobody waits in it yet. The message that comes along is
    the newest, which may be a greeting: a customer's message of these seconds says better who began."""
    created, offered = _begun(told, time, conversation)
    if not conversation.messages or _type_of(conversation.messages[0]) not in ("outgoing", "template"):
        return (created, offered)
    revision = earliest(time + _GREETED_MS)
    return (msgspec.structs.replace(created, direction="outbound", revision=revision),)


def _created(message: _Message, conversation: _Conversation, told: _Told) -> Parsed:
    """A message of the customer, of staff or of a machine; a private note is one that is not public."""
    kind = _type_of(message)
    if kind == "activity":
        return Ignored("activity")
    if kind not in _MESSAGE_TYPES.values():
        raise Malformed(
            "schema", f"`$.message_type` is {shown(kind)}: incoming, outgoing, activity or template is expected"
        )
    name = _text(message.id)
    if name is None:
        raise Malformed("identity", "`$.id` is missing: the message has no name")
    time = _needed(message.created_at, "created_at")
    author, agent = _author(message, kind)
    before = _attributes_of(message).in_reply_to
    posted = MessagePosted(
        id=told.message(name),
        **told.said(time, Chatwoot.revision),
        agent=agent,
        author=author,
        public=not message.private,
        length=None if message.content is None else len(message.content),
        in_reply_to=told.message(str(before)) if _text(before) else None,
    )
    if author == "customer":
        return Events((*_begun(told, time, conversation), posted))
    if author == "agent" and posted.public:
        reply = answered(told.source, told.contact, told.channel, time, queue=None, agent=agent)
        return Events((posted, reply))
    return Events((posted,))


def _author(message: _Message, kind: str) -> tuple[Literal["customer", "agent", "bot", "system"], str | None]:
    """Who wrote a message, and the agent's id. Outgoing without a sender: a rule, a campaign."""
    if kind == "incoming":
        return "customer", None
    sender = message.sender or _Person()
    author = _AUTHORS.get(sender.type or "") if kind == "outgoing" else None
    return author or "system", _text(sender.id) if author == "agent" else None


def _attributes_of(message: _Message) -> _Attributes:
    try:
        return _attributes.decode(message.content_attributes)
    except UNREADABLE:
        return _Attributes()


def _updated(message: _Message, conversation: _Conversation, told: _Told) -> Parsed:
    """The answer to a survey; other changes of a message (delivered, read, edited, deleted) are not counted."""
    if _attributes_of(message).deleted:
        return Ignored("message_deleted")
    if message.content_type != "input_csat":
        return Ignored("message_updated")
    try:
        submitted = _survey.decode(message.content_attributes).submitted_values
    except msgspec.ValidationError as error:
        raise Malformed("schema", f"`$.content_attributes`: {error}") from None
    except UNREADABLE as error:
        raise Malformed("syntax", f"`$.content_attributes`: {error}") from None
    if submitted is None or submitted.csat_survey_response is None:
        return Ignored("not_yet_rated")
    name = _text(message.id)
    if name is None:
        raise Malformed("identity", "`$.id` is missing: the survey has no name")
    time = _ms(_latest(conversation)) or _needed(message.created_at, "created_at")
    return Events(
        (
            SurveyAnswered(
                id=event_id(told.source, told.account, name, "rating"),
                **told.said(time, time),
                kind="csat",
                score=submitted.csat_survey_response.rating,
                scale=_HIGHEST_RATING,
            ),
        )
    )


def _change(conversation: _Conversation, name: str) -> _Change | None:
    changes = conversation.changed_attributes or ()
    for each in (changes,) if isinstance(changes, dict) else changes:
        if name in each:
            return each[name]
    return None


def _status_changed(conversation: _Conversation, told: _Told, time: int) -> Parsed:
    """The status; open after resolved is offered again."""
    change = _change(conversation, "status") or _Change(None, conversation.status)
    current = str(change.current_value or conversation.status)
    status = _STATUSES.get(current)
    if status is None:
        raise Malformed("schema", f"`$.status` is {shown(current)}: open, resolved, pending or snoozed is expected")
    said = told.said(time, Chatwoot.revision)
    changed = ContactStatusChanged(id=told.event(time, current, "status"), **said, status=status)
    if status == "open" and change.previous_value == "resolved":
        return Events((changed, ContactOffered(id=told.event(time, "reopened"), **said)))
    return Events((changed,))


def _moved(conversation: _Conversation, told: _Told, time: int) -> Parsed:
    """To another agent, to another team, or both."""
    events: tuple[AnyEvent, ...] = ()
    if change := _change(conversation, "team_id"):
        events += _moved_queue(conversation, told, time, _text(change.previous_value), _text(change.current_value))
    if change := _change(conversation, "assignee_id"):
        events += _moved_agent(told, time, _text(change.previous_value), _text(change.current_value))
    return Events(events) if events else Ignored("not_counted")


def _moved_queue(
    conversation: _Conversation, told: _Told, time: int, before: str | None, after: str | None
) -> tuple[AnyEvent, ...]:
    """To a team, from one to another, or back to the inbox. Before the first reply it waits there from now on."""
    if before == after:
        return ()
    old = f"team:{before}" if before else told.inbox
    new = f"team:{after}" if after else told.inbox
    waits = not conversation.first_reply_created_at
    left = told.said(time, Chatwoot.revision) | {"queue": old}
    move = (time, before or "", after or "")
    events: tuple[AnyEvent, ...] = ()
    if before or not waits:
        events = (ContactTransferred(id=told.event(*move, "team"), **left, to=new),)
    if waits:
        gone = ContactLeftQueue(id=told.event(*move, "left"), **left, reason="transfer_out")
        events += (gone, ContactOffered(id=told.event(*move, "queued"), **(left | {"queue": new})))
    return events


def _moved_agent(told: _Told, time: int, before: str | None, after: str | None) -> tuple[AnyEvent, ...]:
    """From one agent to another; the first one is only assigned."""
    if after is None or before == after:
        return ()
    said = told.said(time, Chatwoot.revision)
    move = (time, before or "", after)
    if before is None:
        return (ContactUpdated(id=told.event(*move, "assigned"), **said, agent=after, assignee=after),)
    return (ContactTransferred(id=told.event(*move, "assignee"), **said, agent=before, to=after),)


PROVIDER = Chatwoot()
