"""The gateway in this process, on a real Kafka that can be away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar, cast

import httpx
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import CHANNEL_TOPICS
from streams.connectors.line_records import LineRecord
from streams.connectors.link import Link
from streams.connectors.receiver import Receiver
from streams.outlets.gateway.app import build_desk, build_gateway
from streams.outlets.gateway.pages import STATIC, Files
from streams.sections import Sections
from tests.contract.kit import AT, PUBLIC, READ_AT, Fixture, Post, Read

PATIENCE = 20.0
T = TypeVar("T")


class Lane:
    """The way to Kafka. `away`: nothing gets there."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.away = False
        self.sent: list[bytes] = []

    async def send(self, record: LineRecord) -> asyncio.Future[object]:
        if self.away:
            raise KafkaConnectionError("away")
        self.sent.append(record.value)
        return await self._link.send(record)

    async def close(self) -> None:
        """The next receiver takes it over."""


class Topics:
    """What stands on the channel topics, from their beginning, by a client that the service does not use."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._prefix = f"{namespace}."
        settings: dict[str, str | int] = {
            "bootstrap.servers": bootstrap,
            "group.id": "none",
            "enable.auto.commit": "false",
            "fetch.message.max.bytes": 40 << 20,
            "receive.message.max.bytes": 200 << 20,
            "fetch.wait.max.ms": 10,
        }
        self._consumer = Consumer(settings)
        # On the first one's connection a question waits for the answers to its fetches.
        self._looking = Consumer(settings)
        self._places = [TopicPartition(self._prefix + topic.name, 0, 0) for topic in CHANNEL_TOPICS]
        self._read = {place.topic: 0 for place in self._places}
        self._consumer.assign(self._places)

    def news(self) -> list[Read]:
        """All that stands there now and was not read yet."""
        ends = {place.topic: self._looking.get_watermark_offsets(place, PATIENCE)[1] for place in self._places}
        found: list[Read] = []
        deadline = time.monotonic() + PATIENCE
        while any(self._read[topic] < end for topic, end in ends.items()):
            assert time.monotonic() < deadline, f"read to {self._read} of {ends}"
            for message in self._consumer.consume(500, 0.005):
                assert message.error() is None, message.error()
                topic, offset = message.topic() or "", message.offset() or 0
                self._read[topic] = offset + 1
                headers = cast(list[tuple[str, bytes]], message.headers() or [])
                name = topic.removeprefix(self._prefix)
                # Read at a known time: the machine's may be any.
                found.append(Read(name, 0, offset, READ_AT, message.key(), message.value(), headers))
        return found

    def close(self) -> None:
        self._consumer.close()
        self._looking.close()


class Gate:
    """Posts as a provider and looks at what is on the topics then."""

    def __init__(self, folder: Path, bootstrap: str, namespace: str) -> None:
        self._folder = folder
        self._runner = asyncio.Runner()
        files = Files(STATIC)
        settings = Sections.model_validate(
            {"service": {"data_folder": folder, "namespace": namespace}, "gateway": {"public_url": PUBLIC}}
        )
        self._desk = build_desk(settings, bootstrap, files)
        self._desk.clock = lambda: AT
        edge = build_gateway(self._desk, files, frozenset({"floor.example"}))
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app=edge), base_url=PUBLIC)
        self._link = Link(bootstrap, namespace)
        self._topics = Topics(bootstrap, namespace)
        self.lane = Lane(self._link)

    def close(self) -> None:
        self.run(self._client.aclose())
        self.run(self._link.close())
        self._runner.close()
        self._topics.close()

    def run(self, awaited: Awaitable[T]) -> T:
        """Wait for it."""

        async def waited() -> T:
            return await awaited

        return self._runner.run(waited())

    @contextmanager
    def open(self, fixture: Fixture, source: str) -> Iterator[None]:
        """A source of this provider is known."""

        async def fetch(address: str) -> bytes:
            return fixture.fetched[address]

        receiver = Receiver([fixture.source(source)], self.lane, self._folder / "spool", fetch=fetch)
        self._desk.receiver = receiver
        self.lane.away = False
        self.lane.sent.clear()
        self.run(receiver.open())
        try:
            yield
        finally:
            self.run(receiver.close())

    def post(self, fixture: Fixture, source: str, signed: Post) -> httpx.Response:
        """The answer to what was posted."""
        address = fixture.address(source) + (f"?{signed.query}" if signed.query else "")
        return self.run(self._client.post(address, content=signed.body, headers=dict(signed.headers)))

    def taken(self) -> list[Read]:
        """What is on the topics that was not asked for yet, in order."""
        return self._topics.news()

    def spooled(self, source: str) -> int:
        """Bytes in the source's spool."""
        return (self._folder / "spool" / f"{source}.spool").stat().st_size

    def drain(self, claim: Callable[[], bool]) -> None:
        """Let the spools go to Kafka until it holds."""

        async def drained() -> None:
            running = asyncio.create_task(self._desk.receiver.run())
            async with asyncio.timeout(PATIENCE):
                while not claim():  # noqa: ASYNC110 - nobody says when
                    await asyncio.sleep(0.005)
            running.cancel()
            await asyncio.wait([running])

        self.run(drained())
