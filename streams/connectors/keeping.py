"""Puts records where they last: on Kafka, else in a file of their source where nobody would send them again."""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import structlog
from aiokafka.errors import MessageSizeTooLargeError

from streams import telemetry
from streams.connectors.line_records import LineRecord
from streams.connectors.link import Sender
from streams.connectors.spool import LARGEST, Spool, SpoolFull
from streams.reader import is_cancelled

log = structlog.get_logger()

PATIENCE = 5.0
"""Seconds that a record waits for Kafka at most."""

DRAIN_SECONDS = 20.0
LONGEST_PAUSE = 30.0


class NotKept(Exception):
    """A record that neither Kafka nor the disk has; Kafka may have it later. `outcome`: kafka_away, spool_full or
    spool_failed."""

    def __init__(self, outcome: str, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome


class Keeper:
    """Keeps the records of some sources. `folder`: of their spools. `spool`: bytes that each may have."""

    def __init__(self, sender: Sender, folder: Path, sources: Iterable[str], *, spool: int = LARGEST) -> None:
        self._sender = sender
        self._spools = {name: Spool(folder / f"{name}.spool", spool) for name in sources}
        self._rescues: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open the spools. Raises SpoolInUse, OSError."""
        for name, spool in self._spools.items():
            await asyncio.to_thread(spool.open)
            telemetry.SPOOL_BYTES.labels(name).set_function(partial(_size, spool))

    async def run(self) -> None:
        """Put what is in the spools on Kafka, for ever."""
        async with asyncio.TaskGroup() as drains:
            for name, spool in self._spools.items():
                drains.create_task(self._drain(name, spool))
            await asyncio.Event().wait()

    async def close(self) -> None:
        """Let go of everything. What is spooled stays on disk."""
        await self._sender.close()
        await asyncio.gather(*self._rescues)
        for spool in self._spools.values():
            await spool.settled()
            spool.close()

    async def keep(self, source: str, record: LineRecord, *, seconds: float, comes_again: bool) -> str:
        """Put a record where it lasts; returns where that is: taken (by Kafka, within so many seconds) or spooled.
        `comes_again`: whoever sent it will send it again, so that no disk is needed. Raises NotKept."""
        spool = self._spools[source]
        if spool.is_empty:
            try:
                problem = await self._published(record, min(seconds, PATIENCE))
            except asyncio.CancelledError:
                if not comes_again:
                    self._rescue(source, spool, record)
                raise
            if problem is None:
                return "taken"
            log.warning("keeping.not_published", source=source, error=problem)
            if comes_again:
                raise NotKept("kafka_away", "Kafka has not taken it in time; send it again")
        try:
            await spool.append(record)
        except SpoolFull as error:
            log.error("keeping.spool_full", source=source, error=str(error))
            raise NotKept("spool_full", "there is no room left to keep it; send it again") from None
        except OSError as error:
            log.error("keeping.spool_failed", source=source, error=str(error))
            raise NotKept("spool_failed", "it could not be kept; send it again") from None
        return "spooled"

    def _rescue(self, source: str, spool: Spool, record: LineRecord) -> None:
        """Keep what is given up while the process ends: nobody sends it again."""

        async def keep() -> None:
            try:
                await spool.append(record)
            except (SpoolFull, OSError) as error:
                log.error("keeping.lost", source=source, error=str(error))

        task = asyncio.create_task(keep())
        self._rescues.add(task)
        task.add_done_callback(self._rescues.discard)

    async def _published(self, record: LineRecord, seconds: float) -> str | None:
        """What is wrong where Kafka does not say within so long that it has a record; it may have it later."""
        try:
            async with asyncio.timeout(seconds):
                await self._acknowledged(record, await self._sender.send(record))
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            return "Kafka's client gave up"
        # Whatever a client raises (a topic made anew, say): it is not on Kafka.
        except Exception as error:  # noqa: BLE001
            return str(error) or type(error).__name__
        return None

    async def _acknowledged(self, record: LineRecord, future: "asyncio.Future[object]") -> None:
        """Wait until Kafka has a record; of one that is larger than its topic allows, the head."""
        try:
            # Whoever stops waiting leaves the record with the producer.
            await asyncio.shield(future)
        except MessageSizeTooLargeError:
            size = len(record.value)
            log.error("keeping.too_large", topic=record.topic, bytes=size, advice="raise the topic's max.message.bytes")
            head = record.head(
                f"it has {size:,} bytes, more than its topic takes (max.message.bytes): this is its head"
            )
            await asyncio.shield(await self._sender.send(head))

    async def _drain(self, name: str, spool: Spool) -> None:
        pause = 0.5
        while True:
            problem = None
            try:
                batch = await spool.head()
                async with asyncio.timeout(DRAIN_SECONDS):
                    sent = [(record, await self._sender.send(record)) for record in batch.records]
                    for record, future in sent:
                        await self._acknowledged(record, future)
                await spool.done(batch.end)
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                problem = "Kafka's client gave up"
            # One source's trouble ends neither the process nor the others.
            except Exception as error:  # noqa: BLE001
                problem = str(error) or type(error).__name__
            if problem is None:
                pause = 0.5
                log.info("keeping.drained", source=name, records=len(batch.records), bytes_left=spool.size)
                continue
            log.warning("keeping.spool_waits", source=name, bytes=spool.size, error=problem, again_in=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def say_who_is_gone(folder: Path, sources: Iterable[str]) -> None:
    """Log the spools that hold something of sources that the settings do not name any more: nobody empties them."""
    named = {f"{source}.spool" for source in sources}
    for path in sorted(folder.glob("*.spool")):
        if path.name not in named and path.stat().st_size:
            advice = "name its source in the settings again, or remove the file: then what is in it is lost"
            log.warning("keeping.left_behind", file=str(path), bytes=path.stat().st_size, advice=advice)


def _size(spool: Spool) -> float:
    return spool.size
