"""A producer that is there when it is needed, whatever Kafka went through."""

import asyncio
from contextlib import suppress
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError

from streams.connectors.line_records import LineRecord
from streams.connectors.publisher import Publisher
from streams.ending import end
from streams.producers import stop_at_once
from streams.reader import is_cancelled

log = structlog.get_logger()

LONGEST_PAUSE = 5.0
"""Seconds between two tries to connect, at most."""


class Sender(Protocol):
    """Puts records on Kafka."""

    async def send(self, record: LineRecord) -> "asyncio.Future[object]":
        """Send one; the future is done when all replicas have it. Waits for Kafka. Raises KafkaError, OSError."""

    async def close(self) -> None:
        """Let go of Kafka."""


class _Producing(Publisher):
    """A publisher that can be left without waiting for what is under way."""

    async def leave(self) -> None:
        with suppress(KafkaError, OSError):
            await stop_at_once(self._producer)


class Link:
    """A process's one producer: connected when it is first needed, tried again until it is, and anew after it
    failed, for an idempotent producer that failed once may fail for good."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._bootstrap = bootstrap
        self._namespace = namespace
        self._publisher: _Producing | None = None
        self._connecting: asyncio.Task[_Producing] | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, record: LineRecord) -> "asyncio.Future[object]":
        """Send one; the future is done when all replicas have it. Raises KafkaError, OSError, TopicMissing."""
        publisher = await self._connected()
        try:
            future = await publisher.send(record)
        except KafkaError:
            self._let_go(publisher)
            raise

        def look(sent: "asyncio.Future[object]") -> None:
            if sent.cancelled() or isinstance(sent.exception(), KafkaError):
                self._let_go(publisher)

        future.add_done_callback(look)
        return future

    async def close(self) -> None:
        """Let go of Kafka."""
        if self._connecting is not None:
            await end(self._connecting)
        if self._publisher is not None:
            self._let_go(self._publisher)
        await asyncio.gather(*self._leaving)

    async def _connected(self) -> _Producing:
        if self._publisher is not None:
            return self._publisher
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> _Producing:
        pause = 0.25
        while True:
            publisher = _Producing(self._bootstrap, self._namespace)
            try:
                self._publisher = await publisher.__aenter__()  # type: ignore[assignment] # it is itself
                return publisher
            except (KafkaError, OSError) as error:
                log.warning("link.kafka_away", error=str(error) or type(error).__name__)
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _let_go(self, publisher: _Producing) -> None:
        if publisher is self._publisher:
            self._publisher = None
            leaving = asyncio.create_task(publisher.leave())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
