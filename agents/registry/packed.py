"""State of very many small values: packed into buckets, a few to one object."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar
from zlib import crc32

import msgspec

from schemas.short_ids import full
from streams.store import kind_of_store, require_format

S = TypeVar("S")

ID = 16
"""Bytes of a packed id."""

FULL = 4
"""Values of a bucket, on average, at most."""

CROWDED = 16
"""Entries of a bucket after which those that do not count are looked for."""


def packed(name: str) -> bytes:
    """The 16 bytes of a UUID. They are ordered as UUIDs are.

    >>> spelled(packed("6fa459ea-ee8a-3ca4-894e-db77e160355e"))
    '6fa459ea-ee8a-3ca4-894e-db77e160355e'
    """
    return bytes.fromhex(name.replace("-", ""))


def spelled(id_: bytes) -> str:
    """The UUID of 16 bytes."""
    return full(b"u" + id_)


def ids_in(several: bytes | bytearray) -> Iterator[bytes]:
    """The ids that stand one behind the other."""
    return (bytes(several[start : start + ID]) for start in range(0, len(several), ID))


class Buckets:
    """Where packed values lie: a bucket of bytes for each few of them.

    There is one bucket more with every FULL values, which takes half of another one's (linear hashing): so no value
    takes longer to add than others. `_sorted_out` of a subclass says which of a bucket's values stay and which go.
    """

    __slots__ = ("_buckets", "_count", "_half", "_mask")

    def __init__(self) -> None:
        self._buckets = [b""]
        self._count = 0
        self._half, self._mask = 1, 1

    def _place(self, key: bytes) -> int:
        place = crc32(key) & self._mask
        return place if place < len(self._buckets) else place - self._half

    def _goes(self, key: bytes) -> bool:
        """Whether a key of the bucket that is divided goes to the new one."""
        return crc32(key) & self._half != 0

    def _grow(self) -> None:
        """One value more."""
        self._count += 1
        if self._count <= FULL * len(self._buckets):
            return
        place, new = len(self._buckets) - self._half, len(self._buckets)
        self._buckets.append(b"")
        bucket = self._buckets[place]
        if bucket:
            self._buckets[place], self._buckets[new] = self._sorted_out(bucket)
        if len(self._buckets) == 2 * self._half:
            self._half, self._mask = 2 * self._half, 4 * self._half - 1

    def _sorted_out(self, bucket: bytes) -> tuple[bytes, bytes]:
        raise NotImplementedError


_MAP = b"\xde"
_HEAD = 3
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[bytes, bytes]).decode


def _bucket_of(values: dict[bytes, bytes]) -> bytes:
    if not values:
        return b""
    encoded = _encode(values)
    # Of few, the head is one byte.
    return encoded if encoded[:1] == _MAP else _MAP + len(values).to_bytes(2) + encoded[1:]


class PackedMap(Buckets):
    """Bytes by bytes: a dictionary takes 150 bytes more for each than key and value have, this one 20.

    A bucket is a dictionary in msgpack. What is put stands behind what is there, and counts in place of it; so nothing
    has to be decoded for it, until there is much that does not count.
    """

    __slots__ = ()

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, None where there is none."""
        bucket = self._buckets[self._place(key)]
        return _decode(bucket).get(key) if bucket else None

    def put(self, key: bytes, value: bytes) -> None:
        """Set the value of `key`."""
        place = self._place(key)
        bucket = self._buckets[place]
        many = int.from_bytes(bucket[1:_HEAD])
        if many >= CROWDED:
            values = _decode(bucket)
            bucket = _bucket_of(values)
            self._count -= many - len(values)
            many = len(values)
        self._buckets[place] = _MAP + (many + 1).to_bytes(2) + bucket[_HEAD:] + _encode((key, value))[1:]
        self._grow()

    def pop(self, key: bytes) -> bytes | None:
        """Forget `key`; returns its value, None where there is none."""
        place = self._place(key)
        bucket = self._buckets[place]
        values = _decode(bucket) if bucket else {}
        value = values.pop(key, None)
        if value is not None:
            self._count -= int.from_bytes(bucket[1:_HEAD]) - len(values)
            self._buckets[place] = _bucket_of(values)
        return value

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All that there is, in no order."""
        for bucket in self._buckets:
            if bucket:
                yield from _decode(bucket).items()

    def _sorted_out(self, bucket: bytes) -> tuple[bytes, bytes]:
        parts: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})
        values = _decode(bucket)
        self._count -= int.from_bytes(bucket[1:_HEAD]) - len(values)
        for key, value in values.items():
            parts[self._goes(key)][key] = value
        return _bucket_of(parts[0]), _bucket_of(parts[1])


class PackedPairs(Buckets):
    """Several values of one size for one id, as one row of bytes each: the id and the value."""

    __slots__ = ("_row",)

    def __init__(self, width: int) -> None:
        super().__init__()
        self._row = ID + width

    def add(self, key: bytes, value: bytes) -> int:
        """One value more of `key`; returns how many lie in its bucket, those of others included."""
        place = self._place(key)
        bucket = self._buckets[place] = self._buckets[place] + key + value
        self._grow()
        return len(bucket) // self._row

    def of(self, key: bytes) -> list[bytes]:
        """The values of `key`, in the order in which they were added."""
        bucket, row = self._buckets[self._place(key)], self._row
        return [bucket[at + ID : at + row] for at in range(0, len(bucket), row) if bucket[at : at + ID] == key]

    def remove(self, key: bytes, value: bytes | None = None) -> None:
        """Forget one value of `key`, or all."""
        place, row = self._place(key), self._row
        bucket = self._buckets[place]
        rows = [bucket[at : at + row] for at in range(0, len(bucket), row)]
        left = [each for each in rows if each[:ID] != key or value not in (None, each[ID:])]
        self._count -= len(rows) - len(left)
        self._buckets[place] = b"".join(left)

    def _sorted_out(self, bucket: bytes) -> tuple[bytes, bytes]:
        parts: tuple[list[bytes], list[bytes]] = ([], [])
        for at in range(0, len(bucket), self._row):
            parts[self._goes(bucket[at : at + ID])].append(bucket[at : at + self._row])
        return b"".join(parts[0]), b"".join(parts[1])


class PackedStore(Generic[S]):
    """State by packed id as in `streams.caching_store.CachingStore`, in a third of its memory.

    What changed since the last flush is kept as objects, all else packed, and decoded each time it is asked for.
    `kind`, `encode`, `decode`, `version`: as there. Whoever changes a value puts it again.
    """

    __slots__ = ("_changed", "_decode", "_encode", "_head", "_prefix", "_stored")

    def __init__(
        self, kind: bytes, *, encode: Callable[[S], bytes], decode: Callable[[bytes], S], version: int
    ) -> None:
        self._prefix = kind_of_store(kind)
        self._head = bytes([version])
        self._encode = encode
        self._decode = decode
        self._stored = PackedMap()
        # In the order of the changes, so that a replay writes in the same order.
        self._changed: dict[bytes, S | None] = {}

    def get(self, key: bytes) -> S | None:
        """The value of `key`, None where there is none."""
        if key in self._changed:
            return self._changed[key]
        stored = self._stored.get(key)
        return None if stored is None else self._decode(stored)

    def put(self, key: bytes, value: S) -> None:
        """Set the value of `key`."""
        self._changed[key] = value

    def delete(self, key: bytes) -> None:
        """Forget `key`; a tombstone goes to the changelog."""
        self._changed[key] = None

    def stored(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key and the bytes of its value, as of the last flush."""
        return self._stored.items()

    def owns(self, key: bytes) -> bool:
        """Whether a changelog key is this store's."""
        return key[:1] == self._prefix

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """What changed since the last call, encoded; forgets that it changed."""
        changed, self._changed = self._changed, {}
        for key, value in changed.items():
            if value is None:
                self._stored.pop(key)
                yield self._prefix + key, None
            else:
                encoded = self._encode(value)
                self._stored.put(key, encoded)
                yield self._prefix + key, self._head + encoded

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat for one of another format version."""
        if value is None:
            self._stored.pop(key[1:])
        else:
            if value[:1] != self._head:
                require_format(key[1:].hex(), value, self._head)
            self._stored.put(key[1:], value[1:])
