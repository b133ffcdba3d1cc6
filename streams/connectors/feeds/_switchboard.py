"""What connections to switchboards have in common: nothing of what they say is given again.

What comes is read at once and kept in order, so that its time of arrival is true and the switchboard never waits for
Kafka; it is asked for something again and again, so that a dead connection is noticed.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from streams.connectors.feed import FeedBroken, Inlet, Terms
from streams.connectors.keeping import NotKept
from streams.ending import end

log = structlog.get_logger()

LONGEST_FRAME = 64 * 1024
"""Bytes of what is read up to a delimiter."""

WAITING = 500
"""Parcels that are read ahead of what is kept."""

PING = 30.0
"""Seconds between two questions whether the switchboard is still there."""

SILENCE = 70.0
"""Seconds without a whole frame after which it is not."""

CONNECTING = 20.0
"""Seconds for the connection and the login."""


class Parcel(NamedTuple):
    """A payload, its id, and its headers; without a payload it says only that nothing was missed. `received`: ms."""

    payload: bytes | None
    id: str | None
    headers: dict[str, str]
    received: int


class Streams(NamedTuple):
    """A connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        """Send. Raises OSError, TimeoutError."""
        self.writer.write(data)
        async with asyncio.timeout(CONNECTING):
            await self.writer.drain()

    async def until(self, delimiter: bytes) -> bytes:
        """What comes up to the delimiter, with it. Raises FeedBroken: it does not come whole."""
        try:
            async with asyncio.timeout(SILENCE):
                return await self.reader.readuntil(delimiter)
        except asyncio.IncompleteReadError as error:
            rest = f", {len(error.partial):,} bytes of a frame are left out" if error.partial else ""
            raise FeedBroken(f"the connection was closed{rest}") from None
        except asyncio.LimitOverrunError:
            raise FeedBroken(f"a frame is longer than {LONGEST_FRAME:,} bytes: this is not the right port") from None
        except TimeoutError:
            raise FeedBroken(f"no whole frame came within {SILENCE:.0f} s") from None


@asynccontextmanager
async def connection(terms: Terms) -> AsyncIterator[Streams]:
    """Connect as the terms say; setting `ca`: a file with the certificate of who signed theirs. Raises OSError,
    TimeoutError."""
    context = ssl.create_default_context(cafile=terms.settings.get("ca")) if terms.security == "tls" else None
    async with asyncio.timeout(CONNECTING):
        reader, writer = await asyncio.open_connection(terms.host, terms.port, ssl=context, limit=LONGEST_FRAME)
    try:
        yield Streams(reader, writer)
    finally:
        writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


@asynccontextmanager
async def pinging(say: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Ask every PING seconds whether the switchboard is there. What hinders it, the reading notices."""

    async def ping() -> None:
        with suppress(OSError):
            while True:
                await asyncio.sleep(PING)
                # One that reads slowly, or waits for us, is asked again.
                with suppress(TimeoutError):
                    await say()

    task = asyncio.create_task(ping())
    try:
        yield
    finally:
        await end(task)


class Heard:
    """Until when everything that a switchboard said was kept, ms: in a file, so that it outlives the process."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "heard"
        self._written = 0
        self.until: int | None = None
        with suppress(OSError, ValueError):
            self.until = int(self._file.read_text("ascii"))

    def mark(self, time: int, *, now: bool = False) -> None:
        """All until `time` is kept. It is written once a second, or now."""
        if self.until is None or time > self.until:
            self.until = time
        if now or time - self._written >= 1_000:
            self._written = time
            fresh = self._file.with_suffix(".new")
            try:
                fresh.write_text(str(self.until), "ascii")
                fresh.replace(self._file)
            except OSError as error:
                log.warning("feeds.not_marked", file=str(self._file), error=str(error))


async def carry(inlet: Inlet, parcels: AsyncIterator[Parcel], heard: Heard | None = None) -> None:
    """Keep what comes, in order, until nothing comes any more; what was read is kept even if cancelled meanwhile.
    Raises what the reading raises."""
    waiting: asyncio.Queue[Parcel | None] = asyncio.Queue(WAITING)
    in_hand: list[Parcel] = []

    async def read() -> None:
        try:
            async for parcel in parcels:
                in_hand.append(parcel)
                await waiting.put(parcel)
                in_hand.clear()
        finally:
            await waiting.put(None)

    reading = asyncio.create_task(read())
    parcel: Parcel | None = None
    try:
        while (parcel := await waiting.get()) is not None:
            if parcel.payload is not None:
                await inlet.insist(parcel.payload, id=parcel.id, headers=parcel.headers)
            if heard is not None:
                heard.mark(parcel.received)
            parcel = None
        await reading
    finally:
        reading.cancel()
        left = [] if parcel is None else [parcel]
        left += await _emptied(waiting, reading)
        await _kept(inlet, left + in_hand, heard)


async def _emptied(waiting: "asyncio.Queue[Parcel | None]", reading: "asyncio.Task[None]") -> list[Parcel]:
    """What was read and not kept."""
    left = []
    while not reading.done() or not waiting.empty():
        with suppress(asyncio.QueueEmpty):
            while True:
                parcel = waiting.get_nowait()
                if parcel is not None:
                    left.append(parcel)
        await asyncio.sleep(0)
    if not reading.cancelled():
        reading.exception()
    return left


async def _kept(inlet: Inlet, left: list[Parcel], heard: Heard | None) -> None:
    """Keep what is left, each once."""
    for number, each in enumerate(left):
        try:
            if each.payload is not None:
                await inlet.keep(each.payload, id=each.id, headers=each.headers)
        except NotKept as error:
            log.error("feeds.lost", payloads=len(left) - number, error=str(error))
            return
        if heard is not None:
            heard.mark(each.received)
