"""Which faults a round has, and when: from the seed and the round's number alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from tests.chaos.times import LOAD, SESSION

PER_LOAD = {"workers": 6, "brokers": 2}
"""How many faults of each lane fall in a round of `LOAD` seconds."""

APART = (0.5, 8.0)
"""Seconds between the beginnings of a lane's faults, at least and at most."""

_SHORT = (0.3, 0.6 * SESSION)
_LONG = (SESSION + 1.5, SESSION + 4.5)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. Faults on workers may overlap; those on brokers follow one another, so that data stay whole.

    `lasts`: the least and the most seconds from its beginning to its mending.
    """

    name: str
    lane: str
    lasts: tuple[float, float]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("worker-kill", "workers", (0.0, 3.0)),
        Kind("worker-kill-in-flush", "workers", (0.0, 3.0)),
        Kind("worker-pause", "workers", _SHORT),
        Kind("worker-zombie", "workers", _LONG),
        Kind("worker-join", "workers", (0.0, 0.0)),
        Kind("worker-leave", "workers", (0.0, 0.0)),
        Kind("network-cut", "workers", _SHORT),
        Kind("network-cut-long", "workers", _LONG),
        Kind("broker-kill-leader", "brokers", (0.0, 3.0)),
        Kind("broker-kill-coordinator", "brokers", (0.0, 3.0)),
        Kind("brokers-kill-all", "brokers", (1.0, 11.0)),
        Kind("brokers-rolling", "brokers", (0.0, 1.0)),
        Kind("disk-full", "brokers", (3.0, 6.0)),
    )
}


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault to come: `at` seconds after the load began, for so many `seconds`.

    `pick` and `way`, from 0 to 1, say whom it hits among those that it can hit then, and in which of its ways.
    """

    at: float
    kind: str
    seconds: float
    pick: float
    way: float


def schedule(seed: int, number: int, seconds: float = LOAD, kinds: Collection[str] = tuple(KINDS)) -> list[Planned]:
    """The faults of round `number` (from 0) under a load of so many seconds, by time.

    Kinds come as from a deck of cards that is dealt to its end over the rounds and then shuffled anew, so each comes as
    often as the others of its lane. ValueError where a kind is unknown.
    """
    unknown = set(kinds) - KINDS.keys()
    if unknown:
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    planned: list[Planned] = []
    for lane, per_load in PER_LOAD.items():
        deck = [name for name, kind in KINDS.items() if kind.lane == lane and name in kinds]
        count = max(1, round(per_load * seconds / LOAD))
        chance = Random(f"{seed}/{number}/{lane}")
        at = chance.uniform(1.0, APART[1])
        for kind in _dealt(deck, f"{seed}/{lane}", number * count, count):
            lasts = chance.uniform(*KINDS[kind].lasts)
            planned.append(Planned(at, kind, lasts, chance.random(), chance.random()))
            at += lasts if lane == "brokers" else 0.0
            at += chance.uniform(*APART)
    last = max((each.at for each in planned), default=0.0)
    squeeze = min(1.0, 0.9 * seconds / last) if last else 1.0
    return sorted(
        (Planned(each.at * squeeze, each.kind, each.seconds, each.pick, each.way) for each in planned),
        key=lambda each: each.at,
    )


def _dealt(deck: list[str], name: str, first: int, count: int) -> list[str]:
    """The cards number `first` to `first + count` of decks shuffled one after the other."""
    cards: list[str] = []
    if not deck:
        return cards
    for card in range(first, first + count):
        shuffled = list(deck)
        Random(f"{name}/{card // len(deck)}").shuffle(shuffled)
        cards.append(shuffled[card % len(deck)])
    return cards
