"""FreeSWITCH's mod_callcenter: events of its event socket in JSON, and its lists of agents and members.

Facts: FreeSWITCH's `mod_callcenter.c`, `switch_channel.c` and the pages on mod_callcenter and the event socket.

A contact is the caller's channel (CC-Member-Session-UUID), the same over several queues; an offer is a place in one
(CC-Member-UUID). Names of queues and agents are taken as they are (`support@default`). Ids are made of FreeSWITCH's
own, so that a list tells of the same call what its event told.

Headers that it reads: `freeswitch-received` (ms) and `freeswitch-command`, which a list was the answer to. Setting of
the source: `queues` (those that count; none: all).

What is not there: wrap-up (only the setting `wrap-up-time`), transfers. Holds come with a leg's variables only where
FreeSWITCH says them (`verbose-events`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from agents.intake.parsing import Context, Events, Fault, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import created, decoded, listed
from schemas.events import (
    AgentState,
    AgentStateChanged,
    AnyEvent,
    Channel,
    ContactAnswered,
    ContactEnded,
    ContactHoldEnded,
    ContactHoldStarted,
    ContactLeftQueue,
    ContactOfferDeclined,
    ContactOffered,
    LeftQueueReason,
)
from schemas.identifiers import phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import SECOND, from_ms
from schemas.unreadable import UNREADABLE

REVISION = 2
"""Version of the parser: raised when it reads an event otherwise than before."""

RECEIVED, COMMAND = "freeswitch-received", "freeswitch-command"

IGNORED = {
    "agent-offering": "agent_offering",
    "agent-max-no-answer": "status_change_tells",
    "agent-state-change": "machine_state",
    "members-count": "members_count",
    "agent-add": "agent_setting",
    "agent-contact-change": "agent_setting",
}
"""Actions that say nothing that is counted, and the word that they are counted under. An agent's state is the machine's
(Waiting, Receiving): whether somebody is on a contact, the contacts say; whether they want any, the status does."""

UNLISTED = "unlisted_event"
BRIDGE_OVER = "bridge_end"
EMPTY = "empty_list"
ELSEWHERE = "other_queue"
NO_MEMBER = "no_queue_call"
HELD_BY_CALLER = "held_by_caller"

STATUSES: Mapping[str, AgentState] = {
    "Available": "available",
    "Available (On Demand)": "available",
    "On Break": "away",
    "Logged Out": "offline",
}
REASONS: Mapping[str, LeftQueueReason] = {
    "NONE": "abandoned",
    "TIMEOUT": "timeout",
    "NO_AGENT_TIMEOUT": "empty",
    "EXIT_WITH_KEY": "key_exit",
    "BREAK_OUT": "abandoned",
}
"""Cancel reason -> reason. BREAK_OUT is told of whoever hangs up while no agent is found; see `_UP`."""

_UP = frozenset({"ringing", "early", "answered"})
"""Answer-State of a channel that is still up: whoever broke out of the queue with one was taken out of it. That of one
that was hung up is `hangup`; its Channel-State lags behind."""

_REJECTED = frozenset({"CALL_REJECTED", "USER_BUSY"})
_NOBODYS_FAULT = {"LOSE_RACE": "lost_race", "ORIGINATOR_CANCEL": "caller_gone"}
_LATEST_MS = 253_402_300_799_999

Text = str | int | float | bool | None


class Event(msgspec.Struct, gc=False):
    """What is read of an event. `moment`: epoch µs; all other times epoch s. All are texts, as a rule."""

    name: Text = msgspec.field(default=None, name="Event-Name")
    subclass: Text = msgspec.field(default=None, name="Event-Subclass")
    moment: Text = msgspec.field(default=None, name="Event-Date-Timestamp")
    action: Text = msgspec.field(default=None, name="CC-Action")
    queue: Text = msgspec.field(default=None, name="CC-Queue")
    agent: Text = msgspec.field(default=None, name="CC-Agent")
    status: Text = msgspec.field(default=None, name="CC-Agent-Status")
    called: Text = msgspec.field(default=None, name="CC-Agent-Called-Time")
    answered: Text = msgspec.field(default=None, name="CC-Agent-Answered-Time")
    aborted: Text = msgspec.field(default=None, name="CC-Agent-Aborted-Time")
    joined: Text = msgspec.field(default=None, name="CC-Member-Joined-Time")
    leaving: Text = msgspec.field(default=None, name="CC-Member-Leaving-Time")
    member: Text = msgspec.field(default=None, name="CC-Member-UUID")
    session: Text = msgspec.field(default=None, name="CC-Member-Session-UUID")
    number: Text = msgspec.field(default=None, name="CC-Member-CID-Number")
    cause: Text = msgspec.field(default=None, name="CC-Cause")
    cancel_reason: Text = msgspec.field(default=None, name="CC-Cancel-Reason")
    channel_state: Text = msgspec.field(default=None, name="Answer-State")
    connected: Text = msgspec.field(default=None, name="CC-Agent-Bridged")
    hangup_cause: Text = msgspec.field(default=None, name="CC-Hangup-Cause")
    leg_side: Text = msgspec.field(default=None, name="variable_cc_side")
    leg_session: Text = msgspec.field(default=None, name="variable_cc_member_session_uuid")
    leg_queue: Text = msgspec.field(default=None, name="variable_cc_queue")
    leg_agent: Text = msgspec.field(default=None, name="variable_cc_agent")
    leg: Text = msgspec.field(default=None, name="Unique-ID")


_DECODER = msgspec.json.Decoder(Event)


class Told(NamedTuple):
    """Something on its way to events. `what`: for messages; `time`: ms; `session` and `member` as FreeSWITCH names
    them."""

    what: str
    time: int
    context: Context
    session: str
    member: str
    queue: str | None
    agent: str | None = None

    def common(self, kind: str, *more: object, agent: bool = True) -> dict[str, Any]:
        """What all events of a call have in common. Raises Malformed: identity."""
        if not self.session or not self.member:
            missing = "the channel of the caller" if not self.session else "the place in the queue"
            raise Malformed("identity", f"{self.what}: {missing} is missing (session UUID and UUID of the member)")
        return {
            "id": event_id(self.context.source, "freeswitch", self.session, self.member, kind, *more),
            "time": from_ms(self.time),
            "channel": "phone",
            "source": self.context.source,
            "revision": REVISION,
            "queue": self.queue,
            "agent": self.agent if agent else None,
            "contact": contact_id(self.context.source, self.session),
        }


def _begun(told: Told, number: str) -> tuple[AnyEvent, ...]:
    common = told.common("offered", agent=False)
    caller = phone_identifier(number, told.context.region)
    identifiers = (caller,) if caller else ()
    there = created(told.context.source, common["contact"], "phone", told.time, queue=None, identifiers=identifiers)
    return there, ContactOffered(**common, identifiers=identifiers)


def _start(event: Event, told: Told) -> tuple[AnyEvent, ...]:
    return _begun(told, _text(event.number))


def _bridged(event: Event, told: Told) -> tuple[AnyEvent, ...]:
    """Told before the two are connected: `_bridge_over` takes it back where that fails, and the next agent's stands."""
    common = told.common("answered") | {"revision": told.time}
    return (ContactAnswered(**common, waited=_span(event.joined, event.answered)),)


