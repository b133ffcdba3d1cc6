"""WhatsApp Cloud API: messages of customers, and ours as their statuses and the phone app's echoes tell of them."""

from collections.abc import Iterator

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Fault, Ignored, Parsed
from agents.intake.providers._meta_webhook import CHANGE, Change, MetaWebhook, Party
from agents.intake.providers._social import Conversation, Id, Message, given, instant, needed
from agents.intake.webhook import decoded
from schemas.identifiers import phone_identifier
from schemas.ids import contact_id
from schemas.instants import SECOND

_WRITTEN = frozenset(
    {"text", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts", "button"}
    | {"interactive", "order"}
)
_TEMPLATES = ("marketing", "utility", "authentication")


class _Text(msgspec.Struct, gc=False):
    body: str | None = None


class _Captioned(msgspec.Struct, gc=False):
    caption: str | None = None


class _Button(msgspec.Struct, gc=False):
    text: str | None = None


class _Choice(msgspec.Struct, gc=False):
    title: str | None = None


class _Interactive(msgspec.Struct, gc=False):
    button_reply: _Choice | None = None
    list_reply: _Choice | None = None


class _Message(msgspec.Struct, gc=False, rename={"sender": "from"}):
    id: Id = None
    sender: Id = None
    from_user_id: Id = None
    to: Id = None
    to_user_id: Id = None
    timestamp: Id = None
    type: str | None = None
    text: _Text | None = None
    image: _Captioned | None = None
    video: _Captioned | None = None
    document: _Captioned | None = None
    button: _Button | None = None
    interactive: _Interactive | None = None
    context: Party | None = None


class _Pricing(msgspec.Struct, gc=False):
    category: str | None = None


class _Status(msgspec.Struct, gc=False):
    id: Id = None
    status: str | None = None
    timestamp: Id = None
    recipient_id: Id = None
    recipient_user_id: Id = None
    recipient_type: str | None = None
    pricing: _Pricing | None = None


class _Person(msgspec.Struct, gc=False):
    wa_id: Id = None
    user_id: Id = None


class _Metadata(msgspec.Struct, gc=False, frozen=True):
    phone_number_id: Id = None


class _Value(msgspec.Struct, gc=False):
    metadata: _Metadata = _Metadata()
    contacts: list[_Person] | None = None
    messages: list[msgspec.Raw] | None = None
    statuses: list[msgspec.Raw] | None = None
    message_echoes: list[msgspec.Raw] | None = None


class _Entry(msgspec.Struct, gc=False):
    id: Id = None
    changes: list[msgspec.Raw] | None = None


class _Body(msgspec.Struct, gc=False):
    object: str
    entry: list[msgspec.Raw]


_BODY = msgspec.json.Decoder(_Body)
_ENTRY = msgspec.json.Decoder(_Entry)
_MESSAGE = msgspec.json.Decoder(_Message)
_STATUS = msgspec.json.Decoder(_Status)
_VALUE = msgspec.json.Decoder(_Value)
_FIELDS = frozenset({"messages", "standby", "smb_message_echoes"})


class WhatsApp(MetaWebhook):
    """Numbers of a WhatsApp business account. A contact is a customer at one of our numbers.

    Setting `sent_by`: `bot` where a program writes by itself over the API; else what is sent there is an agent's,
    except templates, which are the system's.
    """

    name = "whatsapp"
    object_name = "whatsapp_business_account"
    setting_names = ("sent_by",)
    seconds = 5.0

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What all entries say. Raises Malformed."""
        body: _Body = decoded(_BODY, payload)
        return self.foreign(body.object) or together(
            tried(_account, entry, context, f"$.entry[{index}]") for index, entry in enumerate(body.entry)
        )


def _account(raw: msgspec.Raw, context: Context, where: str) -> Parsed:
    entry: _Entry = decoded(_ENTRY, raw, where)
    return together(
        tried(_changed, given(entry.id), change, context, f"{where}.changes[{index}]")
        for index, change in enumerate(entry.changes or ())
    )


def _changed(account: str | None, raw: msgspec.Raw, context: Context, where: str) -> Parsed:
    change: Change = decoded(CHANGE, raw, where)
    if change.field not in _FIELDS:
        return Ignored("other_field")
    value: _Value = decoded(_VALUE, change.value, f"{where}.value")
    return together(_Number(context, account, value, f"{where}.value").parts())


class _Number:
    """One of our numbers, and what was written to it and from it."""

    def __init__(self, context: Context, account: str | None, value: _Value, where: str) -> None:
        self._source = context.source
        self._bot = context.settings.get("sent_by") == "bot"
        self._account = account
        self._value = value
        self._where = where

    def parts(self) -> Iterator[Parsed | Fault]:
        """What each message and status says."""
        value, where = self._value, self._where
        for index, message in enumerate(value.messages or ()):
            yield tried(self.received, message, f"{where}.messages[{index}]")
        for index, message in enumerate(value.message_echoes or ()):
            yield tried(self.echoed, message, f"{where}.message_echoes[{index}]")
        for index, status in enumerate(value.statuses or ()):
            yield tried(self.told, status, f"{where}.statuses[{index}]")

    def received(self, raw: msgspec.Raw, where: str) -> Parsed:
        """A customer wrote."""
        message: _Message = decoded(_MESSAGE, raw, where)
        if message.type not in _WRITTEN:
            return Ignored("other_message")
        conversation = self._with(message.sender, message.from_user_id, f"{where}.from")
        return conversation.received(_posted(message, where))

    def echoed(self, raw: msgspec.Raw, where: str) -> Parsed:
        """Somebody of ours wrote in the phone app. It says more than the status of the same message."""
        message: _Message = decoded(_MESSAGE, raw, where)
        if message.type not in _WRITTEN:
            return Ignored("other_message")
        conversation = self._with(message.to, message.to_user_id, f"{where}.to")
        return conversation.sent(_posted(message, where)._replace(revision=2), "agent")

    def told(self, raw: msgspec.Raw, where: str) -> Parsed:
        """The status of a message of ours: the one that says that it was sent stands for it."""
        status: _Status = decoded(_STATUS, raw, where)
        if status.status == "failed":
            return Ignored("delivery_failed")
        if status.status != "sent":
            return Ignored("message_status")
        if status.recipient_type == "group":
            return Ignored("group_message")
        message = Message(needed(status.id, f"{where}.id"), instant(status.timestamp, f"{where}.timestamp", SECOND))
        conversation = self._with(status.recipient_id, status.recipient_user_id, f"{where}.recipient_id")
        if status.pricing is not None and (status.pricing.category or "").startswith(_TEMPLATES):
            return conversation.sent(message, "system")
        return conversation.sent(message, "bot" if self._bot else "agent")

    def _with(self, phone: Id, user: Id, where: str) -> Conversation:
        queue = needed(self._value.metadata.phone_number_id, f"{self._where}.metadata.phone_number_id")
        digits = given(phone)
        person = given(user) or self._person(digits)
        customer = digits or needed(person, where)
        tel = phone_identifier(f"+{digits.removeprefix('+')}", None) if digits else None
        scoped = f"whatsapp:{self._account}:{person}" if self._account and person else None
        return Conversation(
            self._source,
            contact_id(self._source, "whatsapp", queue, customer.removeprefix("+")),
            queue,
            tuple(identifier for identifier in (tel, scoped) if identifier),
        )

    def _person(self, digits: str | None) -> str | None:
        people = self._value.contacts or ()
        return next((given(each.user_id) for each in people if digits and given(each.wa_id) == digits), None)


def _posted(message: _Message, where: str) -> Message:
    return Message(
        needed(message.id, f"{where}.id"),
        instant(message.timestamp, f"{where}.timestamp", SECOND),
        _text(message),
        None if message.context is None else given(message.context.id),
    )


def _text(message: _Message) -> str | None:
    captioned = message.image or message.video or message.document
    if message.text is not None:
        return message.text.body
    if captioned is not None:
        return captioned.caption
    if message.button is not None:
        return message.button.text
    if message.interactive is None:
        return None
    chosen = message.interactive.button_reply or message.interactive.list_reply
    return None if chosen is None else chosen.title
