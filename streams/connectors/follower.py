"""Follows one log file by its name: through rotation by renaming, by copying and truncating, and restarts."""

import os
from pathlib import Path

import structlog

from schemas.topics import LARGEST_RECORD
from streams.connectors.cursor import Place
from streams.connectors.lines import Line, LineSplitter
from streams.connectors.rotation import FINGERPRINT_BYTES, find, fingerprint, successors

CHUNK = 256 * 1024
"""Bytes that are read at once, and so the most that is on its way unacknowledged (but for one line that is longer)."""

log = structlog.get_logger()


class Follower:
    """Reads what is appended to `path`, line by line, from `place` on. The file need not be there yet.

    `besides`: files beside it that no rotation made. What a file holds when it is renamed or copied away is read to
    its end before the next one is begun.
    """

    def __init__(
        self, path: Path, place: Place | None, *, besides: frozenset[Path] = frozenset(), limit: int = LARGEST_RECORD
    ) -> None:
        self.path = path
        self._start = place
        self._besides = besides
        self._limit = limit
        self._file: int | None = None
        self._read = 0
        self._beginning = b""
        self._splitter = LineSplitter(limit=limit)

    def close(self) -> None:
        """Close the file; `place` stays as it is not asked for again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def place(self) -> Place | None:
        """Behind the last line that was read; None before there was a file."""
        if self._file is None:
            return self._start
        stat = os.fstat(self._file)
        offset = self._splitter.offset
        return Place(
            inode=stat.st_ino,
            device=stat.st_dev,
            offset=offset,
            number=self._splitter.number,
            written=stat.st_mtime_ns,
            fingerprint=fingerprint(self._beginning[:offset]),
        )

    def lines(self) -> list[Line]:
        """The lines of the next chunk; none where nothing was appended. Raises OSError."""
        if self._file is None and not self._begin():
            return []
        # Looked at first: what is written to this file before the next one begins is read below.
        following = self._following()
        chunk = os.pread(self._descriptor, CHUNK, self._read)
        # Looked at afterwards: a file that was truncated while it was read is seen as such.
        if not self._is_whole(len(chunk)):
            return self._go_on_after_truncation()
        if chunk:
            if len(self._beginning) < FINGERPRINT_BYTES:
                self._beginning = (self._beginning + chunk)[:FINGERPRINT_BYTES]
            self._read += len(chunk)
            return list(self._splitter.feed(chunk))
        return [] if following is None else self._turn_to(following)

    @property
    def _descriptor(self) -> int:
        assert self._file is not None  # noqa: S101 - the callers have opened it
        return self._file

    def _begin(self) -> bool:
        """Open the file of the place to start from, or the one that is there."""
        place = self._start
        if place is None:
            return self._open(self.path)
        found = find(self.path, place, self._besides)
        if found is not None:
            return self._open(found, offset=place.offset, number=place.number)
        following = successors(self.path, place, self._besides)[0]
        if not self._open(following):
            return False
        log.warning(
            "tail.file_gone",
            file=str(self.path),
            offset=place.offset,
            going_on_with=str(following),
            hint="the file that was being read is neither here nor beside here unpacked: its last lines may be missing",
        )
        return True

    def _open(self, path: Path, *, offset: int = 0, number: int = 0) -> bool:
        try:
            file = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        self.close()
        self._file = file
        self._read = offset
        self._beginning = os.pread(file, min(offset, FINGERPRINT_BYTES), 0)
        self._splitter = LineSplitter(offset=offset, number=number, limit=self._limit)
        return True

    def _following(self) -> Path | None:
        """The file to read after this one, once that has begun: the writer may still have this one open before."""
        mine = os.fstat(self._descriptor)
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return None
        if (named.st_ino, named.st_dev) == (mine.st_ino, mine.st_dev):
            return None
        place = self.place()
        following = self.path if place is None else successors(self.path, place, self._besides)[0]
        return None if following == self.path and named.st_size == 0 else following

    def _is_whole(self, chunk: int) -> bool:
        """Whether the file still begins as it did and reaches as far as was read."""
        beginning = os.pread(self._descriptor, len(self._beginning), 0)
        return beginning == self._beginning and os.fstat(self._descriptor).st_size >= self._read + chunk

    def _go_on_after_truncation(self) -> list[Line]:
        """To the end of the copy, where one was made; else the piece of a line that was left is a line."""
        place = self.place()
        copy = None if place is None else find(self.path, place, self._besides)
        log.info("tail.truncated", file=str(self.path), offset=self._read, copy=None if copy is None else str(copy))
        if copy is not None and place is not None and self._open(copy, offset=place.offset, number=place.number):
            return []
        return self._turn_to(self.path)

    def _turn_to(self, path: Path) -> list[Line]:
        rest = self._splitter.rest()
        if not self._open(path):
            # Moved on between a look and the next: where to go on is looked up from the place.
            self._start = self.place()
            self.close()
        return [] if rest is None else [rest]
