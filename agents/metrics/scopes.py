"""Whose numbers: the whole floor, a channel, a queue, or a queue on a channel."""

from functools import cache

Leaf = tuple[str, str | None]
"""Channel and queue (None: no queue named) of a fact."""

Scope = tuple[str | None, str | None]
"""Channel and queue of a scope; None: all of them."""

FLOOR: Scope = (None, None)
_SEPARATOR = "\x1f"


@cache
def scopes_of(leaf: Leaf) -> tuple[Scope, ...]:
    """Every scope that a fact of this channel and queue counts in."""
    channel, queue = leaf
    if queue is None:
        return (FLOOR, (channel, None))
    return (FLOOR, (channel, None), (None, queue), (channel, queue))


def cell_key(time: int | str, leaf: Leaf) -> str:
    """The state key of a leaf at a time."""
    channel, queue = leaf
    return f"{time}{_SEPARATOR}{channel}" if queue is None else f"{time}{_SEPARATOR}{channel}{_SEPARATOR}{queue}"


def parse_cell_key(key: str) -> tuple[str, Leaf]:
    """Time and leaf of a state key."""
    time, channel, *queue = key.split(_SEPARATOR, 2)
    return time, (channel, queue[0] if queue else None)
