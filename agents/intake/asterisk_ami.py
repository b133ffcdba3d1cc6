"""Asterisk's manager interface (AMI): the events of its queues, one block of `Name: value` lines each.

Facts: Asterisk's `apps/app_queue.c`, `main/manager.c`, `main/manager_channels.c` and the AMI event reference.

A call has the same contact as in the format `asterisk-queue-log`: history of the file and what comes live agree. But
the same calls must not come by both under one source at the same time: their events have other ids. What AMI does not
say: why a caller left (every exit is `abandoned`; one by a key is no event of its own, so that such a caller waits
until `max_wait`), when wrap-up ends, and where a call was transferred to.

Headers that it reads: `ami-received` (ms; the time of blocks without `Timestamp`) and, with the answer to QueueStatus,
`ami-heard` (ms: until then everything was kept), `ami-joined` (calls that joined just before, or since) and `ami-asked`
(ms: the members' states held then at the latest, for what happens while it is on its way is later). Settings of the
source: `queues` (those that count; none: all), `holds` (`yes`: a hold counts, which only those switchboards can say
whose calls all go through queues).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from agents.intake.parsing import Context, Events, Fault, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import created, listed
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
    ContactTransferred,
)
from schemas.identifiers import phone_identifier
from schemas.ids import contact_id, event_id
from schemas.instants import SECOND, from_ms

REVISION = 1
"""Version of the parser: raised when it reads a block otherwise than before."""

RECEIVED, HEARD, JOINED, ASKED = "ami-received", "ami-heard", "ami-joined", "ami-asked"

IGNORED = {
    "QueueCallerLeave": "queue_leave",
    "AgentCalled": "agent_called",
    "BlindTransfer": "agent_complete_tells",
    "AttendedTransfer": "agent_complete_tells",
}
"""Events that say nothing that is counted, and the word that they are counted under. A caller leaves before the answer
and before the abandon; a transfer is told by the AgentComplete that comes with it, which knows queue and agent."""

UNLISTED = "unlisted_event"
ELSEWHERE = "other_queue"
IN_USE = "member_in_use"
NO_HOLDS = "holds_not_counted"
HELD_BY_CALLER = "held_by_caller"

_ANSWER = frozenset({"QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"})
_LATEST_MS = 253_402_300_799_999
_LONGEST_NUMBER = 9
_UNSHARP = 2 * SECOND
_OFFLINE = frozenset({"4", "5"})
"""Status of a member whose device is invalid or unavailable."""

_PASSING = frozenset({"6", "7", "8"})
"""Ringing, ringing and in use, on hold: what comes before or after says whether the device is there. One in use or
busy is: who was unreachable may begin with a call. Whether somebody is on a contact, the contacts themselves say."""

_ENDED_BY: Mapping[str, Literal["customer", "agent"]] = {"caller": "customer", "agent": "agent"}

Block = Mapping[str, str]


class Told(NamedTuple):
    """One block on its way to events. `time`: ms."""

    event: str
    block: Block
    time: int
    context: Context

    def needed(self, name: str) -> str:
        """A field. Raises Malformed: identity, where it is missing or empty."""
        value = self.block.get(name, "")
        if not value:
            raise Malformed("identity", f"{self.event}: the field {name} is missing or empty")
        return value

    def seconds(self, name: str, unit: int = 1) -> float | None:
        """A whole number of seconds (of a `unit`-th each); None where the version of Asterisk does not write it, or a
        step of the clock made it negative. Raises Malformed: schema."""
        text = self.block.get(name, "")
        if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
            return int(text) / unit
        if not text or (text[0] == "-" and text[1:].isdigit()):
            return None
        raise Malformed("schema", f"{self.event}: the field {name} is {shown(text)}, a whole number is expected")

    @property
    def queue(self) -> str | None:
        """The queue."""
        return self.block.get("Queue") or None

    @property
    def agent(self) -> str | None:
        """The member's name; its device where it has none."""
        names = ("MemberName", "Name", "Interface", "Location")
        return next((self.block[name] for name in names if self.block.get(name)), None)

    def id(self, *more: object) -> str:
        """Of what happened: a block that comes again has the same."""
        return event_id(self.context.source, "ami", self.event, *more, self.time)

    def of_contact(self, field: str = "Uniqueid") -> dict[str, Any]:
        """What all events of a call have in common."""
        call = self.needed(field)
        return {
            "id": self.id(call, self.queue or "", self.agent or ""),
            "time": from_ms(self.time),
            "channel": "phone",
            "source": self.context.source,
            "revision": REVISION,
            "queue": self.queue,
            "agent": self.agent,
            "contact": contact_id(self.context.source, call),
        }


