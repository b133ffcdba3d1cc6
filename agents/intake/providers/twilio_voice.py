"""Twilio Voice: status callbacks of calls, and the results of <Enqueue>.

A callback speaks of one leg. A call that came in is the contact; the legs that it dials are our agents, and name it as
their parent. None of them knows of the other, so a leg's answer is contact.answered and the end of the call is
contact.ended by nobody known: whether somebody had answered is seen where both are together. A leg's end is
contact.ended as well, of several the last one's: the caller may stay in a menu when the agent is free. Who talks to
several agents one after the other has one conversation, the first one's. Calls that came in tell only of their end
unless asked for more, so the beginning is also reckoned from the end and the duration. The number that was called is
the queue. What comes in from an agent's browser (`client:`) is no contact. Facts: Twilio's "Call status callbacks",
"Enqueue" and "Connection overrides".
"""

from typing import Any

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Parsed
from agents.intake.providers._twilio import Fields, Form, Twilio, fields_of, mail_date, possible_ms, received_at
from agents.intake.webhook import answered, begun, created, first_of
from schemas.events import (
    AnyEvent,
    Channel,
    ContactAnswered,
    ContactEnded,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactTransferred,
    LeftQueueReason,
)
from schemas.identifiers import phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer

REVISION = 1
"""Version of the parser: raised when it reads a callback otherwise than before."""

WAITING = frozenset(("queued", "initiated", "ringing"))
UNANSWERED = frozenset(("busy", "no-answer", "failed", "canceled"))
STATUSES = WAITING | UNANSWERED | {"in-progress", "completed"}

LEFT: dict[str, LeftQueueReason] = {
    "hangup": "abandoned",
    "leave": "key_exit",
    "redirected": "transfer_out",
    "queue-full": "system",
    "error": "system",
    "system-error": "system",
}
"""What QueueResult says of a call that left <Enqueue> unanswered."""

_CHANNEL: Channel = "phone"
_OTHER_CALLBACKS = (
    ("RecordingStatus", "recording"),
    ("TranscriptionSid", "transcription"),
    ("ConferenceSid", "conference"),
    ("QueuePosition", "queue_wait"),
)


