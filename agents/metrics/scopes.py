"""Whose numbers: the whole floor, a channel, a queue, a queue on a channel, a policy, a policy in a queue, a segment of
customers."""

from functools import cache
from typing import NamedTuple

import msgspec

Leaf = tuple[str, str | None]
"""Channel and queue (None: no queue named) of a fact."""


class Scope(NamedTuple):
    """Whose numbers they are; None: all of them."""

    channel: str | None = None
    queue: str | None = None
    policy: str | None = None
    segment: str | None = None

    @property
    def of_offers(self) -> bool:
        """Whether offers count in it: nobody tells of them by policy or segment."""
        return self.policy is None and self.segment is None

    @property
    def is_pair(self) -> bool:
        """Whether it is of a policy in a queue."""
        return self.policy is not None and self.queue is not None


class Place(NamedTuple):
    """Where a clock or an answer of a survey counts; None: none is known."""

    channel: str
    queue: str | None = None
    policy: str | None = None
    segment: str | None = None


FLOOR = Scope()
_SEPARATOR = "\x1f"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Place).decode


@cache
def scopes_of(leaf: Leaf) -> tuple[Scope, ...]:
    """Every scope that a fact of this channel and queue counts in."""
    channel, queue = leaf
    if queue is None:
        return (FLOOR, Scope(channel))
    return (FLOOR, Scope(channel), Scope(queue=queue), Scope(channel, queue))


@cache
def scopes_at(place: Place) -> tuple[Scope, ...]:
    """Every scope that what is told of this place counts in."""
    channel, queue, policy, segment = place
    scopes = list(scopes_of((channel, queue)))
    if policy is not None:
        scopes.append(Scope(policy=policy))
        if queue is not None:
            scopes.append(Scope(queue=queue, policy=policy))
    if segment is not None:
        scopes.append(Scope(segment=segment))
    return tuple(scopes)


def cell_key(time: int | str, leaf: Leaf) -> str:
    """The state key of a leaf at a time."""
    channel, queue = leaf
    return f"{time}{_SEPARATOR}{channel}" if queue is None else f"{time}{_SEPARATOR}{channel}{_SEPARATOR}{queue}"


def parse_cell_key(key: str) -> tuple[str, Leaf]:
    """Time and leaf of a state key."""
    time, channel, *queue = key.split(_SEPARATOR, 2)
    return time, (channel, queue[0] if queue else None)


@cache
def _text_of(place: Place) -> str:
    # A segment is what a provider says: it may hold any separator.
    return _encode(place).decode()


def place_key(time: int | str, place: Place) -> str:
    """The state key of a place at a time, or of anything else that has no separator in it."""
    return f"{time}{_SEPARATOR}{_text_of(place)}"


def parse_place_key(key: str) -> tuple[str, Place]:
    """Time and place of a state key."""
    time, _, place = key.partition(_SEPARATOR)
    return time, _decode(place)
