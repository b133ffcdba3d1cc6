"""A seeded floor of contacts whose outcome is known beforehand, as the records that tell it."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.chaos import clock_truth, link_truth
from tests.chaos.links import LINKED, LINKS, identifiers_of, ring_of
from tests.chaos.plots import PLOTS, Plot
from tests.chaos.story import QUEUES, SOURCE, Event, Story
from tests.chaos.tickets import CHANNELS as TICKET_CHANNELS
from tests.chaos.tickets import TICKETS
from tests.chaos.truth import truth_of

CONTACTS_A_SECOND = 50.0
CUSTOMERS = 200
AGENTS = 40
CHANNELS = ("phone", "phone", "chat")
TWICE = 0.04
"""So many of the events are delivered once more."""

POISON_EVERY = 5_000
"""Ms between records that nobody can read."""

_KINDS = (*PLOTS, *TICKETS, *LINKS)
_TICKETS = frozenset(plot for plot, _ in TICKETS)
_LINKS = frozenset(plot for plot, _ in LINKS)

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
        "[identities]",
        f"max_identifiers = {link_truth.LIMIT}",
        "",
        *clock_truth.settings(),
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
        plots, weights = zip(*_KINDS, strict=True)
        made, whole = 0, round(self.seconds * 1_000)
        spoken: set[int] = set()
        while made < count:
            plot = rng.choices(plots, weights)[0]
            story = _story(rng, plot, f"{self.seed} {made}", whole)
            plot(story)
            if story.length >= whole:
                continue
            story.begin(rng.randrange(whole - story.length))
            # Of two that are said of one instant, nobody could tell which is the later.
            instants = {each.at for each in map(link_truth.said_by, story.final().values()) if each is not None}
            if instants & spoken:
                continue
            spoken |= instants
            self.plots[plot.__name__] += 1
            made += 1
            yield story


def _story(rng: Random, plot: Plot, name: str, whole: int) -> Story:
    """Who it is about, and on which channel, is by the kind of contact."""
    customer = rng.randrange(LINKED if plot in _LINKS else CUSTOMERS)
    channel = rng.choice(TICKET_CHANNELS if plot in _TICKETS else CHANNELS)
    identifier = identifiers_of(customer)[channel]
    return Story(rng, name, channel, identifier, f"agent {rng.randrange(AGENTS)}", whole, ring_of(customer))


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
