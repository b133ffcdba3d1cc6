"""Canonical events (schemas.events) that a program of one's own posts: as JSON or JSON lines, or as CloudEvents.

Facts: the CloudEvents 1.0.2 specification, "HTTP Protocol Binding" and "JSON Event Format", "JSON Batch Format".
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

from agents.intake.batches import together, tried
from agents.intake.canonical import Canonical
from agents.intake.parsing import Context, Fault, Headers, Malformed, Parsed, shown
from agents.intake.webhook import Webhook, decoded
from schemas.events import Channel
from schemas.ids import event_id
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same

PREFIX = "floorwalker."
"""What may stand in front of an event's type in a CloudEvent."""

MOST_FAULTS = 20
"""Elements of one body of which it is said what is wrong; others are counted."""

MOST_EVENTS = 60_000
"""Elements of one body: the largest body holds no more that are events."""

_STRUCTURED = "application/cloudevents"
_BATCH = "application/cloudevents-batch"
_LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
_ATTRIBUTES = ("id", "source", "type", "specversion", "time")
_ESCAPED = re.compile(r"\\(.)")
_NONE: Mapping[str, str] = {}


class _Cloud(msgspec.Struct, gc=False):
    """A CloudEvent in JSON."""

    id: str | None = None
    source: str | None = None
    type: str | None = None
    specversion: str | None = None
    time: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: str | None = None


class _Glance(msgspec.Struct, gc=False):
    """What is asked of an event before it is understood."""

    contact: str | None = None
    agent: str | None = None
    channel: Channel | None = None


class _Element(NamedTuple):
    """One of the events of a body: its bytes, the attributes of a CloudEvent that stand beside it, whether it is a
    CloudEvent itself, and its place in messages."""

    data: bytes | msgspec.Raw
    attributes: Mapping[str, str]
    is_cloud: bool = False
    place: str = ""


_cloud = msgspec.json.Decoder(_Cloud)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_glance = msgspec.json.Decoder(_Glance)
_canonical = Canonical()


class CanonicalEvents(Webhook):
    """The provider `events`. The secret `api_key` comes as `Authorization: Bearer KEY` or as `X-Api-Key`.

    An event keeps its own id, source and revision. Without a `source` it is of this one's; where it lacks `type`,
    `time`, `source` or `id`, the attributes of its CloudEvent say them, the id made of the attributes `source` and
    `id`, which are unique only together.
    """

    name = "events"
    channel: Channel = "chat"
    secret_names = ("api_key",)
    kept = tuple(f"ce-{name}" for name in _ATTRIBUTES)

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the key is ours. It proves who sends, and neither the body nor when."""
        scheme, _, key = delivery.headers.get("authorization", "").partition(" ")
        given = key.strip() if scheme.lower() == "bearer" else delivery.headers.get("x-api-key", "")
        if not given:
            raise NotGenuine("no key: expected Authorization: Bearer KEY, or X-Api-Key")
        if not any_same(secrets["api_key"], given):
            raise NotGenuine("the API key is another")

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The contact, else the agent, of a single event; many are of the source."""
        first, single = _looked_at(payload, headers)
        return (first.contact or first.agent or "").encode() or None if single else None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """The first event's channel; chat where it has none that is known."""
        first, _ = _looked_at(payload, headers)
        return first.channel or self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """All its events, in order; of many, those that can't be understood are faults. Raises Malformed."""
        return together(_parts(payload, context))


def _parts(payload: bytes, context: Context) -> Iterator[Parsed | Fault]:
    """What each element says. Of the first few that can't be understood it is said what is wrong."""
    faults, last = 0, None
    for number, element in enumerate(_elements(payload, context.headers), 1):
        if number > MOST_EVENTS:
            raise Malformed("too_large", f"more than {MOST_EVENTS:,} elements: expected fewer, in several bodies")
        part = tried(_understood, element, context)
        if not isinstance(part, Fault):
            yield part
            continue
        faults, last = faults + 1, part
        if faults <= MOST_FAULTS:
            yield Fault(part.reason, f"{element.place}{part.message}")
    if last is not None and faults > MOST_FAULTS:
        yield Fault(last.reason, f"and {faults - MOST_FAULTS} more")


