"""Reporting: what the outbox has for alerts.notifications goes there, in order, acknowledged by all replicas."""

import asyncio
import contextlib

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.outlets.notifier.outbox import Outbox
from streams.producers import stop_at_once
from streams.reader import is_cancelled

log = structlog.get_logger()

BATCH = 100
AGAIN = 2.0
LOOK = 30.0


class Reporting:
    """Sends the outbox's reports. After a crash some are sent again, the same: readers go by the message's id."""

    def __init__(self, bootstrap: str, topic: str, outbox: Outbox) -> None:
        self.wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._bootstrap = bootstrap
        self._topic = topic
        self._outbox = outbox

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
            try:
                await producer.start()
                await self._report(producer)
            except (KafkaError, OSError, asyncio.CancelledError) as error:
                if is_cancelled():
                    raise
                log.warning("notifier.not_reported", topic=self._topic, error=type(error).__name__)
            finally:
                with contextlib.suppress(KafkaError, OSError):
                    await stop_at_once(producer)
            await asyncio.sleep(AGAIN)

    async def finish(self) -> None:
        """Wait until everything is reported."""
        self._idle.clear()
        self.wake.set()
        await self._idle.wait()

    async def _report(self, producer: AIOKafkaProducer) -> None:
        while True:
            self.wake.clear()
            reports = self._outbox.pending_reports(BATCH)
            if not reports:
                self._idle.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        await self.wake.wait()
                continue
            sent = [await producer.send(self._topic, key=each.key, value=each.value) for each in reports]
            await asyncio.gather(*sent)
            self._outbox.reported(reports[-1].number)
