"""Keyed state of a task: a dictionary that remembers what changed since the last flush."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

S = TypeVar("S")


class UnknownStateFormat(ValueError):
    """A changelog record was written in a state format that this version does not know."""


def kind_of_store(kind: bytes) -> bytes:
    """The kind, where it is one byte. Raises ValueError."""
    if len(kind) != 1:
        raise ValueError(f"a store's kind is one byte, not {kind!r}")
    return kind


def require_format(name: str, value: bytes, head: bytes) -> None:
    """Raises UnknownStateFormat where a state is not written in the format of `head`."""
    if value[:1] != head:
        raise UnknownStateFormat(
            f"state of {name!r} has format {value[0]}, this version knows {head[0]}: run the version that wrote it, "
            "or start in a fresh namespace"
        )


class Store(Generic[S]):
    """State by key, of one kind (`kind`: one byte that tells the stores of one changelog apart).

    Values are msgspec types, encoded as msgpack behind one byte that names the format version. Whoever changes a
    value in place calls `touch`. A value is encoded once a flush, however often it changed.
    """

    __slots__ = ("_changed", "_decode", "_encode", "_head", "_prefix", "data")

    def __init__(self, kind: bytes, type_: type[S], *, version: int = 1) -> None:
        self.data: dict[str, S] = {}
        self._prefix = kind_of_store(kind)
        self._head = bytes([version])
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(type_).decode
        # A dictionary and not a set: in the order of the changes, so that a replay writes in the same order.
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self.data)

    def get(self, key: str) -> S | None:
        """The value of `key`, None where there is none."""
        return self.data.get(key)

    def put(self, key: str, value: S) -> None:
        """Set the value of `key`."""
        self.data[key] = value
        self._changed[key] = None

    def touch(self, key: str) -> None:
        """Say that the value of `key` was changed in place."""
        self._changed[key] = None

    def delete(self, key: str) -> None:
        """Forget `key`; a tombstone goes to the changelog if it was there."""
        if self.data.pop(key, None) is not None:
            self._changed[key] = None

    def owns(self, key: bytes) -> bool:
        """Whether a changelog key is this store's."""
        return key[:1] == self._prefix

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """What changed since the last call, encoded; forgets that it changed."""
        changed, self._changed = self._changed, {}
        get, encode, prefix, head = self.data.get, self._encode, self._prefix, self._head
        for key in changed:
            value = get(key)
            yield prefix + key.encode(), None if value is None else head + encode(value)

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record. Raises UnknownStateFormat for one of another format version."""
        name = key[1:].decode()
        if value is None:
            self.data.pop(name, None)
        else:
            require_format(name, value, self._head)
            self.data[name] = self._decode(value[1:])
