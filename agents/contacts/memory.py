"""Event ids in eight bytes each, packed into one bytes object (a set of them would cost eight times as much)."""

from hashlib import blake2b

WIDTH = 8


def digest(event_id: str) -> bytes:
    """Eight bytes that stand for an event id (BLAKE2b)."""
    return blake2b(event_id.encode(), digest_size=WIDTH).digest()


def holds(packed: bytes, wanted: bytes) -> bool:
    """Whether `wanted` is one of the digests in `packed`."""
    place = packed.find(wanted)
    while place >= 0:
        if place % WIDTH == 0:
            return True
        place = packed.find(wanted, place + 1)
    return False


def latest(packed: bytes, more: bytes, limit: int) -> bytes:
    """The last `limit` digests of `packed` followed by `more`."""
    return (packed + more)[-limit * WIDTH :]
