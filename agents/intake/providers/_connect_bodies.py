"""Bodies of what Amazon Connect says: what is read of them, and how it arrives.

The case of the names varies, so they are all read in lower case and without hyphens; messages name them like that.
"""

from base64 import b64decode
from binascii import Error as NoBase64
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from agents.intake.parsing import Malformed
from agents.intake.webhook import decoded

_Read = TypeVar("_Read")
_LEVELS = 7

Seconds = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)] | None
"""A duration: whole seconds."""


def _flat(name: str) -> str:
    return name.replace("_", "")


class Something(msgspec.Struct, gc=False):
    """Something that is there; nothing of it is read."""


class QueueInfo(msgspec.Struct, gc=False, frozen=True, rename=_flat):
    """The queue of a contact event."""

    queue_arn: str | None = None
    enqueue_timestamp: str | None = None


class AgentInfo(msgspec.Struct, gc=False, frozen=True, rename=_flat):
    """The agent of a contact event."""

    agent_arn: str | None = None
    connected_to_agent_timestamp: str | None = None
    after_contact_work_start_timestamp: str | None = None
    after_contact_work_end_timestamp: str | None = None


class Endpoint(msgspec.Struct, gc=False):
    """A number or an address."""

    address: str | None = None


class Detail(msgspec.Struct, gc=False, rename=_flat):
    """A contact event."""

    event_type: str
    contact_id: str | None = None
    initial_contact_id: str | None = None
    previous_contact_id: str | None = None
    channel: str | None = None
    initiation_method: str | None = None
    initiation_timestamp: str | None = None
    disconnect_timestamp: str | None = None
    last_paused_timestamp: str | None = None
    last_resumed_timestamp: str | None = None
    queue_info: QueueInfo | None = None
    agent_info: AgentInfo | None = None
    customer_endpoint: Endpoint | None = None
    customer_id: str | None = None
    campaign: Something | None = None


class Envelope(msgspec.Struct, gc=False, rename=_flat):
    """What EventBridge puts around a contact event."""

    detail_type: str
    account: str | None = None
    time: str | None = None
    detail: Any = None


class Queue(msgspec.Struct, gc=False, frozen=True, rename=_flat):
    """The queue of a contact record. `duration`: seconds in it."""

    arn: str | None = None
    enqueue_timestamp: str | None = None
    duration: Seconds = None


class Agent(msgspec.Struct, gc=False, frozen=True, rename=_flat):
    """The agent of a contact record. Durations are seconds."""

    arn: str | None = None
    connected_to_agent_timestamp: str | None = None
    agent_interaction_duration: Seconds = None
    customer_hold_duration: Seconds = None
    after_contact_work_duration: Seconds = None
    after_contact_work_start_timestamp: str | None = None
    after_contact_work_end_timestamp: str | None = None


class Record(msgspec.Struct, gc=False, rename=_flat):
    """A contact record."""

    aws_account_id: str | None = None
    contact_id: str | None = None
    initial_contact_id: str | None = None
    previous_contact_id: str | None = None
    next_contact_id: str | None = None
    channel: str | None = None
    initiation_method: str | None = None
    initiation_timestamp: str | None = None
    disconnect_timestamp: str | None = None
    disconnect_reason: str | None = None
    transfer_completed_timestamp: str | None = None
    last_update_timestamp: str | None = None
    queue: Queue | None = None
    agent: Agent | None = None
    customer_endpoint: Endpoint | None = None
    customer_id: str | None = None
    transferred_to_endpoint: Endpoint | None = None
    campaign: Something | None = None


class Status(msgspec.Struct, gc=False, rename=_flat):
    """What an agent has chosen to be."""

    name: str | None = None
    type: str | None = None
    start_timestamp: str | None = None


class Held(msgspec.Struct, gc=False, rename=_flat):
    """A contact that an agent has."""

    contact_id: str | None = None
    initial_contact_id: str | None = None
    channel: str | None = None
    initiation_method: str | None = None
    state: str | None = None
    state_start_timestamp: str | None = None
    queue: Queue | None = None


class Snapshot(msgspec.Struct, gc=False, rename=_flat):
    """An agent at one instant."""

    agent_status: Status | None = None
    contacts: list[Held] | None = None


class AgentEvent(msgspec.Struct, gc=False, rename=_flat):
    """An event of the agent event stream."""

    event_type: str
    aws_account_id: str | None = None
    agent_arn: str | None = None
    event_id: str | None = None
    event_timestamp: str | None = None
    previous_agent_snapshot: Snapshot | None = None
    current_agent_snapshot: Snapshot | None = None


class _Put(msgspec.Struct, gc=False):
    """A record of Firehose."""

    data: str


class _Delivery(msgspec.Struct, gc=False, rename="camel"):
    """A delivery of Firehose; else an event by itself."""

    request_id: str | None = None
    records: list[msgspec.Raw] | None = None


_DELIVERY = msgspec.json.Decoder(_Delivery)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_PUT = msgspec.json.Decoder(_Put)
_ANY = msgspec.json.Decoder()


class Parts(NamedTuple):
    """What a payload holds. `place`: where each part is, as a format of its number. `wrapped`: each is a record of
    Firehose."""

    place: str
    parts: list[msgspec.Raw]
    wrapped: bool = False

    def read(self, number: int, levels: int = _LEVELS) -> Any:
        """One event, with its names in lower case on so many levels. Raises Malformed."""
        part, where = self.parts[number], self.place.format(number)
        if not self.wrapped:
            return lowered(decoded(_ANY, part, where), levels)
        put: _Put = decoded(_PUT, part, where)
        try:
            payload = b64decode(put.data, validate=True)
        except (NoBase64, ValueError) as error:
            raise Malformed("syntax", f"`{where}.data` is no base64: {error}") from None
        return lowered(decoded(_ANY, payload, f"{where}.data"), levels)


def parts_of(payload: bytes) -> Parts:
    """The records of a Firehose delivery, the events of a list, else the one event. Raises Malformed."""
    if payload.lstrip().startswith(b"["):
        return Parts("$[{}]", decoded(_LIST, payload))
    delivery: _Delivery = decoded(_DELIVERY, payload)
    if delivery.request_id is None or delivery.records is None:
        return Parts("$", [msgspec.Raw(payload)])
    return Parts("$.records[{}]", delivery.records, wrapped=True)


def lowered(value: Any, levels: int) -> Any:
    """A value with the names on so many levels in lower case and without hyphens."""
    if not levels:
        return value
    if isinstance(value, dict):
        return {name.lower().replace("-", ""): lowered(each, levels - 1) for name, each in value.items()}
    if isinstance(value, list):
        return [lowered(each, levels - 1) for each in value]
    return value


def converted(value: Any, kind: type[_Read], where: str) -> _Read:
    """A value that `lowered` made, as `kind`; numbers may be text. Raises Malformed."""
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed("schema", f"in `{where}`: {error}") from None
