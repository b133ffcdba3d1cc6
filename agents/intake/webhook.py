"""What all providers of webhooks have in common: a `Format` that is a `Hook` as well.

A provider is a module of `agents.intake.providers` with a class derived from `Webhook` and one instance of it called
`PROVIDER`, or several in `PROVIDERS`; it is found by being there.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from agents.intake.parsing import Context, Headers, Malformed, Parsed, created_id
from schemas.events import Channel, ContactAnswered, ContactCreated, ContactOffered
from schemas.ids import event_id
from schemas.instants import from_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import LARGEST_BODY, Answer, Delivery, Secrets

_LATEST_MS = 1 << 53


class Webhook:
    """Defaults of a provider that posts JSON and tries again after a 503. See streams.connectors.hooks.Hook and
    agents.intake.parsing.Format for what each part means."""

    name: str
    channel: Channel
    revision = 1
    content_type = b"application/json"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False
    secret_names: tuple[str, ...] = ("secret",)
    alternatives: tuple[tuple[str, ...], ...] = ()
    setting_names: tuple[str, ...] = ()
    largest = LARGEST_BODY
    seconds = 10.0
    tries_again = True
    refusal = 401
    kept: tuple[str, ...] = ()
    taken = Answer()

    def needs(self, delivery: Delivery, secrets: Secrets) -> str | None:
        """Nothing but the delivery."""
        return None

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the provider sent exactly these bytes."""
        raise NotImplementedError

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """No handshake."""
        return None

    def answer(self, delivery: Delivery) -> Answer:
        """`taken`, the provider's word for success."""
        return self.taken

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The body's digest."""
        return None

    def redacted(self, body: bytes) -> bytes:
        """The body as it came."""
        return body

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The source."""
        return None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """Not read: a webhook is told of when it happens."""
        return None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """The provider's one channel."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What it says. Raises Malformed."""
        raise NotImplementedError


def decoded(decoder: "msgspec.json.Decoder[Any]", payload: bytes | msgspec.Raw, where: str | None = None) -> Any:
    """A JSON body, or what stands in one at `where`, as the decoder's type. Raises Malformed: syntax or schema, with
    the field that is wrong."""
    place = "" if where is None else f"in `{where}`: "
    try:
        return decoder.decode(payload)
    except msgspec.ValidationError as error:
        raise Malformed("schema", f"{place}{error}") from None
    except UNREADABLE as error:
        raise Malformed("syntax", f"{place}no JSON: {error}") from None


@lru_cache(maxsize=256)
def listed(setting: str) -> frozenset[str]:
    """The texts of a setting that holds several, with commas between."""
    return frozenset(each.strip() for each in setting.split(",") if each.strip())


def first_of(source: str, contact: str, what: str) -> str:
    """Id of a thing that a conversation has once (created, offered, answered), made of the conversation alone: whoever
    sees a candidate says it, and the contact keeps one. With `earliest` as revision it keeps the earliest."""
    return event_id(source, contact, what) if what != "created" else created_id(source, contact)


def earliest(time: int) -> int:
    """Revision of a candidate for a 'first': the earlier it happened (ms), the higher, so that in whatever order
    candidates come, the earliest stands."""
    return _LATEST_MS - time


def created(
    source: str,
    contact: str,
    channel: Channel,
    time: int,
    *,
    queue: str | None,
    identifiers: Sequence[str] = (),
    **more: Any,
) -> ContactCreated:
    """contact.created of a conversation that is there by `time` (ms) at the latest. `more`: its other fields. Alone, it
    says that nobody waits yet, as where staff began."""
    return ContactCreated(
        id=first_of(source, contact, "created"),
        time=from_ms(time),
        channel=channel,
        source=source,
        contact=contact,
        queue=queue,
        identifiers=tuple(identifiers),
        revision=earliest(time),
        **more,
    )


def begun(
    source: str,
    contact: str,
    channel: Channel,
    time: int,
    *,
    queue: str | None,
    identifiers: Sequence[str] = (),
    **more: Any,
) -> tuple[ContactCreated, ContactOffered]:
    """contact.created and contact.offered of a conversation that the customer began by `time` (ms) at the latest; every
    event of the conversation may bring them along. `more`: fields of contact.created."""
    there = created(source, contact, channel, time, queue=queue, identifiers=identifiers, **more)
    waits = ContactOffered(
        id=first_of(source, contact, "offered"),
        time=there.time,
        channel=channel,
        source=source,
        contact=contact,
        queue=queue,
        identifiers=there.identifiers,
        revision=there.revision,
    )
    return there, waits


def answered(
    source: str, contact: str, channel: Channel, time: int, *, queue: str | None, agent: str | None
) -> ContactAnswered:
    """contact.answered: a human being of ours replied at `time` (ms). The earliest of all replies stands."""
    return ContactAnswered(
        id=first_of(source, contact, "answered"),
        time=from_ms(time),
        channel=channel,
        source=source,
        contact=contact,
        queue=queue,
        agent=agent,
        revision=earliest(time),
    )