def _understood(element: _Element, context: Context) -> Parsed:
    element = _opened(element)
    fields: dict[str, msgspec.Raw] = decoded(_fields, element.data)
    lacking = {name: value for name, value in _said(element, context).items() if name not in fields}
    fields |= {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in lacking.items()}
    return _canonical.parse(msgspec.json.encode(fields) if lacking else bytes(element.data), context)


def _said(element: _Element, context: Context) -> dict[str, str]:
    """Fields that an event may leave out, as its CloudEvent says them."""
    attributes = element.attributes
    if not attributes:
        return {"source": context.source}
    version = attributes.get("specversion", "")
    if version.partition(".")[0] != "1":
        raise Malformed("schema", f"specversion is {shown(version)}: expected '1.0', of CloudEvents")
    for name in ("id", "source", "type"):
        if not attributes.get(name):
            raise Malformed("identity", f"the attribute {name} of the CloudEvent is missing or empty")
    said = {
        "id": event_id(context.source, attributes["source"], attributes["id"]),
        "source": attributes["source"],
        "type": attributes["type"].removeprefix(PREFIX),
    }
    return said | ({"time": attributes["time"]} if "time" in attributes else {})


def _elements(payload: bytes, headers: Headers) -> Iterator[_Element]:
    """The events of a body, as its content type has them. Raises Malformed where they can't be told apart."""
    media = headers.get("content-type", b"").decode("utf-8", "replace").partition(";")[0].strip().lower()
    if media.startswith(_STRUCTURED):
        if not media.endswith("+json"):
            raise Malformed("unknown_type", f"content-type is {shown(media)}: of CloudEvents, only +json is understood")
        if media.startswith(_BATCH):
            for index, each in enumerate(decoded(_array, payload)):
                yield _Element(each, _NONE, is_cloud=True, place=f"in `$[{index}]`: ")
        else:
            yield _Element(payload, _NONE, is_cloud=True)
    elif media in _LINES:
        for number, line in enumerate(payload.splitlines(), 1):
            if line.strip():
                yield _Element(line, _NONE, place=f"line {number}: ")
    elif payload.lstrip()[:1] == b"[":
        for index, each in enumerate(decoded(_array, payload)):
            yield _Element(each, _NONE, place=f"in `$[{index}]`: ")
    else:
        yield _Element(payload, _binary(headers))


def _opened(element: _Element) -> _Element:
    """The canonical event of a CloudEvent in JSON; any other element is one. Raises Malformed."""
    if not element.is_cloud:
        return element
    cloud: _Cloud = decoded(_cloud, element.data)
    data: bytes | msgspec.Raw = cloud.data
    if cloud.data_base64 is not None:
        try:
            data = b64decode(cloud.data_base64, validate=True)
        except ValueError as error:
            raise Malformed("syntax", f"`$.data_base64` is no Base64: {error}") from None
    if not bytes(data):
        raise Malformed("schema", "`$.data` is missing or empty: expected a canonical event")
    named = {name: getattr(cloud, name) for name in _ATTRIBUTES}
    attributes = {name: value for name, value in named.items() if value is not None}
    return _Element(data, {"specversion": ""} | attributes)


def _binary(headers: Headers) -> Mapping[str, str]:
    """The attributes in the headers of a CloudEvent whose body is its data; none: it is no CloudEvent."""
    found = {name: headers[f"ce-{name}"] for name in _ATTRIBUTES if f"ce-{name}" in headers}
    return {name: _attribute(name, value) for name, value in found.items()}


def _attribute(name: str, value: bytes) -> str:
    """A header's value: out of its quotes, where it has some, and of its percent-encoding."""
    try:
        text = value.decode().strip()
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = _ESCAPED.sub(r"\1", text[1:-1])
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("syntax", f"header ce-{name} is not UTF-8 in percent-encoding") from None


def _looked_at(payload: bytes, headers: Headers) -> tuple[_Glance, bool]:
    """The first event as far as it can be read, and whether it is the only one."""
    elements = _elements(payload, headers)
    try:
        first = next(elements, None)
        if first is None:
            return _NOTHING, False
        return _glance.decode(_opened(first).data), next(elements, None) is None
    except (Malformed, *UNREADABLE):
        return _NOTHING, False


_NOTHING = _Glance()

PROVIDER = CanonicalEvents()
