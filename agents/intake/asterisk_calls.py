"""Lines of Asterisk's queue_log about calls, as canonical events.

Seconds everywhere but in RINGNOANSWER. A wait is the source's `hold time`; there is no hold of the customer and no
wrap-up in the file, so the handle time is the talk time, holds in it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from agents.intake.asterisk_fields import Line, attended_transfer
from agents.intake.parsing import Context, created_id
from schemas.events import (
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    ContactTransferred,
    LeftQueueReason,
)
from schemas.identifiers import phone_identifier
from schemas.ids import event_id

REVISION = 1
"""Version of the parser: raised when it reads a line otherwise than before."""

_ANSWERED = ("ANSWER", "ANSWERED")


class Told:
    """One line on its way to events: what all of its events have in common. `contact` is set for a call's lines."""

    __slots__ = ("agent", "contact", "id", "line", "queue", "source", "time")

    def __init__(self, line: Line, time: datetime, id_: str, source: str) -> None:
        self.line = line
        self.time = time
        self.id = id_
        self.source = source
        self.queue = None if line.queue == "NONE" else line.queue or None
        self.agent = None if line.agent == "NONE" else line.agent or None
        self.contact = ""


def _enter_queue(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    caller = phone_identifier(told.line.data[1], context.region)
    identifiers = (caller,) if caller else ()
    return (
        ContactCreated(
            id=created_id(told.source, told.contact),
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            contact=told.contact,
            identifiers=identifiers,
        ),
        ContactOffered(
            id=told.id,
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            queue=told.queue,
            contact=told.contact,
            identifiers=identifiers,
        ),
    )


def _connect(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    return (
        ContactAnswered(
            id=told.id,
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            queue=told.queue,
            agent=told.agent,
            contact=told.contact,
            waited=told.line.number(0, "hold time"),
        ),
    )


def _ended(told: Told, by: Literal["customer", "agent"]) -> ContactEnded:
    talked = told.line.number(1, "talk time")
    return ContactEnded(
        id=told.id,
        time=told.time,
        channel="phone",
        source=told.source,
        revision=REVISION,
        queue=told.queue,
        agent=told.agent,
        contact=told.contact,
        by=by,
        talked=talked,
        handled=talked,
    )


def _complete_agent(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    return (_ended(told, "agent"),)


def _complete_caller(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    return (_ended(told, "customer"),)


def _leaves(reason: LeftQueueReason, wait: int) -> "Build":
    """Events of a line about leaving the queue, whose data field number `wait` (from 0) is the wait."""

    def left_queue(told: Told, context: Context) -> tuple[AnyEvent, ...]:
        return (
            ContactLeftQueue(
                id=told.id,
                time=told.time,
                channel="phone",
                source=told.source,
                revision=REVISION,
                queue=told.queue,
                agent=told.agent,
                contact=told.contact,
                reason=reason,
                waited=told.line.number(wait, "wait time"),
            ),
        )

    return left_queue


def _ring_no_answer(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    rang = told.line.number(0, "ring time in ms")
    return (
        ContactOfferDeclined(
            id=told.id,
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            queue=told.queue,
            agent=told.agent,
            contact=told.contact,
            reason="missed",
            rang=None if rang is None else rang / 1000,
        ),
    )


def _agent_dump(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    return (
        ContactOfferDeclined(
            id=told.id,
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            queue=told.queue,
            agent=told.agent,
            contact=told.contact,
            reason="rejected",
        ),
    )


def _transferred(told: Told, *, attended: bool, to: str | None, talked: float | None) -> tuple[AnyEvent, ...]:
    # No COMPLETE line follows: what the agent had of the call ends here.
    return (
        ContactTransferred(
            id=told.id,
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            queue=told.queue,
            agent=told.agent,
            contact=told.contact,
            mode="attended" if attended else "blind",
            to=to,
            talked=talked,
            handled=talked,
        ),
    )


def _blind_transfer(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    extension, place = told.line.data[:2]
    to = f"{extension}@{place}" if place else extension
    return _transferred(told, attended=False, to=to or None, talked=told.line.number(3, "talk time"))


def _attended_transfer(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    to, talked = attended_transfer(told.line)
    return _transferred(told, attended=True, to=to, talked=told.line.number(talked, "talk time"))


def _outbound_call(told: Told, context: Context) -> tuple[AnyEvent, ...]:
    talked = told.line.number(1, "talk time")
    answered = told.line.data[0].upper() in _ANSWERED
    # The line is written when the call is over; what came before is that much earlier.
    began = told.time - timedelta(seconds=talked or 0)
    created = ContactCreated(
        id=created_id(told.source, told.contact),
        time=began,
        channel="phone",
        source=told.source,
        revision=REVISION,
        contact=told.contact,
        direction="outbound",
    )
    connected = ContactAnswered(
        id=event_id(told.source, told.id, "answered"),
        time=began,
        channel="phone",
        source=told.source,
        revision=REVISION,
        queue=told.queue,
        agent=told.agent,
        contact=told.contact,
    )
    ended = ContactEnded(
        id=told.id,
        time=told.time,
        channel="phone",
        source=told.source,
        revision=REVISION,
        queue=told.queue,
        agent=told.agent,
        contact=told.contact,
        talked=talked if answered else None,
        handled=talked if answered else None,
    )
    return (created, connected, ended) if answered else (created, ended)


Build = Callable[[Told, Context], tuple[AnyEvent, ...]]

CALL_EVENTS: dict[str, Build] = {
    "ENTERQUEUE": _enter_queue,
    "CONNECT": _connect,
    "COMPLETEAGENT": _complete_agent,
    "COMPLETECALLER": _complete_caller,
    "ABANDON": _leaves("abandoned", 2),
    "EXITWITHTIMEOUT": _leaves("timeout", 2),
    "EXITEMPTY": _leaves("empty", 2),
    "EXITWITHKEY": _leaves("key_exit", 3),
    "WITHDRAW": _leaves("withdrawn", 2),
    "RINGNOANSWER": _ring_no_answer,
    "AGENTDUMP": _agent_dump,
    "BLINDTRANSFER": _blind_transfer,
    "TRANSFER": _blind_transfer,
    "ATTENDEDTRANSFER": _attended_transfer,
    "OUTCALL": _outbound_call,
}
"""Event -> what makes canonical events of its line."""
