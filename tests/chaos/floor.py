"""A seeded floor of contacts whose outcome is known beforehand, as the records that tell it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.chaos.plots import PLOTS
from tests.chaos.story import QUEUES, SOURCE, Event, Story
from tests.chaos.truth import truth_of

CONTACTS_A_SECOND = 60.0
CUSTOMERS = 200
AGENTS = 40
CHANNELS = ("phone", "phone", "chat")
TWICE = 0.04
"""So many of the events are delivered once more."""

POISON_EVERY = 5_000
"""Ms between records that nobody can read."""

SETTINGS = "\n".join(
    (
        "[sla]",
        "answer_within = 5",
        "",
        "[metrics]",
        "thresholds = [2, 4]",
        "short_abandon = 1",
        "",
        *(
            f"[queues.{queue.name}]\nanswer_within = {queue.target / 1_000}\n"
            for queue in QUEUES
            if queue.name != "service"
        ),
    )
)
"""The sections of floorwalker.toml that the floor is made for."""

_POISON = (
    (b'{"type": "contact.offered", "id": ', "syntax"),
    (b'{"type": "contact.teleported", "id": "1", "time": "2026-01-01T00:00:00Z"}', "unknown_type"),
    (b'{"type": "contact.ended", "id": "2", "contact": "3", "channel": "phone", "source": "s"}', "schema"),
)


@dataclass(frozen=True)
class Telling:
    """One record to publish: `told` ms after the floor's beginning. Of a story's event, or of nothing readable."""

    told: int
    channel: str
    key: str
    story: Story | None = None
    event: Event | None = None
    poison: bytes = b""
    reason: str | None = None

    def value(self, begins_ms: int) -> bytes:
        """The record's value, on a floor that begins at `begins_ms`."""
        if self.story is None or self.event is None:
            return self.poison
        return self.story.payload(self.event, begins_ms)


class Floor:
    """Some hundreds of events a second for `seconds`, all of which follow from the seed.

    `place` says when it begins; before that, its truth is of a floor that began at 0.
    """

    def __init__(self, seed: int, seconds: float, contacts_a_second: float = CONTACTS_A_SECOND) -> None:
        rng = Random(seed)
        self.seed = seed
        self.seconds = seconds
        self.begins_ms = 0
        self.plots: Counter[str] = Counter()
        tellings = [
            Telling(event.told, story.channel, story.contact, story, event)
            for story in self._stories(rng, round(seconds * contacts_a_second))
            for event in _delivered(story, rng, seconds)
        ]
        tellings += _poison(rng, seconds)
        self.tellings: tuple[Telling, ...] = tuple(sorted(tellings, key=lambda each: each.told))

    def place(self, begins_ms: int) -> None:
        """Its first moment."""
        self.begins_ms = begins_ms

    def truth(self) -> dict[str, Any]:
        """What must come out (see truth.py)."""
        return {"seed": self.seed, "seconds": self.seconds, "source": SOURCE, **truth_of(self.tellings, self.begins_ms)}

    def _stories(self, rng: Random, count: int) -> Iterator[Story]:
        plots, weights = zip(*PLOTS, strict=True)
        made, whole = 0, round(self.seconds * 1_000)
        while made < count:
            identifier = f"tel:+49301{rng.randrange(CUSTOMERS):06d}"
            agent = f"agent {rng.randrange(AGENTS)}"
            story = Story(rng, f"{self.seed} {made}", rng.choice(CHANNELS), identifier, agent, whole)
            plot = rng.choices(plots, weights)[0]
            plot(story)
            if story.length >= whole:
                continue
            story.begin(rng.randrange(whole - story.length))
            self.plots[plot.__name__] += 1
            made += 1
            yield story


def make_floor(seed: int, seconds: float) -> Floor:
    """The floor of a seed."""
    return Floor(seed, seconds)


def _delivered(story: Story, rng: Random, seconds: float) -> Iterator[Event]:
    """The story's events, and some of them again, later; never before what was told before."""
    again = [
        event.again(told)
        for event in story.events
        if rng.random() < TWICE and (told := event.told + rng.randrange(1, 4_000)) < seconds * 1_000
    ]
    return heapq.merge(story.events, sorted(again, key=lambda each: each.told), key=lambda each: each.told)


def _poison(rng: Random, seconds: float) -> Iterator[Telling]:
    for number in range(int(seconds * 1_000 / POISON_EVERY)):
        value, reason = _POISON[number % len(_POISON)]
        told = number * POISON_EVERY + rng.randrange(POISON_EVERY)
        yield Telling(told, "phone", f"poison {number}", poison=value, reason=reason)
