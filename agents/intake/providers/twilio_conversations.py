"""Twilio Conversations: webhooks after the event (the ones before it block the message and are not counted).

Settings: `staff`, chat identities of our agents, separated by commas: without it every author of a chat window is a
customer. What the REST API posts and no agent of ours, is a bot's. An agent who joins is the assignee; only a message
answers, for an agent may be in the conversation before the customer has said anything. Facts: Twilio's "Conversations
webhooks" and "Event Streams" (conversation state).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from agents.intake.parsing import Context, Events, Headers, Ignored, Parsed
from agents.intake.providers._twilio import Fields, Form, Twilio, fields_of, iso_date
from agents.intake.webhook import answered, begun, created, listed
from schemas.events import AnyEvent, Channel, ContactOffered, ContactStatusChanged, ContactUpdated, MessagePosted
from schemas.identifiers import phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms

REVISION = 1
"""Version of the parser: raised when it reads a webhook otherwise than before."""

IGNORED: Mapping[str, str] = {
    "onMessageUpdated": "edited",
    "onMessageRemoved": "deleted",
    "onConversationUpdated": "property",
    "onConversationRemoved": "deleted",
    "onParticipantUpdated": "property",
    "onParticipantRemoved": "participant_left",
    "onDeliveryUpdated": "delivery",
    "onUserAdded": "property",
    "onUserUpdated": "property",
    "onMessageAdd": "before_the_event",
    "onMessageUpdate": "before_the_event",
    "onMessageRemove": "before_the_event",
    "onConversationAdd": "before_the_event",
    "onConversationUpdate": "before_the_event",
    "onConversationRemove": "before_the_event",
    "onParticipantAdd": "before_the_event",
    "onParticipantUpdate": "before_the_event",
    "onParticipantRemove": "before_the_event",
    "onUserUpdate": "before_the_event",
}
"""Events that say nothing that is counted, and why."""

_CHANNEL: Channel = "chat"
_Author = Literal["customer", "agent", "bot", "system"]


class _Told:
    """One webhook: what all that is made of it has in common."""

    __slots__ = ("contact", "context", "conversation", "form", "queue")

    def __init__(self, form: Fields, context: Context) -> None:
        self.form = form
        self.context = context
        self.conversation = form.sid("ConversationSid")
        self.contact = contact_id(context.source, self.conversation)
        self.queue = form.get("ChatServiceSid")

    def common(self, time: int, *name: object) -> dict[str, Any]:
        """Fields of an event at `time` (ms) that is named by what Twilio calls it."""
        return {
            "id": event_id(self.context.source, *name),
            "time": from_ms(time),
            "channel": _CHANNEL,
            "source": self.context.source,
            "contact": self.contact,
            "revision": REVISION,
            "queue": self.queue,
        }

    def staff(self) -> frozenset[str]:
        """Our agents' identities."""
        return listed(self.context.settings.get("staff", ""))


def _conversation_added(told: _Told) -> Parsed:
    time = iso_date(told.form, "DateCreated")
    return Events((created(told.context.source, told.contact, _CHANNEL, time, queue=told.queue),))


def _message_added(told: _Told) -> Parsed:
    form, source = told.form, told.context.source
    message, time, author = form.sid("MessageSid"), iso_date(form, "DateCreated"), form.get("Author") or ""
    role = _role(author, form.get("Source") or "", told.staff())
    agent = author if role == "agent" else None
    identifiers = _identifiers(told, author) if role == "customer" else ()
    body = form.raw("Body")
    posted = MessagePosted(
        **told.common(time, message, "message"),
        agent=agent,
        author=role,
        length=None if body is None else len(body),
        identifiers=identifiers,
    )
    first: tuple[AnyEvent, ...] = ()
    if role == "customer":
        first = begun(source, told.contact, _CHANNEL, time, queue=told.queue, identifiers=identifiers)
    elif role == "agent":
        return Events((posted, answered(source, told.contact, _CHANNEL, time, queue=told.queue, agent=agent)))
    return Events((*first, posted))


def _participant_added(told: _Told) -> Parsed:
    identity = told.form.get("Identity")
    if identity is None or identity not in told.staff():
        return Ignored("customer_joined")
    participant, time = told.form.sid("ParticipantSid"), iso_date(told.form, "DateCreated")
    return Events((ContactUpdated(**told.common(time, participant, "assigned"), agent=identity, assignee=identity),))


def _state_updated(told: _Told) -> Parsed:
    form = told.form
    before, now = form.get("StateFrom"), form.text("StateTo")
    if now not in ("active", "inactive", "closed"):
        return Ignored("unknown_state")
    if now == "inactive" or (now == "active" and before != "closed"):
        return Ignored(now)
    time = iso_date(form, "StateUpdated" if form.get("StateUpdated") else "DateUpdated")
    if now == "closed":
        return Events((ContactStatusChanged(**told.common(time, told.conversation, time, "solved"), status="solved"),))
    return Events(
        (
            ContactStatusChanged(**told.common(time, told.conversation, time, "open"), status="open"),
            ContactOffered(**told.common(time, told.conversation, time, "offered")),
        )
    )


EVENTS: Mapping[str, Callable[[_Told], Parsed]] = {
    "onConversationAdded": _conversation_added,
    "onMessageAdded": _message_added,
    "onParticipantAdded": _participant_added,
    "onConversationStateUpdated": _state_updated,
}
"""Events that are counted."""


class TwilioConversations(Twilio):
    """The provider `twilio-conversations`."""

    name = "twilio-conversations"
    channel: Channel = _CHANNEL
    setting_names = ("staff",)
    seconds = 5.0

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """A new message's Sid, else Twilio's name of the request."""
        form = fields_of(body)
        message = form.get("MessageSid")
        if message and form.get("EventType") == "onMessageAdded":
            return f"{message}:onMessageAdded"
        return super().identity(body, headers)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The conversation."""
        return (fields_of(payload).get("ConversationSid") or "").encode() or None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What one webhook says. Raises Malformed."""
        return said_in_conversation(Form(payload), context)


def said_in_conversation(form: Fields, context: Context) -> Parsed:
    """What the fields of one webhook say. Raises Malformed."""
    kind = form.text("EventType")
    if kind in EVENTS:
        return EVENTS[kind](_Told(form, context))
    return Ignored(IGNORED.get(kind, "unknown_type"))


def _role(author: str, source: str, staff: frozenset[str]) -> _Author:
    if author in staff:
        return "agent"
    if author == "system":
        return "system"
    # Whom nobody knows can't be told from a machine.
    return "bot" if source.upper() == "API" or not author else "customer"


def _identifiers(told: _Told, author: str) -> tuple[str, ...]:
    """A number, else the identity, which holds within its chat service."""
    number = author.removeprefix("whatsapp:")
    if number.startswith("+"):
        identifier = phone_identifier(number, told.context.region)
        return (identifier,) if identifier else ()
    scope = told.queue or told.form.get("AccountSid")
    return (f"twilio:{scope}:{author}",) if scope else ()


PROVIDER = TwilioConversations()
