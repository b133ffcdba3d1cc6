"""Twilio TaskRouter: event callbacks of a workspace, Flex's too.

A task is the contact, its queue and agent are told by name. Entering a queue and accepting a reservation are events of
their own and may come again after a transfer, so they are named by themselves; the task's begin and end are named by
the task, a transfer by the reservation that began it, so that one that failed or was canceled is taken back. In a task
of a call of ours (attribute `direction`: outbound) nobody waits: it is there, and ends. Settings: `activities`,
`Name=state,...` with the states of agent.state_changed, beside those that are understood anyway; an activity that
nobody knows is away. Facts: Twilio's "TaskRouter events reference".
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, get_args

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.providers._twilio import Fields, Form, Twilio, fields_of, possible_ms
from agents.intake.webhook import created, earliest, first_of
from schemas.events import (
    AgentState,
    AgentStateChanged,
    AnyEvent,
    Channel,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
    ContactWrapupEnded,
    ContactWrapupStarted,
)
from schemas.identifiers import mail_identifier, phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Answer

REVISION = 1
"""Version of the parser: raised when it reads an event otherwise than before."""

ACTIVITIES: Mapping[str, AgentState] = {
    "available": "available",
    "idle": "available",
    "busy": "on_contact",
    "reserved": "on_contact",
    "wrap up": "wrap_up",
    "wrapup": "wrap_up",
    "wrap-up": "wrap_up",
    "break": "away",
    "unavailable": "away",
    "offline": "offline",
}
"""States of activities, by name in lower case."""

IGNORED: Mapping[str, str] = {
    "task.updated": "property",
    "task.deleted": "cleanup",
    "task.system-deleted": "cleanup",
    "task.transfer-attempt-failed": "transfer_step",
    "task.transfer-completed": "transfer_step",
    "reservation.created": "offer_to_agent",
    "reservation.rescinded": "offer_withdrawn",
    "reservation.canceled": "offer_withdrawn",
    "reservation.failed": "offer_withdrawn",
    "reservation.wrapup": "told_by_task",
    "workflow.entered": "routing",
    "workflow.target-matched": "routing",
    "workflow.skipped": "routing",
    "worker.created": "property",
    "worker.deleted": "property",
    "worker.attributes.update": "property",
    "worker.capacity.update": "property",
    "worker.channel.availability.update": "property",
}
"""Events that say nothing that is counted, and why."""

_CONFIGURED = (
    "activity.",
    "task-queue.created",
    "task-queue.deleted",
    "task-queue.expression.",
    "workflow.",
    "workspace.",
)
_CHANNELS: Mapping[str, Channel] = {
    "voice": "phone",
    "email": "email",
    "facebook": "social",
    "messenger": "social",
    "instagram": "social",
    "chat": "chat",
    "web": "chat",
    "sms": "chat",
    "whatsapp": "chat",
    "video": "chat",
}
_HUNG_UP = re.compile(r"h[au]ng[ -]?up", re.IGNORECASE)


class _Attributes(msgspec.Struct, gc=False):
    """What a flow usually puts into TaskAttributes; anything may stand there."""

    from_: Any = msgspec.field(name="from", default=None)
    email: Any = None
    customer: Any = msgspec.field(name="customerAddress", default=None)
    direction: Any = None
    outbound_to: Any = None


_attributes = msgspec.json.Decoder(_Attributes).decode


class _Told:
    """One event of a task: what all that is made of it has in common."""

    __slots__ = ("attributes", "channel", "contact", "context", "form", "queue", "sid", "time")

    def __init__(self, form: Fields, context: Context) -> None:
        self.form = form
        self.context = context
        self.sid = form.sid("Sid")
        self.contact = contact_id(context.source, form.sid("TaskSid"))
        self.time = _time(form)
        self.channel = _channel(form)
        self.queue = form.get("TaskQueueName") or form.get("TaskQueueSid")
        self.attributes = _read_attributes(form.get("TaskAttributes"))

    @property
    def calls_out(self) -> bool:
        """Whether it is a call of ours."""
        return self.channel == "phone" and self.attributes.direction == "outbound"

    def created(self) -> ContactCreated:
        """contact.created, which every event of the task brings along."""
        return created(
            self.context.source,
            self.contact,
            self.channel,
            self.time,
            queue=self.queue,
            identifiers=self.identifiers(),
            direction="outbound" if self.attributes.direction == "outbound" else "inbound",
            priority=self.form.get("TaskPriority"),
        )

    def identifiers(self) -> tuple[str, ...]:
        """Of the customer: the address, then the number."""
        said = self.attributes
        # An outbound call is from a number of ours.
        numbers = (said.outbound_to,) if said.direction == "outbound" else (said.customer, said.from_)
        found = [_mail(said.email), *(_mail(value) or _phone(value, self.context.region) for value in numbers)]
        return tuple(dict.fromkeys(each for each in found if each))

    def common(self, word: str) -> dict[str, Any]:
        """Fields of an event that is named by this one."""
        return {
            "id": event_id(self.context.source, self.sid, word),
            "time": from_ms(self.time),
            "channel": self.channel,
            "source": self.context.source,
            "contact": self.contact,
            "revision": REVISION,
            "queue": self.queue,
            "agent": self.form.get("WorkerName") or self.form.get("WorkerSid"),
        }

    def ended(self, *, by_customer: bool = False) -> ContactEnded:
        """contact.ended, once a task: the earliest event that says so stands."""
        said = self.common("ended")
        said["id"] = first_of(self.context.source, self.contact, "ended")
        said["revision"] = earliest(self.time)
        return ContactEnded(**said, by="customer" if by_customer else None)


def _entered(told: _Told) -> tuple[AnyEvent, ...]:
    said = {**told.common("offered"), "agent": None}
    return (ContactOffered(**said, identifiers=told.identifiers()),)


def _queue_timed_out(told: _Told) -> tuple[AnyEvent, ...]:
    return (ContactLeftQueue(**{**told.common("left_queue"), "agent": None}, reason="timeout"),)


def _moved(told: _Told) -> tuple[AnyEvent, ...]:
    # Whether it names the queue that was left or the one that is entered, is not documented.
    return (ContactLeftQueue(**{**told.common("left_queue"), "agent": None, "queue": None}, reason="transfer_out"),)


def _accepted(told: _Told) -> tuple[AnyEvent, ...]:
    said = told.common("answered")
    said["id"] = event_id(told.context.source, told.form.sid("ReservationSid"), "answered")
    return (ContactAnswered(**said),)


def _missed(told: _Told) -> tuple[AnyEvent, ...]:
    return (ContactOfferDeclined(**told.common("declined"), reason="missed"),)


def _rejected(told: _Told) -> tuple[AnyEvent, ...]:
    return (ContactOfferDeclined(**told.common("declined"), reason="rejected"),)


def _of_transfer(told: _Told) -> dict[str, Any]:
    """Fields of an event that is named by the reservation that was to be transferred: there is another transfer of it
    only after one that came to nothing, so that the latest stands."""
    reservation = told.form.get("TransferInitiatingReservationSid") or told.form.get("ReservationSid") or told.sid
    named = {"id": event_id(told.context.source, reservation, "transferred"), "revision": told.time}
    # The queue may be the next one already, the worker the next agent: only who had it is of interest.
    return {**told.common("transferred"), **named, "queue": None, "agent": None}


def _transferred(told: _Told) -> tuple[AnyEvent, ...]:
    attended = (told.form.get("TransferMode") or "").upper() == "WARM"
    to = told.form.get("TransferTo")
    return (ContactTransferred(**_of_transfer(told), mode="attended" if attended else "blind", to=to),)


def _transfer_undone(told: _Told) -> tuple[AnyEvent, ...]:
    """Nobody took it, so that there was no transfer: who had it still has it."""
    # Of one instant this was the later.
    return (ContactOfferDeclined(**_of_transfer(told) | {"revision": told.time + 1}),)


def _wrapping_up(told: _Told) -> tuple[AnyEvent, ...]:
    return (told.ended(), ContactWrapupStarted(**told.common("wrapup_started")))


def _wrapped_up(told: _Told) -> tuple[AnyEvent, ...]:
    return (ContactWrapupEnded(**told.common("wrapup_ended")),)


def _completed(told: _Told) -> tuple[AnyEvent, ...]:
    return (told.ended(),)


def _canceled(told: _Told) -> tuple[AnyEvent, ...]:
    hung_up = _HUNG_UP.search(told.form.get("TaskCanceledReason") or "") is not None
    return (told.ended(by_customer=hung_up),)


def _nothing_more(told: _Told) -> tuple[AnyEvent, ...]:
    return ()


TASK_EVENTS: Mapping[str, Callable[[_Told], tuple[AnyEvent, ...]]] = {
    "task.created": _nothing_more,
    "task-queue.entered": _entered,
    "task-queue.timeout": _queue_timed_out,
    "task-queue.moved": _moved,
    "workflow.timeout": _queue_timed_out,
    "reservation.accepted": _accepted,
    "reservation.timeout": _missed,
    "reservation.rejected": _rejected,
    "reservation.completed": _wrapped_up,
    "task.transfer-initiated": _transferred,
    "task.transfer-failed": _transfer_undone,
    "task.transfer-canceled": _transfer_undone,
    "task.wrapup": _wrapping_up,
    "task.completed": _completed,
    "task.canceled": _canceled,
}
"""Events of tasks that are counted."""


class TwilioTaskRouter(Twilio):
    """The provider `twilio-taskrouter`."""

    name = "twilio-taskrouter"
    channel: Channel = "phone"
    setting_names = ("activities",)
    taken = Answer(status=204, content_type="application/json")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The event's Sid, else Twilio's name of the request."""
        return fields_of(body).get("Sid") or super().identity(body, headers)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The task, else the worker."""
        form = fields_of(payload)
        return (form.get("TaskSid") or form.get("WorkerSid") or "").encode() or None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """That of the task; phone for what is about no task."""
        return _channel(fields_of(payload))

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What one event says. Raises Malformed."""
        return said_of_task(Form(payload), context)


