"""The spool: deliveries that a provider will not send again, on disk until Kafka has them.

One file a source. A frame is the length of its content and its CRC-32 (4 bytes each, big-endian), then the record as
msgpack. Frames are only appended; the file is truncated when all of it is in Kafka, and nothing else says how far it
has got: after a crash what stood in it is sent again, under the same `ce_id`.
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
"""Bytes of a spool file."""

BATCH = 4 * MIB
"""Bytes of frames that are read at a time."""

_HEAD = Struct(">II")
_LARGEST_FRAME = 64 * MIB
_encode = msgspec.msgpack.Encoder().encode


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


_decode = msgspec.msgpack.Decoder(_Kept).decode


class SpoolFull(Exception):
    """The file has the size that it may have, and Kafka has not taken it yet."""


class SpoolInUse(OSError):
    """Another process has the file."""


class Batch(NamedTuple):
    """Records from the head of the spool, in order; `end`: where the next ones begin in the file."""

    records: list[LineRecord]
    end: int


class Spool:
    """One source's file. `largest`: bytes it may have. Everything but `open` and `close` is called on one loop."""

    def __init__(self, path: Path, largest: int = LARGEST) -> None:
        self._path = path
        self._largest = largest
        self._file = -1
        self._begin = 0
        self._end = 0
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._reserved = 0
        self._writing: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self.filled = asyncio.Event()

    def open(self) -> None:
        """Open or make the file; what a crash left torn at its end is cut off. Raises SpoolInUse, OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise SpoolInUse(
                f"{self._path} is in use: another gateway has this data folder. Give each that takes webhooks its own "
                "(service.data_folder)"
            ) from None
        _sync_folder(self._path.parent)
        self._end = _whole(self._file)
        torn = os.fstat(self._file).st_size - self._end
        if torn:
            kept = self._path.with_suffix(f".torn-{time.time_ns()}")
            kept.write_bytes(os.pread(self._file, torn, self._end))
            log.warning("spool.torn", file=str(self._path), bytes_cut_off=torn, kept=str(kept))
            os.ftruncate(self._file, self._end)
            os.fsync(self._file)
        if self._end:
            self.filled.set()

    def close(self) -> None:
        """Let go of the file; its frames stay."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def size(self) -> int:
        """Bytes of the file; 0: Kafka has everything."""
        return self._end

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for Kafka, nor for the disk."""
        return not self._end and not self._reserved

    async def append(self, record: LineRecord) -> None:
        """Keep a record; returns when it is on disk. Raises SpoolFull, OSError: it is not kept."""
        frame = _frame(record)
        if self._end + self._reserved + len(frame) > self._largest:
            raise SpoolFull(f"{self._path} has {self._end:,} bytes, it may have {self._largest:,}")
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
        """Kafka has everything before `end`. The file is truncated when that is all of it."""
        async with self._changing:
            self._begin = end
            if self._begin == self._end:
                await asyncio.to_thread(self._truncate, 0)
                self._begin = self._end = 0
                self.filled.clear()

    async def settled(self) -> None:
        """Wait until nothing is being written."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

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
        written = 0
        try:
            while written < len(content):
                written += os.pwrite(self._file, content[written:], self._end + written)
            os.fsync(self._file)
        except OSError:
            # What is refused must not be found at the next start.
            self._truncate(self._end)
            raise

    def _truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.fsync(self._file)


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


def _whole(file: int) -> int:
    """Bytes of the whole frames that a file begins with."""
    at = 0
    while (content := _content_at(file, at)) is not None:
        at += _HEAD.size + len(content)
    return at


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


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
