"""The spool: deliveries that a provider will not send again, on disk until Kafka has them.

One file a source. A frame is the length of its content and its CRC-32 (4 bytes each, big-endian), then the record as
msgpack. Frames are only appended; the file is truncated when all of it is in Kafka, and where that is long in coming,
what Kafka does not have is moved to a new one.

A file beside it (`.drained`) says how far Kafka has got, with the CRC-32 of all that stands before: it holds only for a
spool that begins so. It is not fsynced. After a crash what was under way is sent again, after a power cut maybe what
stood before it as well, under the same `ce_id`.
"""

import asyncio
import fcntl
import os
import time
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from zlib import crc32

import msgspec
import structlog

from schemas.topics import MIB
from streams.connectors.line_records import LineRecord

log = structlog.get_logger()

LARGEST = 256 * MIB
"""Bytes that may wait for Kafka in a spool. Its file may have twice as many for a while."""

BATCH = 4 * MIB
"""Bytes of frames that are read at a time."""

MOVED = 4 * MIB
"""Bytes at the head of the file that Kafka has, from which on the rest is moved to a new one where it is no more."""

_HEAD = Struct(">II")
_MARK = Struct(">QI")
_LARGEST_FRAME = 64 * MIB
_encode = msgspec.msgpack.Encoder().encode


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


_decode = msgspec.msgpack.Decoder(_Kept).decode


class SpoolFull(Exception):
    """As much waits as may, and Kafka has not taken it yet."""


class SpoolInUse(OSError):
    """Another process has the file."""


class Batch(NamedTuple):
    """Records from the head of the spool, in order; `end`: where the next ones begin in the file."""

    records: list[LineRecord]
    end: int


class Spool:
    """One source's file. `largest`: bytes that may wait in it. Everything but `open` and `close` is called on one
    loop."""

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self._path = path
        self._beside = path.with_suffix(".new")
        self._largest = largest
        self._file = -1
        self._mark = -1
        # What stands before, Kafka has.
        self._begin = 0
        self._digest = 0
        self._end = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._reserved = 0
        self._writing: asyncio.Task[None] | None = None
        self._tidying: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self.filled = asyncio.Event()

    def open(self) -> None:
        """Open or make the file; what a crash left torn at its end is cut off. Raises SpoolInUse, OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _open_alone(self._path)
        # What a crash left of a move.
        self._beside.unlink(missing_ok=True)
        self._mark = _open(self._path.with_suffix(".drained"))
        _sync_folder(self._path.parent)
        self._begin, self._digest, self._end = _whole(self._file, os.pread(self._mark, _MARK.size, 0))
        if os.fstat(self._file).st_size > self._end:
            self._cut_off_torn()
        if self.size:
            self.filled.set()
        elif self._end:
            self._empty()

    def close(self) -> None:
        """Let go of the file; its frames stay."""
        for file in (self._file, self._mark):
            if file >= 0:
                os.close(file)
        self._file = self._mark = -1

    @property
    def size(self) -> int:
        """Bytes that wait for Kafka; 0: it has everything."""
        return self._end - self._begin

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for Kafka, nor for the disk."""
        return not self.size and not self._reserved

    async def append(self, record: LineRecord) -> None:
        """Keep a record; returns when it is on disk. Raises SpoolFull, OSError: it is not kept."""
        frame = _frame(record)
        if self.size + self._reserved + len(frame) > self._largest:
            raise SpoolFull(f"in {self._path} {self.size:,} bytes wait for Kafka, of {self._largest:,} that may")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((frame, future))
        self._reserved += len(frame)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        await future

    async def head(self) -> Batch:
        """The first records that Kafka does not have; waits until there is one."""
        await self.filled.wait()
        async with self._changing:
            return await asyncio.to_thread(_read, self._file, self._begin, self._end)

    async def done(self, end: int) -> None:
        """Kafka has everything before `end`: it is not sent again, and its room is given back in the end."""
        self._tidying = asyncio.create_task(self._tidy(end))
        # Whoever stops waiting leaves nothing half done.
        await asyncio.shield(self._tidying)

    async def settled(self) -> None:
        """Wait until nothing is being written."""
        changes = [each for each in (self._writing, self._tidying) if each is not None]
        if changes:
            await asyncio.wait(changes)

    async def _tidy(self, end: int) -> None:
        async with self._changing:
            begin, self._begin = self._begin, end
            if end == self._end:
                await asyncio.to_thread(self._empty)
                self.filled.clear()
                return
            try:
                await asyncio.to_thread(self._say_drained, begin)
            except OSError as error:
                log.warning("spool.not_marked", file=str(self._path), error=str(error))
        if self._begin >= max(MOVED, self.size):
            try:
                await self._move()
            except OSError as error:
                log.warning("spool.not_moved", file=str(self._path), error=str(error))

    async def _move(self) -> None:
        """Begin a new file with what waits, in place of the old one."""
        new = await asyncio.to_thread(_open_alone, self._beside, os.O_TRUNC)
        try:
            copied = self._end
            # Most of it while others still append.
            await asyncio.to_thread(_copy, self._file, self._begin, copied, new, 0)
            async with self._changing:
                await asyncio.to_thread(self._replace, new, copied)
        except OSError:
            if self._file != new:
                self._beside.unlink()
                os.close(new)
            raise

    async def _write_waiting(self) -> None:
        """Write all that waits, several at a time behind one fsync."""
        while self._waiting:
            async with self._changing:
                batch, self._waiting = self._waiting, []
                content = b"".join(frame for frame, _ in batch)
                error = None
                try:
                    await asyncio.to_thread(self._write, content)
                except OSError as failure:
                    error = failure
                else:
                    self._end += len(content)
                    self.filled.set()
                self._reserved -= len(content)
            for _, future in batch:
                if not future.done():
                    future.set_exception(error) if error else future.set_result(None)

    def _write(self, content: bytes) -> None:
        try:
            _put(self._file, content, self._end)
            os.fsync(self._file)
        except OSError:
            # What is refused must not be found at the next start.
            self._truncate(self._end)
            raise

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.fsync(self._file)

    def _empty(self) -> None:
        os.ftruncate(self._file, 0)
        # What is appended where fsync fails must not stand behind a gap.
        self._begin = self._digest = self._end = 0
        os.fsync(self._file)

    def _say_drained(self, begin: int) -> None:
        """Say that Kafka has also what stands between `begin` and where it has got to."""
        self._digest = crc32(os.pread(self._file, self._begin - begin, begin), self._digest)
        _put(self._mark, _MARK.pack(self._begin, self._digest), 0)

    def _replace(self, new: int, copied: int) -> None:
        """Put the new file, which has what waits up to `copied`, in place of the old one."""
        _copy(self._file, copied, self._end, new, copied - self._begin)
        self._beside.replace(self._path)
        old, self._file = self._file, new
        self._begin, self._digest, self._end = 0, 0, self.size
        os.close(old)
        # Before anything that is appended to the new one is answered.
        _sync_folder(self._path.parent)

    def _cut_off_torn(self) -> None:
        torn = os.fstat(self._file).st_size - self._end
        path = self._path.with_suffix(f".torn-{time.time_ns()}")
        kept = _open(path, os.O_EXCL)
        try:
            _copy(self._file, self._end, self._end + torn, kept, 0)
        finally:
            os.close(kept)
        _sync_folder(path.parent)
        log.warning("spool.torn", file=str(self._path), bytes_cut_off=torn, kept=str(path))
        self._truncate(self._end)


