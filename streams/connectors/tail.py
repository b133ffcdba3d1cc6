"""A live log file onto its channel topic, line by line, as it grows."""

import asyncio
from pathlib import Path

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.topics import LARGEST_RECORD
from streams.connectors.cursor import Cursor, CursorFile
from streams.connectors.follower import Follower
from streams.connectors.formats import LineFormat
from streams.connectors.line_records import LineRecords
from streams.connectors.lines import HEAD, Line
from streams.connectors.publisher import Publisher, TopicMissing

POLL_SECONDS = 0.1
LONGEST_PAUSE = 30.0
"""Seconds between two tries while Kafka or the file can't be reached, at most; the first is after one second."""

log = structlog.get_logger()


class TailCounts:
    """What a tail has done since it started. `error`: why it stands still or saves no cursor now, else None."""

    __slots__ = ("bytes", "error", "lines", "refused")

    def __init__(self) -> None:
        self.lines = 0
        self.bytes = 0
        self.refused = 0
        self.error: str | None = None


class Tail:
    """Follows `path` and sends its lines, until `stop`.

    At least once: the cursor is saved after Kafka has acknowledged the lines before it, and lines that are read again
    get the ids that they had. No more than one chunk of lines is unacknowledged at a time. Lines over LARGEST_RECORD
    bytes, and those that the broker finds too large, are counted as refused, and their head is sent with the reason.
    """

    def __init__(
        self,
        *,
        bootstrap: str,
        namespace: str,
        path: Path,
        format: LineFormat,  # noqa: A002
        source: str,
        cursor: Path,
        poll: float = POLL_SECONDS,
        limit: int = LARGEST_RECORD,
    ) -> None:
        if format.has_header_line:
            raise ValueError(f"format {format.name!r} names its columns in the first line: such files are replayed")
        self.path = path
        self.counts = TailCounts()
        self._bootstrap = bootstrap
        self._namespace = namespace
        self._records = LineRecords(format, source)
        self._saved = CursorFile(cursor)
        self._poll = poll
        self._limit = limit
        self._stopping = asyncio.Event()
        self._unsaved: str | None = None

    def stop(self) -> None:
        """Let `run` return when the lines on their way are acknowledged."""
        self._stopping.set()

    async def run(self) -> None:
        """Follow the file. Waits while Kafka or the file can't be reached, and goes on where the cursor can't be saved:
        a full disk keeps no call from being counted. Raises CursorUnreadable, OSError where it can't be looked for."""
        cursor = self._saved.load()
        pause = 1.0
        while not self._stopping.is_set():
            before = self.counts.lines
            try:
                await self._follow(cursor)
            except (KafkaError, TopicMissing, _FileUnreachable) as error:
                self.counts.error = f"{type(error).__name__}: {error}"
                pause = 1.0 if self.counts.lines > before else min(2 * pause, LONGEST_PAUSE)
                log.warning("tail.waits", file=str(self.path), error=self.counts.error, seconds=pause)
                await self._wait(pause)
                cursor = self._saved.load()

    async def _follow(self, cursor: Cursor) -> None:
        beside = frozenset({self._saved.path})
        follower = Follower(self.path, cursor.place, besides=beside, limit=self._limit)
        try:
            async with Publisher(self._bootstrap, self._namespace) as publisher:
                while not self._stopping.is_set():
                    try:
                        lines = follower.lines()
                        place = follower.place()
                    except OSError as error:
                        raise _FileUnreachable(str(error)) from error
                    if lines:
                        await self._send(publisher, lines, cursor)
                    if place != cursor.place or self._unsaved:
                        cursor.place = place
                        await self._save(cursor)
                    self.counts.error = self._unsaved
                    if not lines:
                        await self._wait(self._poll)
        finally:
            follower.close()

    async def _save(self, cursor: Cursor) -> None:
        """Save the cursor; where that fails, it is said once and tried again with the next look at the file."""
        try:
            await asyncio.to_thread(self._saved.save, cursor)
        except OSError as error:
            if self._unsaved is None:
                log.error(
                    "tail.cursor_unsaved",
                    file=str(self.path),
                    cursor=str(self._saved.path),
                    error=str(error),
                    hint="lines go on; after a restart those since the last saved cursor are read again, as duplicates",
                )
            self._unsaved = f"the cursor can't be saved: {error}"
        else:
            if self._unsaved is not None:
                log.info("tail.cursor_saved", file=str(self.path))
            self._unsaved = None

    async def _send(self, publisher: Publisher, lines: list[Line], cursor: Cursor) -> None:
        """Send lines and wait until all replicas have them. Raises KafkaError."""
        sent: list[tuple[Line, asyncio.Future[object]]] = []
        for line in lines:
            if line.data.strip(b"\r"):
                record = self._records.record(line, self.path, cursor.ordinals)
                sent.append((line, await publisher.send(record)))
                self.counts.refused += record.refused
        for line, result in zip(
            (line for line, _ in sent),
            await asyncio.gather(*(future for _, future in sent), return_exceptions=True),
            strict=True,
        ):
            if isinstance(result, MessageSizeTooLargeError):
                await self._refuse(publisher, line, cursor)
            elif isinstance(result, BaseException):
                raise result
        self.counts.lines += len(sent)
        self.counts.bytes += sum(line.size + 1 for line in lines)

    async def _refuse(self, publisher: Publisher, line: Line, cursor: Cursor) -> None:
        """The broker takes no record as large as this one, though we would."""
        if line.size <= HEAD:
            raise MessageSizeTooLargeError(f"the broker refuses a line of {line.size} bytes: raise max.message.bytes")
        head = Line(line.data[:HEAD], line.size, line.number)
        await (await publisher.send(self._records.record(head, self.path, cursor.ordinals)))
        self.counts.refused += 1

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


class _FileUnreachable(Exception):
    """The followed file can't be read just now."""
