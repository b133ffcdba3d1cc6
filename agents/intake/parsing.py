"""What every parser is given and what it answers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from schemas.events import AnyEvent, Channel
from schemas.failures import FailureReason
from schemas.ids import event_id

Headers = Mapping[str, bytes]
_NO_SETTINGS: Mapping[str, str] = {}


class Context(msgspec.Struct, frozen=True, gc=False):
    """What is known about a payload besides its bytes.

    `source`: name of the account, PBX or file set that it is from. `headers`: of its record on the channel topic.
    `read_at`: when it came, ms: header `ce_time` of that record, else its append time. `region`: where numbers without
    a country code are dialled (ISO 3166 alpha-2), None: nowhere. `settings`: the source's own, by name.
    """

    source: str
    headers: Headers
    read_at: int
    region: str | None = None
    settings: Mapping[str, str] = _NO_SETTINGS


class Fault(NamedTuple):
    """A part of a payload that can't be understood, where the other parts count all the same."""

    reason: FailureReason
    message: str


class Events(NamedTuple):
    """The payload says something: what happened, in order. `faults`: the parts of it that can't be understood."""

    events: tuple[AnyEvent, ...]
    faults: tuple[Fault, ...] = ()


class Ignored(NamedTuple):
    """The payload is understood and says nothing that is counted; `reason` is a word for the counter."""

    reason: str


Parsed = Events | Ignored


class Malformed(ValueError):
    """The payload can't be understood. `message`: what is wrong, where, and what is expected."""

    def __init__(self, reason: FailureReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def all_of(faults: Sequence[Fault]) -> Fault:
    """Some faults (one at least) as one: the first one's reason, and all messages."""
    return Fault(faults[0].reason, "; ".join(fault.message for fault in faults))


class Format(Protocol):
    """One provider's way of saying things: what the connectors and the intake need to know of it.

    `name` is `ce_type` on the channel topic. `revision` is the parser's version: events that a later one reads
    otherwise correct the earlier ones. The rest is for replays (streams.connectors.formats.ReplayFormat).
    """

    name: str
    channel: Channel
    revision: int
    content_type: bytes
    has_header_line: bool
    ordered_by_end: bool
    repeats_lines: bool

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """Key of the record on the channel topic: what must stay in order. None: take the source."""

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When the last of what it says happened, ms; None where that can't be read."""

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Whose topic it goes to, where a format speaks of several channels."""

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What it says. Raises Malformed."""


def created_id(source: str, contact: str) -> str:
    """Id of a contact's contact.created: of the conversation alone, so that every event may bring it along."""
    return event_id(source, contact, "created")


def shown(value: str, longest: int = 60) -> str:
    """A value as a message for people quotes it."""
    return repr(value if len(value) <= longest else value[:longest] + "...")


def text_of(payload: bytes) -> str:
    """The payload as text. Raises Malformed where it is not UTF-8."""
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise Malformed(
            "syntax", f"byte {error.start + 1} (0x{payload[error.start]:02x}) is not UTF-8: convert the file to UTF-8"
        ) from None
