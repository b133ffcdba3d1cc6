"""Canonical events as they stand in schemas.events, one JSON object a line."""

from datetime import datetime

import msgspec

from agents.intake.parsing import Context, Events, Headers, Malformed, Parsed
from schemas.events import AgentSchedulePublished, AgentStateChanged, AnyEvent, Channel
from schemas.failures import FailureReason
from schemas.instants import to_ms
from schemas.unreadable import UNREADABLE

_REVISIONS = range(-(1 << 63), 1 << 63)
_decode = msgspec.json.Decoder(AnyEvent).decode


class _Glance(msgspec.Struct, gc=False):
    """What the connectors need to know of a line."""

    time: datetime | None = None
    contact: str | None = None
    agent: str | None = None
    channel: Channel | None = None


_glance = msgspec.json.Decoder(_Glance).decode


class Canonical:
    """The format `canonical`. Events keep their own id, source and revision."""

    name = "canonical"
    channel: Channel = "phone"
    revision = 1
    content_type = b"application/json"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The contact, else the agent."""
        glance = _looked_at(payload)
        return (glance.contact or glance.agent or "").encode() or None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """The event's time in ms."""
        time = _looked_at(payload).time
        return None if time is None or time.tzinfo is None else to_ms(time)

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """The event's own channel; phone where the line has none that is known."""
        return _looked_at(payload).channel or self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """The one event of the line. Raises Malformed."""
        try:
            event = _decode(payload)
        except msgspec.ValidationError as error:
            raise Malformed(_kind_of(str(error)), f"no canonical event: {error}") from None
        except UNREADABLE as error:
            raise Malformed("syntax", f"no JSON object in UTF-8: {error}") from None
        if event.revision not in _REVISIONS:
            raise Malformed("schema", "`$.revision` has more than 64 bits")
        if not event.id or not event.source:
            raise Malformed("identity", "`$.id` or `$.source` is empty")
        if isinstance(event, AgentStateChanged | AgentSchedulePublished):
            if not event.agent:
                raise Malformed("identity", "an event about an agent names none: `$.agent` is missing or empty")
        elif not event.contact:
            raise Malformed("identity", "`$.contact` is empty")
        elif not all(event.identifiers):
            raise Malformed("identity", "an identifier in `$.identifiers` is empty: leave it out where it is not known")
        return Events((event,))


def _looked_at(payload: bytes) -> _Glance:
    try:
        return _glance(payload)
    except UNREADABLE:
        return _NOTHING


def _kind_of(error: str) -> FailureReason:
    if error.endswith("`$.type`") and error.startswith("Invalid value"):
        return "unknown_type"
    if error.endswith("`$.time`") and error.startswith(("Invalid", "Expected `datetime` with a timezone")):
        return "time"
    return "schema"


_NOTHING = _Glance()