def _bridge_over(event: Event, told: Told) -> tuple[AnyEvent, ...] | Ignored:
    if _text(event.connected) != "false":
        return Ignored(BRIDGE_OVER)
    # One that fails in the very ms is over all the same.
    return (ContactOfferDeclined(**told.common("answered") | {"revision": told.time + 1}),)


def _failed(event: Event, told: Told) -> tuple[AnyEvent, ...] | Ignored:
    cause = _text(event.hangup_cause)
    if cause in _NOBODYS_FAULT:
        return Ignored(_NOBODYS_FAULT[cause])
    reason: Literal["missed", "rejected"] = "rejected" if cause in _REJECTED else "missed"
    common = told.common("declined", told.agent or "", told.time)
    return (ContactOfferDeclined(**common, reason=reason, rang=_span(event.called, event.aborted)),)


def _end(event: Event, told: Told) -> tuple[AnyEvent, ...]:
    cause = _text(event.cause)
    if cause == "Terminated":
        talked = _span(event.answered, event.leaving)
        return (ContactEnded(**told.common("ended"), talked=talked, handled=talked),)
    if cause != "Cancel":
        raise Malformed("schema", f"member-queue-end: CC-Cause is {shown(cause)}: expected Terminated or Cancel")
    said = _text(event.cancel_reason)
    taken_out = said == "BREAK_OUT" and _text(event.channel_state) in _UP
    reason = "withdrawn" if taken_out else REASONS.get(said, "system")
    return (ContactLeftQueue(**told.common("left"), reason=reason, waited=_span(event.joined, event.leaving)),)


