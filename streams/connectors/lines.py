"""Lines out of chunks of bytes, each in bounded memory however long it is."""

from collections.abc import Iterator
from typing import NamedTuple

from schemas.topics import LARGEST_RECORD

HEAD = 64 * 1024
"""Bytes that are kept of a line that is too long."""


class Line(NamedTuple):
    """One line without its LF. `size` is its length, more than `data` has where it was too long; `number` is from 1."""

    data: bytes
    size: int
    number: int

    @property
    def too_long(self) -> bool:
        """Whether `data` is only its head."""
        return self.size > len(self.data)


class LineSplitter:
    """Cuts chunks into lines. `offset` (of the first byte that belongs to no complete line yet) and `number` (of
    complete lines so far) say where to go on."""

    __slots__ = ("_head", "_limit", "_pieces", "_size", "number", "offset")

    def __init__(self, *, offset: int = 0, number: int = 0, limit: int = LARGEST_RECORD, head: int = HEAD) -> None:
        self.offset = offset
        self.number = number
        self._limit = limit
        self._head = min(head, limit)
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that this chunk completes; what is left is kept until its LF comes."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._keep(piece)
            yield self._complete(terminator=1)
        self._keep(rest)

    def rest(self) -> Line | None:
        """The last line of a file that ends without LF, if there is one."""
        return self._complete(terminator=0) if self._size else None

    def _keep(self, piece: bytes) -> None:
        was, self._size = self._size, self._size + len(piece)
        if self._size <= self._limit:
            self._pieces.append(piece)
        elif was <= self._limit:
            # Too long from here on: only its head stays.
            self._pieces = [b"".join((*self._pieces, piece[: self._head]))[: self._head]]

    def _complete(self, terminator: int) -> Line:
        self.number += 1
        line = Line(b"".join(self._pieces), self._size, self.number)
        self.offset += self._size + terminator
        self._pieces.clear()
        self._size = 0
        return line