class TwilioVoice(Twilio):
    """The provider `twilio-voice`. The answer is TwiML that says nothing, for the action URL of <Enqueue> needs one."""

    name = "twilio-voice"
    channel: Channel = _CHANNEL
    taken = Answer(body=b'<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type="text/xml; charset=utf-8")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The call and the callback's number within it, else Twilio's name of the request."""
        form = fields_of(body)
        call, number = form.get("CallSid"), form.get("SequenceNumber")
        return f"{call}:{number}" if call and number else super().identity(body, headers)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The call that came in."""
        form = fields_of(payload)
        return (form.get("ParentCallSid") or form.get("CallSid") or "").encode() or None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What one callback says. Raises Malformed."""
        return said_of_call(Form(payload), context)


def said_of_call(form: Fields, context: Context) -> Parsed:
    """What the fields of one callback say. Raises Malformed."""
    if not form.get("ParentCallSid") and (form.get("From") or "").startswith("client:"):
        return Ignored("agent_leg")
    if form.get("QueueResult"):
        return _left_enqueue(form, context)
    for field, reason in _OTHER_CALLBACKS:
        if field in form:
            return Ignored(reason)
    if "RecordingSid" in form and not form.get("Timestamp"):
        # The action of <Record>. The end of a call that was recorded names the recording, too.
        return Ignored("recording")
    status = form.text("CallStatus")
    if status not in STATUSES:
        return Ignored("unknown_status")
    if form.get("ParentCallSid"):
        return _leg(form, status, context)
    direction = form.text("Direction")
    if direction == "inbound":
        return _came_in(form, status, context)
    if direction.startswith("outbound"):
        return _went_out(form, status, context)
    return Ignored("unknown_direction")


def _came_in(form: Fields, status: str, context: Context) -> Parsed:
    contact, time = contact_id(context.source, form.sid("CallSid")), mail_date(form, "Timestamp")
    first = _begun(form, context, contact, _start(form, status, time))
    return Events(first + _end(status, context, contact, time, form.get("To")))


def _went_out(form: Fields, status: str, context: Context) -> Parsed:
    call, to = form.sid("CallSid"), form.get("To") or ""
    if to.startswith(("client:", "sip:")):
        return Ignored("agent_leg")
    time = mail_date(form, "Timestamp")
    contact, queue = contact_id(context.source, call), form.get("From")
    there = created(
        context.source,
        contact,
        _CHANNEL,
        _start(form, status, time),
        queue=queue,
        identifiers=_identifiers(to, context),
        direction="outbound",
    )
    return Events((there, *_end(status, context, contact, time, queue)))


def _leg(form: Fields, status: str, context: Context) -> Parsed:
    leg, parent = form.sid("CallSid"), form.sid("ParentCallSid")
    if status in WAITING:
        return Ignored("ringing")
    contact, agent, time = contact_id(context.source, parent), _agent(form), mail_date(form, "Timestamp")
    if status in UNANSWERED:
        declined = ContactOfferDeclined(
            **_common(context, contact, time), id=event_id(context.source, leg, "declined"), agent=agent
        )
        return Events((declined,))
    if status == "completed" and form.number("CallDuration") is None:
        return Ignored("leg_ended")
    answer = _answered(context, contact, _start(form, status, time), agent)
    if status != "completed":
        return Events((answer,))
    return Events((answer, _over(context, contact, time, "leg_ended", agent=agent)))


def _left_enqueue(form: Fields, context: Context) -> Parsed:
    # The request bears no instant. It comes when the wait, or the conversation that followed, is over.
    result, time, waited = form.text("QueueResult"), received_at(context), form.number("QueueTime")
    call, queue_sid, parent = form.sid("CallSid"), form.sid("QueueSid"), form.get("ParentCallSid")
    contact = contact_id(context.source, parent or call)
    first: tuple[AnyEvent, ...] = ()
    if parent is None and form.get("Direction") == "inbound":
        first = _begun(form, context, contact, possible_ms(time - (waited or 0) * 1000, "QueueTime"))
    seconds = None if waited is None else float(waited)
    common = _common(context, contact, time)
    name = (context.source, call, queue_sid, waited)
    if result in LEFT:
        left = ContactLeftQueue(**common, id=event_id(*name, "left_queue"), reason=LEFT[result], waited=seconds)
        return Events((*first, left))
    if result not in ("bridged", "redirected-from-bridged"):
        return Ignored("bridging" if result == "bridging-in-process" else "unknown_queue_result")
    answer = msgspec.structs.replace(_answered(context, contact, time, None), waited=seconds)
    if result == "bridged":
        return Events((*first, answer, *_end("completed", context, contact, time, None)))
    return Events((*first, answer, ContactTransferred(**common, id=event_id(*name, "transferred"))))


def _begun(form: Fields, context: Context, contact: str, time: int) -> tuple[AnyEvent, ...]:
    return begun(
        context.source,
        contact,
        _CHANNEL,
        time,
        queue=form.get("To"),
        identifiers=_identifiers(form.get("From"), context),
    )


def _start(form: Fields, status: str, time: int) -> int:
    """When the call or leg was answered, as far as this callback knows, ms."""
    if status != "completed":
        return time
    return possible_ms(time - (form.number("CallDuration") or 0) * 1000, "Timestamp less CallDuration")


def _end(status: str, context: Context, contact: str, time: int, queue: str | None) -> tuple[AnyEvent, ...]:
    if status != "completed" and status not in UNANSWERED:
        return ()
    return (_over(context, contact, time, "ended", queue=queue),)


def _over(context: Context, contact: str, time: int, word: str, **more: str | None) -> ContactEnded:
    """contact.ended of a thing that is over once: the latest event that says so stands."""
    said: dict[str, Any] = {**_common(context, contact, time), "revision": time, **more}
    return ContactEnded(**said, id=first_of(context.source, contact, word))


def _answered(context: Context, contact: str, time: int, agent: str | None) -> ContactAnswered:
    return answered(context.source, contact, _CHANNEL, time, queue=None, agent=agent)


def _common(context: Context, contact: str, time: int) -> dict[str, Any]:
    return {
        "time": from_ms(time),
        "channel": _CHANNEL,
        "source": context.source,
        "contact": contact,
        "revision": REVISION,
    }


def _identifiers(number: str | None, context: Context) -> tuple[str, ...]:
    # The numbers by which Twilio spells ANONYMOUS, RESTRICTED and the like are not valid.
    identifier = phone_identifier((number or "").removeprefix("whatsapp:"), context.region)
    return (identifier,) if identifier else ()


def _agent(form: Fields) -> str | None:
    """Whom a leg dials, by name: a plain telephone number may be a customer's."""
    to = form.get("To") or ""
    if to.startswith("sip:"):
        return to
    return to.removeprefix("client:") or None if to.startswith("client:") else None


PROVIDER = TwilioVoice()
