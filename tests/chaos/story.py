"""What happens to one contact of the floor, and when its source tells it. Milliseconds from the floor's beginning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

IDS = UUID("c0f3a1de-5b1f-5d55-8f0e-7b9f6f0a4c11")
"""Names of contacts and events are UUIDv5 of what they stand for on the floor."""

SOURCE = "chaos-floor"
SECOND = 1_000


@dataclass(frozen=True)
class Queue:
    """A queue and what it promises: answered within `target` (ms)."""

    name: str
    target: int
    policy: str


QUEUES = (
    Queue("billing", 4_000, "answer-within-billing"),
    Queue("orders", 2_500, "answer-within-orders"),
    Queue("sales", 2_000, "answer-within-sales"),
    Queue("service", 5_000, "answer-within-default"),
    Queue("vip", 6_000, "answer-within-vip"),
)
"""`service` says nothing of its own and promises what [sla] does."""

BY_NAME = {queue.name: queue for queue in QUEUES}


@dataclass(frozen=True)
class Event:
    """One event as it is told: it happened at `at` and is published at `told`."""

    id: str
    type: str
    at: int
    told: int
    revision: int = 0
    fields: Mapping[str, Any] = field(default_factory=dict)

    def again(self, told: int) -> Event:
        """The same, delivered once more."""
        return replace(self, told=told)


@dataclass(frozen=True)
class Stay:
    """One stay in a queue, by the ids of its events: what began it, ended the wait, ended the conversation."""

    offered: str
    stopped: str
    completed: str | None = None


class Story:
    """One contact: its events in the order in which they are told, and its stays in queues.

    `room`: how long the floor lasts. `known`: whether its events name the customer from the first on; else only from
    the answer on. `ring`: identifiers that may be taken for the customer's.
    """

    def __init__(
        self,
        rng: Random,
        name: str,
        channel: str,
        identifier: str,
        agent: str,
        room: int,
        ring: Sequence[str] = (),
    ) -> None:
        self.contact = str(uuid5(IDS, f"contact {name}"))
        self.channel = channel
        self.identifier = identifier
        self.agent = agent
        self.room = room
        self.ring = ring
        self.events: list[Event] = []
        self.stays: list[Stay] = []
        self.known = True
        self.rng = rng
        self._name = name
        self._told = 0

    def tell(
        self,
        kind: str,
        at: int,
        told: int | None = None,
        *,
        corrects: str | None = None,
        revision: int = 0,
        **more: Any,
    ) -> str:
        """Add an event that happened at `at`; returns its id. `told` None: at once, but for what a network takes."""
        name = corrects or str(uuid5(IDS, f"event {self._name} {len(self.events)}"))
        if told is None:
            told = at + self.rng.randrange(1, 60)
        # A source tells what happened to one contact in one order.
        self._told = max(self._told + 1, told)
        self.events.append(Event(name, kind, at, self._told, revision, more))
        return name

    def offered(self, queue: Queue, at: int, told: int | None = None, **more: Any) -> str:
        """It enters a queue."""
        if self.known:
            more["identifiers"] = [self.identifier]
        return self.tell("contact.offered", at, told, queue=queue.name, **more)

    def answered(self, queue: Queue, at: int, told: int | None = None, **more: Any) -> str:
        """An agent takes it."""
        own: dict[str, Any] = {"queue": queue.name, "agent": self.agent, "identifiers": [self.identifier]}
        return self.tell("contact.answered", at, told, **own, **more)

    def left(self, queue: Queue, at: int, reason: str = "abandoned", **more: Any) -> str:
        """It leaves a queue unanswered."""
        return self.tell("contact.left_queue", at, queue=queue.name, reason=reason, **more)

    def ended(self, at: int, by: str = "agent", **more: Any) -> str:
        """It is over."""
        return self.tell("contact.ended", at, by=by, identifiers=[self.identifier], **more)

    def begin(self, at: int) -> None:
        """Move all of it to a moment of the floor: it was told from moment 0 on."""
        self.events = [replace(each, at=each.at + at, told=each.told + at) for each in self.events]

    def final(self) -> dict[str, Event]:
        """By id, what was said last of each event."""
        found: dict[str, Event] = {}
        for each in self.events:
            if each.id not in found or each.revision > found[each.id].revision:
                found[each.id] = each
        return found

    @property
    def length(self) -> int:
        """Until its last event is told."""
        return max(each.told for each in self.events)

    def payload(self, event: Event, begins_ms: int) -> bytes:
        """An event as the format `canonical` has it, on a floor that begins at `begins_ms`."""
        return json.dumps(
            {
                "type": event.type,
                "id": event.id,
                "time": instant(begins_ms + event.at),
                "channel": self.channel,
                "source": SOURCE,
                "revision": event.revision,
                "contact": self.contact,
                **event.fields,
            }
        ).encode()


def instant(ms: int) -> str:
    """ISO 8601 in UTC of milliseconds since the epoch."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