def _status(agent: str, status: str, time: int, context: Context) -> AgentStateChanged:
    if not agent:
        raise Malformed("identity", "the status of an agent who is not named")
    if status not in STATUSES:
        raise Malformed("schema", f"the agent's status is {shown(status)}: expected {', '.join(STATUSES)}")
    return AgentStateChanged(
        id=event_id(context.source, "freeswitch", agent, "status", status, time),
        time=from_ms(time),
        channel="phone",
        source=context.source,
        revision=REVISION,
        agent=agent,
        state=STATUSES[status],
    )


def _held(event: Event, time: int, context: Context) -> Parsed:
    session = _text(event.leg_session)
    if not session:
        return Ignored(NO_MEMBER)
    if _text(event.leg_side) != "agent":
        return Ignored(HELD_BY_CALLER)
    queue, agent = _text(event.leg_queue) or None, _text(event.leg_agent) or None
    if _elsewhere(queue, context):
        return Ignored(ELSEWHERE)
    what = _text(event.name)
    told = Told(what, time, context, session, _text(event.leg) or session, queue, agent)
    kind = ContactHoldStarted if what == "CHANNEL_HOLD" else ContactHoldEnded
    return Events((kind(**told.common(what, time)),))


Build = Callable[[Event, Told], tuple[AnyEvent, ...] | Ignored]

BUILD: Mapping[str, Build] = {
    "member-queue-start": _start,
    "member-queue-resume": _start,
    "bridge-agent-start": _bridged,
    "bridge-agent-fail": _failed,
    "bridge-agent-end": _bridge_over,
    "member-queue-end": _end,
}
"""CC-Action -> what makes canonical events of it. Who is called back in time has a new channel: another contact."""


class FreeswitchCallcenter:
    """The format `freeswitch-callcenter`: a record is one event, or one list."""

    name = "freeswitch-callcenter"
    channel: Channel = "phone"
    revision = REVISION
    content_type = b"application/json"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The caller's channel, else the agent; a list has none."""
        event = None if COMMAND in headers else _glanced(payload)
        if event is None:
            return None
        return (_text(event.session) or _text(event.leg_session) or _text(event.agent)).encode() or None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When it happened, of a list when it came, ms."""
        event = None if COMMAND in headers else _glanced(payload)
        return _received(headers) if event is None else _moment(event)

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Always phone."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What it says. Raises Malformed."""
        command = context.headers.get(COMMAND)
        if command is not None:
            return _list(payload, command, context)
        event: Event = decoded(_DECODER, payload)
        time = _moment(event)
        if time is None:
            given = shown(_text(event.moment))
            raise Malformed("time", f"Event-Date-Timestamp is {given}: expected µs since 1970")
        if _text(event.name) in ("CHANNEL_HOLD", "CHANNEL_UNHOLD"):
            return _held(event, time, context)
        return _action(event, time, context)


