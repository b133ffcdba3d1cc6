"""WhatsApp Cloud API: messages of customers, and ours as their statuses and echoes tell of them.

A customer is named by the user id where it is told, which is in every message and status since April 2026: the number
is left out of one and stands in the next. A new number brings a new user id, and both are linked.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Fault, Ignored, Parsed
from agents.intake.providers._meta_webhook import CHANGE, Change, MetaWebhook
from agents.intake.providers._meta_whatsapp_bodies import (
    BODY,
    ENTRY,
    MESSAGE,
    STATUS,
    UPDATE,
    VALUE,
    Body,
    Content,
    Entry,
    Status,
    System,
    Update,
    Value,
    Written,
)
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
_MOVES = frozenset({"user_changed_number", "user_changed_user_id", "customer_changed_number"})
_FIELDS = frozenset({"messages", "standby", "smb_message_echoes", "user_id_update"})


class WhatsApp(MetaWebhook):
    """Numbers of a WhatsApp business account. A contact is a customer at one of our numbers.

    Setting `sent_by`: `bot` where a program writes by itself over the API; else what is sent there is an agent's,
    except templates, which are the system's. What is sent while we stand by is Meta's business agent's, a program.
    """

    name = "whatsapp"
    object_name = "whatsapp_business_account"
    setting_names = ("sent_by",)
    seconds = 5.0

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What all entries say. Raises Malformed."""
        body: Body = decoded(BODY, payload)
        return self.foreign(body.object) or together(
            tried(_account, entry, context, f"$.entry[{index}]") for index, entry in enumerate(body.entry)
        )


def _account(raw: msgspec.Raw, context: Context, where: str) -> Parsed:
    entry: Entry = decoded(ENTRY, raw, where)
    return together(
        tried(_changed, given(entry.id), change, context, f"{where}.changes[{index}]")
        for index, change in enumerate(entry.changes or ())
    )


def _changed(account: str | None, raw: msgspec.Raw, context: Context, where: str) -> Parsed:
    change: Change = decoded(CHANGE, raw, where)
    if change.field not in _FIELDS:
        return Ignored("other_field")
    value: Value = decoded(VALUE, change.value, f"{where}.value")
    return together(_Number(context, account, change.field == "standby", value, f"{where}.value").parts())


class _Number:
    """One of our numbers, and what was written to it and from it."""

    def __init__(self, context: Context, account: str | None, standby: bool, value: Value, where: str) -> None:
        self._source = context.source
        self._echoed_by: Literal["agent", "bot"] = "bot" if standby else "agent"
        self._sent_by = "bot" if context.settings.get("sent_by") == "bot" else self._echoed_by
        self._account = account
        self._metadata = value.metadata
        self._where = where
        self._said, self._said_at = (value, where) if value.standby is None else (value.standby, f"{where}.standby")

    def parts(self) -> Iterator[Parsed | Fault]:
        """What each message and status says."""
        said, where = self._said, self._said_at
        for index, message in enumerate(said.messages or ()):
            yield tried(self.received, message, f"{where}.messages[{index}]")
        for index, message in enumerate(said.message_echoes or ()):
            yield tried(self.echoed, message, f"{where}.message_echoes[{index}]")
        for index, status in enumerate(said.statuses or ()):
            yield tried(self.told, status, f"{where}.statuses[{index}]")
        for index, update in enumerate(said.user_id_update or ()):
            yield tried(self.renamed, update, f"{where}.user_id_update[{index}]")

    def received(self, raw: msgspec.Raw, where: str) -> Parsed:
        """A customer wrote, or is somebody else from now on."""
        message: Written = decoded(MESSAGE, raw, where)
        if message.system is not None:
            return self._moved(message, message.system, where)
        if message.type not in _WRITTEN:
            return Ignored("other_message")
        if message.group_id is not None:
            return Ignored("group_message")
        conversation = self._with(message.sender, message.from_user_id, f"{where}.from")
        return conversation.received(_posted(message, message, where))

    def _moved(self, message: Written, system: System, where: str) -> Parsed:
        if system.type not in _MOVES:
            return Ignored("other_message")
        before = self._with(message.sender, system.previous_user_id or message.from_user_id, f"{where}.from")
        now = self._identifiers(given(system.wa_id) or given(system.new_wa_id), given(system.user_id))
        time = instant(message.timestamp, f"{where}.timestamp", SECOND)
        return before.linked(needed(message.id, f"{where}.id"), time, now, system.type)

    def renamed(self, raw: msgspec.Raw, where: str) -> Parsed:
        """A customer has another user id."""
        update: Update = decoded(UPDATE, raw, where)
        before = self._with(update.wa_id, update.user_id.previous, f"{where}.user_id.previous")
        now = needed(update.user_id.current, f"{where}.user_id.current")
        time = instant(update.timestamp, f"{where}.timestamp", SECOND)
        return before.linked(f"{now}:{time}", time, self._identifiers(None, now), "user_id_update")

    def echoed(self, raw: msgspec.Raw, where: str) -> Parsed:
        """Somebody of ours wrote in the phone app, or another while we stood by. It says more than the status of the
        same message."""
        message: Written = decoded(MESSAGE, raw, where)
        content = message.message or message
        if content.type not in _WRITTEN:
            return Ignored("other_message")
        to = given(message.to) or content.to
        user = given(message.to_user_id) or given(content.to_user_id) or content.recipient
        conversation = self._with(to, user, f"{where}.to")
        return conversation.sent(_posted(message, content, where)._replace(revision=2), self._echoed_by)

    def told(self, raw: msgspec.Raw, where: str) -> Parsed:
        """The status of a message of ours: the one that says that it was sent stands for it."""
        status: Status = decoded(STATUS, raw, where)
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
        return conversation.sent(message, self._sent_by)

    def _with(self, phone: Id, user: Id, where: str) -> Conversation:
        queue = needed(self._metadata.phone_number_id, f"{self._where}.metadata.phone_number_id")
        digits = given(phone)
        person = given(user) or self._person(digits)
        customer = person or needed(digits, where).removeprefix("+")
        return Conversation(
            self._source,
            contact_id(self._source, "whatsapp", queue, customer),
            queue,
            self._identifiers(digits, person),
        )

    def _identifiers(self, digits: str | None, person: str | None) -> tuple[str, ...]:
        tel = phone_identifier(f"+{digits.removeprefix('+')}", None) if digits else None
        scoped = f"whatsapp:{self._account}:{person}" if self._account and person else None
        return tuple(identifier for identifier in (tel, scoped) if identifier)

    def _person(self, digits: str | None) -> str | None:
        people = self._said.contacts or ()
        return next((given(each.user_id) for each in people if digits and given(each.wa_id) == digits), None)


def _posted(message: Written, content: Content, where: str) -> Message:
    return Message(
        needed(message.id, f"{where}.id"),
        instant(message.timestamp, f"{where}.timestamp", SECOND),
        _text(content),
        None if content.context is None else given(content.context.id),
    )


def _text(content: Content) -> str | None:
    captioned = content.image or content.video or content.document
    if content.text is not None:
        return content.text.body
    if captioned is not None:
        return captioned.caption
    if content.button is not None:
        return content.button.text
    if content.interactive is None:
        return None
    chosen = content.interactive.button_reply or content.interactive.list_reply
    return None if chosen is None else chosen.title