def said_of_task(form: Fields, context: Context) -> Parsed:
    """What the fields of one event say. Raises Malformed."""
    kind = form.text("EventType")
    of_task = TASK_EVENTS.get(kind)
    if of_task is not None:
        told = _Told(form, context)
        said = of_task(told)
        if told.calls_out:
            said = tuple(event for event in said if isinstance(event, ContactEnded))
        return Events((told.created(), *said))
    if kind == "worker.activity.update":
        return Events((_agent_state(form, context),))
    if kind in IGNORED:
        return Ignored(IGNORED[kind])
    return Ignored("configuration" if kind.startswith(_CONFIGURED) else "unknown_type")


def _agent_state(form: Fields, context: Context) -> AgentStateChanged:
    sid, activity = form.sid("Sid"), form.text("WorkerActivityName")
    states = _states(context.settings.get("activities", ""))
    return AgentStateChanged(
        id=event_id(context.source, sid, "state"),
        time=from_ms(_time(form)),
        channel="phone",
        source=context.source,
        revision=REVISION,
        agent=form.get("WorkerName") or form.sid("WorkerSid"),
        state=states.get(activity.strip().lower(), "away"),
        reason=activity,
    )


@lru_cache(maxsize=64)
def _states(setting: str) -> Mapping[str, AgentState]:
    states = dict(ACTIVITIES)
    for item in filter(None, map(str.strip, setting.split(","))):
        name, _, state = (part.strip() for part in item.rpartition("="))
        if not name or state not in get_args(AgentState):
            expected = ", ".join(get_args(AgentState))
            raise Malformed("rule", f"setting activities has {shown(item)}: Name=state is expected, one of {expected}")
        states[name.lower()] = state  # type: ignore[assignment]
    return states


def _time(form: Fields) -> int:
    """TimestampMs, else Timestamp, ms."""
    ms = form.number("TimestampMs")
    if ms is not None:
        return possible_ms(ms, "TimestampMs")
    seconds = form.number("Timestamp")
    if seconds is None:
        raise Malformed(
            "time", "fields TimestampMs and Timestamp are missing or blank: nobody can say when it happened"
        )
    return possible_ms(seconds * 1000, "Timestamp")


def _channel(form: Fields) -> Channel:
    return _CHANNELS.get((form.get("TaskChannelUniqueName") or "").lower(), "phone")


def _read_attributes(text: str | None) -> _Attributes:
    # A flow writes them: what can't be read names no customer, and the event counts all the same.
    try:
        return _attributes(text or "{}")
    except UNREADABLE:
        return _Attributes()


def _mail(value: Any) -> str | None:
    return mail_identifier(value) if isinstance(value, str) else None


def _phone(value: Any, region: str | None) -> str | None:
    return phone_identifier(value.removeprefix("whatsapp:"), region) if isinstance(value, str) else None


PROVIDER = TwilioTaskRouter()