Build = Callable[[Told], tuple[AnyEvent, ...] | Ignored]


def _join(told: Told) -> tuple[AnyEvent, ...]:
    common = told.of_contact()
    caller = phone_identifier(told.block.get("CallerIDNum", ""), told.context.region)
    identifiers = (caller,) if caller else ()
    contact = common["contact"]
    there = created(told.context.source, contact, "phone", told.time, queue=None, identifiers=identifiers)
    return there, ContactOffered(**common | {"agent": None}, identifiers=identifiers)


def _abandon(told: Told) -> tuple[AnyEvent, ...]:
    waited = told.seconds("HoldTime")
    return (ContactLeftQueue(**told.of_contact(), reason="abandoned", waited=waited),)


def _no_answer(told: Told) -> tuple[AnyEvent, ...]:
    rang = told.seconds("RingTime", SECOND)
    return (ContactOfferDeclined(**told.of_contact(), reason="missed", rang=rang),)


def _dump(told: Told) -> tuple[AnyEvent, ...]:
    return (ContactOfferDeclined(**told.of_contact(), reason="rejected"),)


def _connect(told: Told) -> tuple[AnyEvent, ...]:
    return (ContactAnswered(**told.of_contact(), waited=told.seconds("HoldTime")),)


def _complete(told: Told) -> tuple[AnyEvent, ...]:
    talked = told.seconds("TalkTime")
    common = told.of_contact() | {"talked": talked, "handled": talked}
    reason = told.block.get("Reason", "").lower()
    if reason == "transfer":
        return (ContactTransferred(**common),)
    return (ContactEnded(**common, by=_ENDED_BY.get(reason)),)


def _hold(told: Told) -> tuple[AnyEvent, ...] | Ignored:
    if told.context.settings.get("holds", "").lower() != "yes":
        return Ignored(NO_HOLDS)
    common = told.of_contact("Linkedid")
    if told.block.get("Uniqueid") == told.block["Linkedid"]:
        return Ignored(HELD_BY_CALLER)
    kind = ContactHoldStarted if told.event == "Hold" else ContactHoldEnded
    return (kind(**common),)


def _state(told: Told, state: AgentState, agent: str | None = None) -> tuple[AnyEvent, ...]:
    agent = agent or told.agent
    if agent is None:
        raise Malformed("identity", f"{told.event}: no member is named: MemberName and Interface are missing or empty")
    reason = told.block.get("PausedReason") or None if state == "away" else None
    return (
        AgentStateChanged(
            id=told.id(agent, told.queue or "", state, reason or ""),
            time=from_ms(told.time),
            channel="phone",
            source=told.context.source,
            revision=REVISION,
            queue=told.queue,
            agent=agent,
            state=state,
            reason=reason,
        ),
    )


def _member(told: Told) -> tuple[AnyEvent, ...]:
    """Who paused is away, whose device is gone is offline."""
    if told.block.get("Status") in _OFFLINE:
        return _state(told, "offline")
    return _state(told, "away" if told.block.get("Paused") == "1" else "available")


def _member_status(told: Told) -> tuple[AnyEvent, ...] | Ignored:
    return Ignored(IN_USE) if told.block.get("Status") in _PASSING else _member(told)


def _waits(told: Told) -> tuple[AnyEvent, ...] | Ignored:
    """Who waited already when everything was heard was told then; who came later was missed, but for those who are
    known to have joined: a wait in whole seconds says no more."""
    headers = told.context.headers
    began = told.time - int((told.seconds("Wait") or 0) * SECOND)
    heard = _ms(headers.get(HEARD, b"").decode("ascii", "replace"))
    joined = headers.get(JOINED, b"").decode("utf-8", "replace").split()
    if told.needed("Uniqueid") in joined or (heard is not None and began < heard - _UNSHARP):
        return Ignored("known")
    return _join(told._replace(time=began))


