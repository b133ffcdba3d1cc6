"""Twilio Event Streams: TaskRouter, Conversations and the statuses of calls, delivered at least once and in any order.

A delivery is an array of CloudEvents. What each says is what the callback of the same kind says: the fields of its
data are read by the names that they have there (`task_sid` is TaskSid), and messages about them name these. An event
keeps the id that its callback has (`sid`, MessageSid, CallSid), but its source is another: take either the callbacks or
the stream. A message in a stream does not say by what way it was written: an author who is no participant and none of
`staff` wrote over the REST API, and is a bot. Settings: `activities`, `staff` as with the callbacks. A subscription to
other types does no harm; they are ignored.

Facts: Twilio's "Event Streams", "Webhook quickstart", "Event types" (TaskRouter, Conversations, Voice) and "Webhooks
security".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Ignored, Malformed, Parsed, shown, text_of
from agents.intake.providers._twilio import Fields, Twilio, possible_ms
from agents.intake.providers.twilio_conversations import said_in_conversation
from agents.intake.providers.twilio_taskrouter import said_of_task
from agents.intake.providers.twilio_voice import said_of_call
from agents.intake.webhook import decoded
from schemas.events import Channel
from schemas.instants import from_ms, to_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.formats import Headers
from streams.connectors.hooks import LARGEST_BODY

_TASK_ROUTER = "com.twilio.taskrouter."
_CONVERSATIONS = "com.twilio.conversations."
_CALLS = "com.twilio.voice.status-callback.call."


class _Request(msgspec.Struct, gc=False):
    """What Twilio asked for; the parameters are those of a callback."""

    parameters: dict[str, msgspec.Raw] = {}


class _OfTask(msgspec.Struct, gc=False):
    """Data of an event of TaskRouter."""

    sid: str | None = None
    timestamp: str | None = None
    payload: dict[str, msgspec.Raw] = {}


class _OfCall(msgspec.Struct, gc=False):
    """Data of a status of a call."""

    request: _Request = msgspec.field(default_factory=_Request)


class _Event(msgspec.Struct, gc=False):
    """A CloudEvent."""

    type: str
    id: str | None = None
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")


_BATCH = msgspec.json.Decoder(list[msgspec.Raw])
_EVENT = msgspec.json.Decoder(_Event)
_OF_TASK = msgspec.json.Decoder(_OfTask)
_OF_CALL = msgspec.json.Decoder(_OfCall)
_TEXT = msgspec.json.Decoder(str)
_OF_CONVERSATION = msgspec.json.Decoder(dict[str, msgspec.Raw])


class TwilioEvents(Twilio):
    """The provider `twilio-events`. It sends again after a 5xx or 429, for up to 4 hours."""

    name = "twilio-events"
    channel: Channel = "phone"
    content_type = b"application/json"
    setting_names = ("activities", "staff")
    # Proven by the digest of the body, which is not read for it.
    largest = LARGEST_BODY
    seconds = 5.0
    tries_again = True

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """That of the first event's product."""
        try:
            first: _Event = _EVENT.decode(_events(payload)[0])
        except (*UNREADABLE, Malformed, IndexError):
            return self.channel
        return "chat" if first.type.startswith(_CONVERSATIONS) else self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What all events say. Raises Malformed where none can be read."""
        return together(tried(_said, raw, context, f"$[{index}]") for index, raw in enumerate(_events(payload)))


def _events(payload: bytes) -> list[msgspec.Raw]:
    """The events of a batch; one that is sent by itself is a batch, too. Raises Malformed."""
    if payload.lstrip().startswith(b"{"):
        return [msgspec.Raw(payload)]
    batch: list[msgspec.Raw] = decoded(_BATCH, payload)
    return batch


def _said(raw: msgspec.Raw, context: Context, where: str) -> Parsed:
    event: _Event = decoded(_EVENT, raw, where)
    try:
        if event.type.startswith(_TASK_ROUTER):
            return said_of_task(_of_task(event, f"{where}.data"), context)
        if event.type.startswith(_CONVERSATIONS):
            return said_in_conversation(_of_conversation(event, f"{where}.data"), context)
        if event.type.startswith(_CALLS):
            return said_of_call(_of_call(event, f"{where}.data"), context)
    except Malformed as error:
        if where in error.message:
            raise
        raise Malformed(error.reason, f"in `{where}`: {error.message}") from None
    return Ignored("other_product" if event.type.startswith("com.twilio.") else "unknown_type")


def _of_task(event: _Event, where: str) -> Fields:
    data: _OfTask = decoded(_OF_TASK, event.data, where)
    fields = _texts(data.payload, f"{where}.payload")
    fields["EventType"] = event.type.removeprefix(_TASK_ROUTER)
    fields["Sid"] = data.sid or event.id or ""
    fields["TimestampMs"] = str(_instant(data.timestamp or event.time, f"{where}.timestamp"))
    return Fields(fields)


def _of_conversation(event: _Event, where: str) -> Fields:
    fields = _texts(decoded(_OF_CONVERSATION, event.data, where), where)
    words = event.type.removeprefix(_CONVERSATIONS).replace("-", ".").split(".")
    fields["EventType"] = "on" + "".join(map(_capital, words))
    if "MessageBody" in fields:
        fields.setdefault("Body", fields["MessageBody"])
    fields.setdefault("Source", "SDK" if fields.get("ParticipantSid") else "API")
    return Fields(fields)


def _of_call(event: _Event, where: str) -> Fields:
    data: _OfCall = decoded(_OF_CALL, event.data, where)
    fields = _texts(data.request.parameters, f"{where}.request.parameters")
    if not fields.get("Timestamp"):
        fields["Timestamp"] = format_datetime(from_ms(_instant(event.time, f"{where}.time")))
    return Fields(fields)


def _texts(values: Mapping[str, msgspec.Raw], where: str) -> dict[str, str]:
    """Fields by the names of the callbacks, as text; what is null is missing. Raises Malformed."""
    fields: dict[str, str] = {}
    for name, raw in values.items():
        value = bytes(raw)
        if value != b"null":
            key = "".join(map(_capital, name.split("_")))
            fields[key] = decoded(_TEXT, value, where) if value.startswith(b'"') else text_of(value)
    return fields


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _instant(text: str | None, where: str) -> int:
    """An ISO 8601 instant in ms. Raises Malformed."""
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        raise Malformed(
            "time", f"`{where}` is {shown(text or '')}: an instant as 2026-10-20T10:00:00.000Z is expected"
        ) from None
    return possible_ms(to_ms(instant if instant.tzinfo else instant.replace(tzinfo=UTC)), where)


PROVIDER = TwilioEvents()