def _frame(record: LineRecord) -> bytes:
    content = _encode(_Kept(record.topic, record.key, record.value, record.headers))
    return _HEAD.pack(len(content), crc32(content)) + content


def _content_at(file: int, at: int) -> bytes | None:
    """The content of the frame that begins there; None: there is no whole one."""
    head = os.pread(file, _HEAD.size, at)
    if len(head) < _HEAD.size:
        return None
    length, digest = _HEAD.unpack(head)
    if not 0 < length <= _LARGEST_FRAME:
        return None
    content = os.pread(file, length, at + _HEAD.size)
    return content if len(content) == length and crc32(content) == digest else None


def _whole(file: int, mark: bytes) -> tuple[int, int, int]:
    """How far Kafka has got in a file by its mark, with the digest of that, and the bytes of the whole frames that the
    file begins with."""
    begin, drained, at, digest = 0, 0, 0, 0
    while (content := _content_at(file, at)) is not None:
        at += _HEAD.size + len(content)
        digest = crc32(content, crc32(_HEAD.pack(len(content), crc32(content)), digest))
        if mark == _MARK.pack(at, digest):
            begin, drained = at, digest
    return begin, drained, at


def _read(file: int, begin: int, end: int) -> Batch:
    records, at = [], begin
    while at < end and at - begin < BATCH:
        content = _content_at(file, at)
        if content is None:
            raise OSError(f"the spool is damaged at byte {at}")
        kept = _decode(content)
        records.append(LineRecord(kept.topic, kept.key, kept.value, kept.headers, None))
        at += _HEAD.size + len(content)
    return Batch(records, at)


def _open(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def _open_alone(path: Path, flags: int = 0) -> int:
    """A file that no other process has, nor has just put another in place of. Raises SpoolInUse, OSError."""
    file = _open(path, flags)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), path.stat()):
            return file
    except BlockingIOError:
        pass
    except OSError:
        os.close(file)
        raise
    os.close(file)
    raise SpoolInUse(
        f"{path} is in use: another gateway has this data folder. Give each that takes webhooks its own "
        "(service.data_folder)"
    )


def _put(file: int, content: bytes, at: int) -> None:
    written = 0
    while written < len(content):
        written += os.pwrite(file, content[written:], at + written)


def _copy(source: int, begin: int, end: int, target: int, at: int) -> None:
    """Copy the bytes from `begin` to `end` to another file, and put it on disk."""
    for part in range(begin, end, BATCH):
        _put(target, os.pread(source, min(BATCH, end - part), part), at + part - begin)
    os.fsync(target)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
