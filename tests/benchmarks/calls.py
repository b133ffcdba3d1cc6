"""Calls of known customers as canonical events, in the order of time: for memory, growth and latency.

A call is made of five events: created and offered (one source record), answered, ended, wrapped up.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

import msgspec

from schemas.envelopes import Envelope, Origin
from schemas.envelopes import encode as encode_envelope
from schemas.events import (
    AnyEvent,
    Channel,
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactLeftQueue,
    ContactOffered,
    ContactWrapupEnded,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from schemas.topics import CHANNEL_TOPICS
from streams.processor import Headers

SOURCE = "floor"
AGENTS = 1_500
EVENTS = 5
"""Canonical events of a call that is answered."""

PHONE = next(topic.name for topic in CHANNEL_TOPICS if topic.name.endswith("phone"))


class Call(msgspec.Struct, frozen=True):
    """What is known of a call before it begins; `begin` in ms."""

    number: int
    begin: int
    caller: int
    queue: str
    channel: Channel = "phone"

    @property
    def contact(self) -> str:
        # Without its cache: what a producer remembers is no state of the service.
        return contact_id.__wrapped__(SOURCE, self.number)


class Step(NamedTuple):
    """What one source record says of a contact, and when (ms)."""

    time: int
    contact: str
    events: tuple[AnyEvent, ...]


class Manner(msgspec.Struct, frozen=True):
    """How calls go: mean wait and talk in seconds, the share of callers who give up."""

    wait: float = 12.0
    talk: float = 200.0
    abandoned: float = 0.0


def steps_of(call: Call, manner: Manner, random: Random) -> tuple[Step, ...]:
    """The source records of one call."""
    at, contact = call.begin, call.contact
    identifiers = (f"tel:+49301{call.caller:07d}",)

    def said(name: str, time: int) -> dict[str, object]:
        return {
            "id": event_id(SOURCE, call.number, name),
            "time": from_ms(time),
            "channel": call.channel,
            "source": SOURCE,
            "queue": call.queue,
            "contact": contact,
        }

    def step(time: int, *events: AnyEvent) -> Step:
        return Step(time, contact, events)

    created = ContactCreated(**said("created", at), identifiers=identifiers)  # type: ignore[arg-type]
    offered = ContactOffered(**said("offered", at), identifiers=identifiers)  # type: ignore[arg-type]
    waited = 500 + round(random.expovariate(1 / manner.wait) * 1000)
    stop = at + waited
    if random.random() < manner.abandoned:
        left = ContactLeftQueue(**said("left", stop), reason="abandoned", waited=waited / 1000)  # type: ignore[arg-type]
        return step(at, created, offered), step(stop, left)
    agent = f"PJSIP/{2000 + random.randrange(AGENTS)}"
    talked = 1_000 + round(random.expovariate(1 / manner.talk) * 1000)
    end = stop + talked
    wrapped = end + 2_000 + random.randrange(4_000)
    answered = ContactAnswered(**said("answered", stop), agent=agent, waited=waited / 1000)  # type: ignore[arg-type]
    ended = ContactEnded(**said("ended", end), agent=agent, by="customer", talked=talked / 1000)  # type: ignore[arg-type]
    over = ContactWrapupEnded(**said("wrapup_ended", wrapped), agent=agent)  # type: ignore[arg-type]
    return step(at, created, offered), step(stop, answered), step(end, ended), step(wrapped, over)


def whole(call: Call, manner: Manner, random: Random) -> Step:
    """The same call in one source record, as a source tells it that speaks when all is over."""
    steps = steps_of(call, manner, random)
    return Step(steps[-1].time, call.contact, tuple(event for step in steps for event in step.events))


def in_order(calls: Iterable[Call], manner: Manner, random: Random) -> Iterator[Step]:
    """The steps of calls (which come in the order of their begin) in the order of time, the last call's included."""
    coming: list[tuple[int, int, Step]] = []
    number = 0
    for call in calls:
        while coming and coming[0][0] <= call.begin:
            yield heapq.heappop(coming)[2]
        for step in steps_of(call, manner, random):
            number += 1
            heapq.heappush(coming, (step.time, number, step))
    while coming:
        yield heapq.heappop(coming)[2]


def evenly(
    begin: int, every: float, count: int, queues: Sequence[str], caller_of: Callable[[int], int], first: int = 0
) -> Iterator[Call]:
    """So many calls, one every so many ms; queues take turns."""
    for number in range(count):
        yield Call(first + number, begin + int(number * every), caller_of(number), queues[number % len(queues)])


class Taken(msgspec.Struct, gc=False):
    """A record in the shape of `streams.processor.Record`."""

    topic: str
    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    partition: int = 0
    headers: Headers = ()


def understood(step: Step, offset: int) -> Taken:
    """The record of contacts.events that intake makes of a step."""
    envelope = Envelope(origin=Origin(PHONE, 0, offset), events=step.events)
    return Taken("contacts.events", step.contact.encode(), encode_envelope(envelope), offset, step.time)