BUILD: dict[str, Build] = {
    "QueueCallerJoin": _join,
    "QueueCallerAbandon": _abandon,
    "AgentRingNoAnswer": _no_answer,
    "AgentDump": _dump,
    "AgentConnect": _connect,
    "AgentComplete": _complete,
    "Hold": _hold,
    "Unhold": _hold,
    "QueueMemberPause": _member,
    "QueueMemberAdded": _member,
    "QueueMemberRemoved": lambda told: _state(told, "offline"),
    "QueueMemberStatus": _member_status,
    "AgentLogin": lambda told: _state(told, "available", told.needed("Agent")),
    "AgentLogoff": lambda told: _state(told, "offline", told.needed("Agent")),
    "QueueMember": _member,
    "QueueEntry": _waits,
}
"""Event -> what makes canonical events of its block; QueueMember and QueueEntry stand in the answer to QueueStatus."""


class AsteriskAmi:
    """The format `asterisk-ami`: a record is the block of one event, or the answer to QueueStatus."""

    name = "asterisk-ami"
    channel: Channel = "phone"
    revision = REVISION
    content_type = b"text/plain; charset=utf-8"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The call's id, else the member's name; the answer to QueueStatus has none."""
        block = next(blocks_of(payload), {})
        if block.get("Event") in _ANSWER:
            return None
        name = "Linkedid" if block.get("Event") in ("Hold", "Unhold") else "Uniqueid"
        return (block.get(name) or block.get("MemberName") or block.get("Interface") or "").encode() or None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """`Timestamp`, else when it came, ms."""
        return _time_of(next(blocks_of(payload), {}), headers)

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Always phone."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What the block says, or all blocks of an answer. Raises Malformed."""
        blocks = list(blocks_of(payload))
        if not blocks or "Event" not in blocks[0]:
            raise Malformed("syntax", "no block of an event: lines `Name: value` are expected, `Event` among them")
        if blocks[0]["Event"] in _ANSWER:
            return _answer(blocks, context)
        said = _said(blocks[0], context)
        return said if isinstance(said, Ignored) else Events(said)


def blocks_of(payload: bytes) -> Iterator[dict[str, str]]:
    """Each block as its fields: the first of a name counts, values may hold colons. A caller's name may be in any
    encoding: what is no UTF-8 is marked, and no reason to lose the call."""
    for text in payload.decode("utf-8", "replace").split("\r\n\r\n"):
        block: dict[str, str] = {}
        for line in text.split("\r\n"):
            name, colon, value = line.partition(":")
            if colon:
                block.setdefault(name.strip(), value.strip())
        if block:
            yield block


def _answer(blocks: list[dict[str, str]], context: Context) -> Parsed:
    events: list[AnyEvent] = []
    faults = []
    for block in blocks:
        try:
            said = _said(block, context)
        except Malformed as error:
            faults.append(Fault(error.reason, error.message))
        else:
            events.extend(() if isinstance(said, Ignored) else said)
    if faults and not events:
        raise Malformed(faults[0].reason, faults[0].message)
    return Events(tuple(events), tuple(faults)) if events else Ignored("queue_status")


def _said(block: Block, context: Context) -> tuple[AnyEvent, ...] | Ignored:
    event = block.get("Event", "")
    build = BUILD.get(event)
    if build is None:
        return Ignored(IGNORED.get(event, UNLISTED))
    queues = listed(context.settings.get("queues", ""))
    if queues and block.get("Queue", "") and block["Queue"] not in queues:
        return Ignored(ELSEWHERE)
    time = _time_of(block, context.headers)
    if time is None:
        raise Malformed(
            "time", f"{event}: `Timestamp` is {shown(block.get('Timestamp', ''))}, and no header {RECEIVED} has ms"
        )
    return build(Told(event, block, time, context))


def _time_of(block: Block, headers: Headers) -> int | None:
    if block.get("Event") == "QueueMember" and ASKED in headers:
        return _ms(headers[ASKED].decode("ascii", "replace"))
    whole, _, fraction = block.get("Timestamp", "").partition(".")
    time = _ms(whole + (fraction + "000")[:3])
    if whole and time is not None:
        return time
    return _ms(headers.get(RECEIVED, b"").decode("ascii", "replace"))


def _ms(text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        return None
    return int(text) if int(text) <= _LATEST_MS else None