def _action(event: Event, time: int, context: Context) -> Parsed:
    action, agent, queue = _text(event.action), _text(event.agent), _text(event.queue) or None
    if action == "agent-status-change":
        return Events((_status(agent, _text(event.status), time, context),))
    build = BUILD.get(action)
    if build is None:
        return Ignored(IGNORED.get(action, UNLISTED))
    if _elsewhere(queue, context):
        return Ignored(ELSEWHERE)
    told = Told(action, time, context, _text(event.session), _text(event.member), queue, agent or None)
    said = build(event, told)
    return said if isinstance(said, Ignored) else Events(said)


def _list(payload: bytes, command: bytes, context: Context) -> Parsed:
    """A list of agents or of members: each row what its event says."""
    time = _received(context.headers)
    if time is None:
        raise Malformed("time", f"the header {RECEIVED} of a list is missing: ms are expected")
    if payload.strip() == b"+OK":
        # The columns are named with the first row only.
        return Ignored(EMPTY)
    events: list[AnyEvent] = []
    faults: list[Fault] = []
    for row in _rows(payload):
        try:
            if command == b"agent list":
                events.append(_status(row.get("name", ""), row.get("status", ""), time, context))
            else:
                events.extend(_member(row, context))
        except Malformed as error:
            faults.append(Fault(error.reason, error.message))
    if faults and not events:
        raise Malformed(faults[0].reason, faults[0].message)
    return Events(tuple(events), tuple(faults)) if events else Ignored(EMPTY)


def _rows(payload: bytes) -> Iterator[dict[str, str]]:
    lines = payload.decode("utf-8", "replace").splitlines()
    columns = lines[0].split("|") if lines else []
    if len(columns) < 2:
        raise Malformed(
            "syntax",
            f"no list: its first line is {shown(lines[0] if lines else '')}, names with bars between are expected",
        )
    for line in lines[1:]:
        if "|" in line:
            yield dict(zip(columns, line.split("|"), strict=False))


def _member(row: Mapping[str, str], context: Context) -> tuple[AnyEvent, ...]:
    state, queue = row.get("state", ""), row.get("queue") or None
    if state not in ("Waiting", "Trying", "Answered") or _elsewhere(queue, context):
        return ()
    joined = _seconds(row.get("rejoined_epoch")) or _seconds(row.get("joined_epoch"))
    if joined is None:
        raise Malformed(
            "time", f"joined_epoch of a member is {shown(row.get('joined_epoch', ''))}: expected s since 1970"
        )
    told = Told("a member", joined * SECOND, context, row.get("session_uuid", ""), row.get("uuid", ""), queue)
    begun = _begun(told, row.get("cid_number", ""))
    bridged = _seconds(row.get("bridge_epoch"))
    if state != "Answered" or not bridged:
        return begun
    talks = told._replace(time=bridged * SECOND, agent=row.get("serving_agent") or None)
    # What was heard of this very answer stands, for a list has whole seconds; of a bridge that failed before, the list.
    common = talks.common("answered") | {"revision": talks.time}
    return (*begun, ContactAnswered(**common, waited=float(max(0, bridged - joined))))


def _elsewhere(queue: str | None, context: Context) -> bool:
    queues = listed(context.settings.get("queues", ""))
    return bool(queues) and queue is not None and queue not in queues


def _glanced(payload: bytes) -> Event | None:
    try:
        return _DECODER.decode(payload)
    except UNREADABLE:
        return None


def _text(value: Text) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _moment(event: Event) -> int | None:
    text = _text(event.moment)
    if not (text.isascii() and text.isdigit() and len(text) <= 18) or int(text) // 1_000 > _LATEST_MS:
        return None
    return int(text) // 1_000


def _received(headers: Headers) -> int | None:
    text = headers.get(RECEIVED, b"")
    return min(int(text), _LATEST_MS) if text.isdigit() and len(text) <= 15 else None


def _seconds(value: Text) -> int | None:
    """Whole seconds since the epoch; None for nothing, which FreeSWITCH writes as 0."""
    text = _text(value)
    return int(text) or None if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _span(start: Text, end: Text) -> float | None:
    """Seconds between two instants that are both there."""
    first, last = _seconds(start), _seconds(end)
    return None if first is None or last is None or last < first else float(last - first)
