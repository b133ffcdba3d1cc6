"""How far a file has been read, kept through restarts."""

import os
from pathlib import Path

import msgspec

from streams.connectors.ordinals import Ordinals

VERSION = 1


class CursorUnreadable(ValueError):
    """A cursor file holds no cursor of this version; the message says what to do."""


class Fingerprint(msgspec.Struct, frozen=True):
    """Digest of the first `length` bytes of a file: its inode may be used again, its beginning is not."""

    length: int = 0
    digest: str = ""


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """A place in a file. `offset`: of the first byte not read, `number`: of complete lines before it. `written`: the
    file's modification time (ns) when it was there: files rotated away later are newer."""

    inode: int
    device: int
    offset: int
    number: int
    written: int
    fingerprint: Fingerprint


class Cursor(msgspec.Struct, kw_only=True):
    """What is saved: the place, and the ordinals of the lines of the last seconds."""

    version: int = VERSION
    place: Place | None = None
    ordinals: Ordinals = msgspec.field(default_factory=Ordinals)


def save_whole(path: Path, content: bytes) -> None:
    """Put a small file on disk: afterwards it survives a power cut, and at any moment it is whole. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class CursorFile:
    """A cursor in a small JSON file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Cursor:
        """What was saved last; an empty cursor where nothing was. Raises CursorUnreadable, OSError."""
        try:
            cursor = msgspec.json.decode(self.path.read_bytes(), type=Cursor)
        except FileNotFoundError:
            return Cursor()
        except msgspec.DecodeError as error:
            raise CursorUnreadable(self._advice(str(error))) from None
        if cursor.version != VERSION:
            raise CursorUnreadable(self._advice(f"it has version {cursor.version}, this program knows {VERSION}"))
        return cursor

    def save(self, cursor: Cursor) -> None:
        """Put it on disk: afterwards it survives a power cut, and at any moment the file is whole. Raises OSError."""
        save_whole(self.path, msgspec.json.encode(cursor))

    def _advice(self, why: str) -> str:
        return (
            f"cursor {self.path} can't be read: {why}. Remove it to read the file from its beginning: what was read "
            "before is recognised as duplicate"
        )
