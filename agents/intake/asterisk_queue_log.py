"""Asterisk's queue_log: one line an event, `epoch|callid|queue|agent|EVENT|data1|data2...`.

Fields and traps after Asterisk's app_queue, versions 1.4 to 22. The file has no ids: an event's id is made of the
line and its ordinal among equal lines of the same second, which the connector counts.
"""

from datetime import UTC, datetime
from hashlib import blake2b

from agents.intake.asterisk_calls import CALL_EVENTS, REVISION, Told
from agents.intake.asterisk_fields import CONTACTLESS, split_line
from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown, text_of
from schemas.events import AgentState, AgentStateChanged, AnyEvent, Channel
from schemas.ids import contact_id, event_id

IGNORED = {
    "QUEUESTART": "queue_start",
    "CONFIGRELOAD": "config_reload",
    "PENALTY": "penalty",
    "RINGINUSE": "ring_in_use",
    "RINGCANCELED": "ring_canceled",
    "SYSCOMPAT": "syscompat",
    "PAUSEALL": "pause_all",
    "UNPAUSEALL": "unpause_all",
}
"""Events that say nothing that is counted, and the word that they are counted under. An ABANDON follows SYSCOMPAT, a
PAUSE per queue follows PAUSEALL; calls that were open at a QUEUESTART leave their queue by its `max_wait`."""

UNLISTED = "unlisted_event"
"""Reason of an event that Asterisk itself does not write: a dialplan or a manager action made it."""

_LATEST = 253_402_300_799
_CONTACTLESS = frozenset(word.encode() for word in CONTACTLESS)

_JOINED: dict[str, AgentState] = {"": "available", "PAUSED": "away"}
AGENT_STATES: dict[str, AgentState] = {
    "ADDMEMBER": "available",
    "REMOVEMEMBER": "offline",
    "PAUSE": "away",
    "UNPAUSE": "available",
    "AGENTLOGIN": "available",
    "AGENTLOGOFF": "offline",
    "AGENTCALLBACKLOGIN": "available",
    "AGENTCALLBACKLOGOFF": "offline",
}
"""State of the agent after each event; ADDMEMBER has `PAUSED` as data where the member joins paused."""

_OF_AGENTS = frozenset(event.encode() for event in AGENT_STATES)


def _agent_event(told: Told) -> tuple[AnyEvent, ...]:
    event, data = told.line.event, told.line.data
    if told.agent is None:
        raise Malformed("identity", f"{event} names no agent: field 4 is {shown(told.line.agent)}")
    state, reason = AGENT_STATES[event], None
    if event == "ADDMEMBER":
        state = _JOINED.get(data[0], "available")
    elif event in ("PAUSE", "UNPAUSE"):
        reason = data[0] or None
    return (
        AgentStateChanged(
            id=told.id,
            time=told.time,
            channel="phone",
            source=told.source,
            revision=REVISION,
            queue=told.queue,
            agent=told.agent,
            state=state,
            reason=reason,
        ),
    )


def _instant(epoch: str) -> datetime:
    # int() would take '1_000', ' 1' and Arabic digits.
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) <= 12 and int(epoch) <= _LATEST):
        raise Malformed(
            "time",
            f"field 1 is {shown(epoch)}: whole seconds since 1970 (UTC) are expected, as Asterisk writes to a file",
        )
    return datetime.fromtimestamp(int(epoch), UTC)


class AsteriskQueueLog:
    """The format `asterisk-queue-log`. Headers that it reads: `ordinal`, of the line among equal ones of its second."""

    name = "asterisk-queue-log"
    channel: Channel = "phone"
    revision = REVISION
    content_type = b"text/plain; charset=utf-8"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = True

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The call's id, else the agent's name: agents have an order of their own. Some lines of an agent's state bear
        the id of the call by which the agent dialled in or out."""
        fields = payload.split(b"|", 5)
        if len(fields) < 5:
            return None
        if fields[1] not in _CONTACTLESS and fields[4] not in _OF_AGENTS:
            return fields[1]
        return None if fields[3] in (b"", b"NONE") else fields[3]

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """Field 1 in ms."""
        epoch = payload[: payload.find(b"|")] if b"|" in payload[:14] else b""
        return int(epoch) * 1000 if epoch.isdigit() and int(epoch) <= _LATEST else None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Always phone."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """The events of one line. Raises Malformed."""
        payload = payload.rstrip(b"\r\n")
        line = split_line(text_of(payload))
        event = line.event
        time = _instant(line.epoch)
        if event in IGNORED:
            return Ignored(IGNORED[event])
        build = CALL_EVENTS.get(event)
        if build is None and event not in AGENT_STATES:
            return Ignored(UNLISTED)
        ordinal = context.headers.get("ordinal", b"0")
        digest = blake2b(payload, digest_size=16).hexdigest()
        told = Told(line, time, event_id(context.source, digest, ordinal.decode("ascii", "replace")), context.source)
        if build is None:
            return Events(_agent_event(told))
        if line.callid in CONTACTLESS:
            raise Malformed("identity", f"{event} names no call: field 2 is {shown(line.callid)}")
        told.contact = contact_id(context.source, line.callid)
        return Events(build(told, context))
