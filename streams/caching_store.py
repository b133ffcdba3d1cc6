"""Keyed state of a task that is kept as bytes; what is in use is kept ready beside them."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from streams.store import kind_of_store, require_format

S = TypeVar("S")

READY = 8_192
"""Values that are kept ready between two flushes; at most twice as many are for a while."""


class CachingStore(Generic[S]):
    """State by key as in `streams.store.Store`, for values that lie untouched most of the time.

    Every value is kept as the bytes that went to the changelog, which cost a tenth of the memory of objects, are
    nothing to the garbage collector, and need no decoding when a changelog is read back. Values lately used are kept
    as objects too, the younger half of them and the older: a full younger half becomes the older one.

    `kind`: one byte that tells the stores of one changelog apart. `encode` makes the bytes of a value, `decode` a
    value of a key and its bytes. Whoever changes a value puts it again.
    """

    __slots__ = ("_changed", "_decode", "_encode", "_head", "_older", "_prefix", "_ready", "_stored", "_younger")

    def __init__(
        self,
        kind: bytes,
        *,
        encode: Callable[[S], bytes],
        decode: Callable[[str, bytes], S],
        version: int = 1,
        ready: int = READY,
    ) -> None:
        self._prefix = kind_of_store(kind)
        self._head = bytes([version])
        self._encode = encode
        self._decode = decode
        self._ready = ready
        self._stored: dict[str, bytes] = {}
        self._younger: dict[str, S] = {}
        self._older: dict[str, S] = {}
        # A dictionary and not a set: in the order of the changes, so that a replay writes in the same order.
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        stored = self._stored
        return len(stored) + sum(key not in stored for key in self._younger)

    def get(self, key: str) -> S | None:
        """The value of `key`, None where there is none."""
        value = self._younger.get(key)
        if value is not None:
            return value
        value = self._older.pop(key, None)
        if value is None:
            stored = self._stored.get(key)
            if stored is None:
                return None
            value = self._decode(key, stored[1:])
        self._younger[key] = value
        return value

    def peek(self, key: str) -> S | None:
        """As `get`, but not kept ready: for who looks through many and changes few."""
        value = self._younger.get(key) or self._older.get(key)
        if value is not None:
            return value
        stored = self._stored.get(key)
        return None if stored is None else self._decode(key, stored[1:])

    def put(self, key: str, value: S) -> None:
        """Set the value of `key`."""
        self._younger[key] = value
        self._changed[key] = None

    def delete(self, key: str) -> None:
        """Forget `key`; a tombstone goes to the changelog if it was there."""
        self._older.pop(key, None)
        ready = self._younger.pop(key, None)
        if self._stored.pop(key, None) is not None or ready is not None:
            self._changed[key] = None

    def stored(self) -> Iterator[tuple[str, bytes]]:
        """Every key and the bytes of its value, as of the last flush."""
        for key, stored in self._stored.items():
            yield key, stored[1:]

    def owns(self, key: bytes) -> bool:
        """Whether a changelog key is this store's."""
        return key[:1] == self._prefix

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """What changed since the last call, encoded; forgets that it changed."""
        changed, self._changed = self._changed, {}
        younger, stored = self._younger, self._stored
        prefix, head, encode = self._prefix, self._head, self._encode
        for key in changed:
            value = younger.get(key)
            if value is None:
                yield prefix + key.encode(), None
            else:
                encoded = stored[key] = head + encode(value)
                yield prefix + key.encode(), encoded
        if len(younger) >= self._ready:
            self._older, self._younger = younger, {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat for one of another format version."""
        name = key[1:].decode()
        if value is None:
            self._stored.pop(name, None)
        else:
            require_format(name, value, self._head)
            self._stored[name] = value
