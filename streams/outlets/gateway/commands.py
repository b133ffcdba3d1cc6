"""What people say to alerts and of identifiers, put on Kafka; an answer is given when it is durable there."""

import asyncio
from contextlib import suppress

import msgspec
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.identities import LINKS_KEY, Statement
from schemas.notifications import AnyCommand
from schemas.topics import ALERTS_COMMANDS, CUSTOMERS_LINKS, prefix_of
from streams.outlets.gateway.errors import Refused
from streams.producers import stop_at_once
from streams.reader import is_cancelled

log = structlog.get_logger()

TIMEOUT = 5.0
RETRY_AFTER = 5


class Commands:
    """Sends commands. One at a time is begun, all may be under way."""

    def __init__(self, bootstrap: str, namespace: str) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix_of(namespace)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, command: AnyCommand) -> None:
        """Send one to alerts; returns when Kafka has it for good. Raises Refused (503) where it has not within 5 s."""
        await self._put(ALERTS_COMMANDS.name, command.id.encode(), msgspec.json.encode(command))

    async def state(self, statement: Statement) -> None:
        """Send a statement on identifiers, as `send` does."""
        await self._put(CUSTOMERS_LINKS.name, LINKS_KEY, msgspec.json.encode(statement))

    async def _put(self, topic: str, key: bytes, value: bytes) -> None:
        producer = None
        try:
            async with asyncio.timeout(TIMEOUT):
                producer = await self._ready()
                await producer.send_and_wait(self._prefix + topic, value, key=key)
        except (TimeoutError, KafkaError, OSError, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
                raise
            log.warning("gateway.command_not_taken", error=str(error) or type(error).__name__)
            self._let_go(producer)
            raise Refused(
                503,
                "Kafka is away",
                "nothing was kept as far as is known; send the same again with the same Idempotency-Key",
                headers={"Retry-After": str(RETRY_AFTER)},
            ) from error

    async def close(self) -> None:
        """Let go of Kafka."""
        self._let_go(self._producer)
        await asyncio.gather(*self._leaving)

    def _let_go(self, producer: AIOKafkaProducer | None) -> None:
        """Have the next command begin anew: an idempotent producer that failed once may fail for good."""
        if producer is not None and producer is self._producer:
            self._producer = None
            leaving = asyncio.create_task(_stop(producer))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _ready(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True, request_timeout_ms=5_000
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


async def _stop(producer: AIOKafkaProducer) -> None:
    with suppress(KafkaError, OSError):
        await stop_at_once(producer)
