"""The notifier as a whole: what it consists of, and how it starts and ends."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from random import Random

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy.exc import OperationalError

from schemas.instants import from_ms
from schemas.notifications import Alert, decode
from schemas.topics import ALERTS_NOTIFICATIONS, METRICS_LIVE, prefix_of
from schemas.unreadable import UNREADABLE
from streams import telemetry
from streams.ending import end
from streams.health import Health
from streams.outlets.notifier.answers import Sender
from streams.outlets.notifier.database import Database, path_of
from streams.outlets.notifier.delivery import Composer, Delivery
from streams.outlets.notifier.mail import Mail
from streams.outlets.notifier.numbers import Floor
from streams.outlets.notifier.outbox import Outbox
from streams.outlets.notifier.place import place_of
from streams.outlets.notifier.reading import TopicReading, offset_at
from streams.outlets.notifier.reporting import Reporting
from streams.outlets.notifier.watchman import Watchman
from streams.outlets.notifier.webhook import Webhook
from streams.processor import Record
from streams.sections import Receiver
from streams.settings import Settings

log = structlog.get_logger()

LOOK = 1.0
"""Seconds between two looks of the watchman."""

FAREWELL = 6.0
"""Seconds that tries under way may take after the stop, before they are left to the next start."""

LAST_REPORTS = 1.0
"""Seconds for reporting what they came to; the rest is reported after the next start."""

LIVE_MS = 3_600_000
LIVE_RECORDS = 2_000
"""Of metrics.live the last hour is read at the start, and so many records at least: the last sign of a pipeline that
died long ago is among them."""

HOUSEKEEPING = 3_600.0

AGAIN = 2.0
"""Seconds between two tries to write to an outbox that failed."""


def wall_ms() -> int:
    """Milliseconds since the epoch, now."""
    return time.time_ns() // 1_000_000


def sender_of(receiver: Receiver) -> Sender:
    """The client for a receiver's kind."""
    if receiver.kind == "email":
        return Mail(receiver)
    return Webhook(receiver.url or "", receiver.secret.get_secret_value() if receiver.secret else "")


class Notifier:
    """One installation's notifier, once per data folder. Raises NotifierRuns, OutboxUnusable and PortTaken."""

    def __init__(self, settings: Settings, bootstrap: str) -> None:
        service, prefix = settings.service, prefix_of(settings.service.namespace)
        self._settings = settings
        self._stale_ms = round(settings.alerts.stale_after * 1_000)
        self._database = Database(path_of(service.data_folder, service.namespace))
        self._outbox = Outbox(self._database, settings.receivers, settings.alerts.stale_after)
        self._floor = Floor()
        self._composer = Composer(self._floor, place_of(settings))
        self._deliveries = [
            Delivery(each, sender_of(each), self._outbox, self._composer, wall_ms, Random())  # noqa: S311 - jitter
            for each in settings.receivers
        ]
        self._notifications = TopicReading(
            bootstrap, prefix + ALERTS_NOTIFICATIONS.name, self._first_notification, self._take_notifications
        )
        self._live = TopicReading(bootstrap, prefix + METRICS_LIVE.name, _first_live, self._take_live)
        self._reporting = Reporting(bootstrap, prefix + ALERTS_NOTIFICATIONS.name, self._outbox)
        self._health = Health(settings.notifier.port, self.unready)
        self._stopping = asyncio.Event()
        self._outbox_lost = False

    def stop(self) -> None:
        """End as soon as the tries under way have ended, or FAREWELL has passed."""
        self._stopping.set()

    def unready(self) -> list[str]:
        """What /readyz waits for."""
        waiting = [reading.topic for reading in (self._notifications, self._live) if not reading.ready]
        return [*waiting, *(["outbox"] if self._outbox_lost else [])]

    async def run(self) -> None:
        """Until `stop`."""
        names = [each.receiver.name for each in self._deliveries]
        try:
            await self._health.start()
            log.info("notifier.started", receivers=names, database=str(self._database.path))
            if not names:
                log.warning("notifier.no_receivers", hint="add a [[receivers]] table to the settings")
            removed = self._outbox.give_up_removed(wall_ms())
            if removed:
                log.warning("notifier.receivers_removed", messages=removed)
            while not await self._worked():
                pass
        finally:
            await self._health.stop()
            for each in self._deliveries:
                await each.close()
            self._database.close()
            log.info("notifier.ended")

    async def _worked(self) -> bool:
        """Work until `stop` (True), or until the outbox fails: a full disk is waited for, nothing is sent meanwhile."""
        try:
            if self._outbox_lost:
                self._database.probe()
                self._outbox_lost = False
                log.info("notifier.outbox_back", database=str(self._database.path))
            await self._work()
        except OperationalError as error:
            self._outbox_lost = True
            log.error(
                "notifier.outbox_lost",
                database=str(self._database.path),
                error=str(error.orig),
                seconds=AGAIN,
                hint="is the disk full? What is to be told waits in Kafka and in the outbox",
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN):
                    await self._stopping.wait()
            return self._stopping.is_set()
        return True

    async def _work(self) -> None:
        deliveries = [asyncio.create_task(each.run(self._reporting.wake.set)) for each in self._deliveries]
        reporting = asyncio.create_task(self._reporting.run())
        others = [asyncio.create_task(self._look_after())]
        others += [asyncio.create_task(reading.run()) for reading in (self._notifications, self._live)]
        stopped = asyncio.create_task(self._stopping.wait())
        everything = [*deliveries, reporting, *others, stopped]
        try:
            done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                # What ends before it is told to has met what nobody thought of.
                task.result()
            await end(*others)
            for each in self._deliveries:
                each.stop()
            if deliveries:
                await asyncio.wait(deliveries, timeout=FAREWELL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_REPORTS):
                    await self._reporting.finish()
        finally:
            await end(*everything)

    async def _look_after(self) -> None:
        """The watchman's rounds, the gauges, and forgetting."""
        watches = self._settings.service.clock == "wall"
        watchman = Watchman(self._settings.alerts.blind_after, from_ms(wall_ms()), self._outbox.open_alert())
        cleaned = -HOUSEKEEPING
        while True:
            now = wall_ms()
            alert = watchman.look(from_ms(now), self._floor.pipeline) if watches else None
            if alert is not None:
                log.warning("notifier.pipeline", state=alert.state, summary=alert.summary)
                self._outbox.raise_alert(alert, now)
                self._wake()
            telemetry.BLIND.set(watchman.open_alert is not None)
            if time.monotonic() - cleaned >= HOUSEKEEPING:
                self._outbox.forget_old(now)
                cleaned = time.monotonic()
            self._outbox.measure(now)
            telemetry.NOTIFIER_ALIVE.set(now / 1_000)
            await asyncio.sleep(LOOK)

    def _wake(self) -> None:
        self._reporting.wake.set()
        for each in self._deliveries:
            each.wake.set()

    async def _first_notification(self, reader: AIOKafkaConsumer, partition: TopicPartition) -> int:
        """Where it was; at the very first start behind everything that is stale by the age of its record alone."""
        position = self._outbox.position(partition.topic)
        return await offset_at(reader, partition, wall_ms() - self._stale_ms) if position is None else position

    def _take_notifications(self, records: Sequence[Record], position: int) -> None:
        alerts, now = [], wall_ms()
        for record in records:
            if record.value is None:
                continue
            try:
                said = decode(record.value)
            except UNREADABLE as error:
                self._skip(record, str(error))
                continue
            if isinstance(said, Alert) and said.notify is not None:
                if self._composer.understands(said, now):
                    alerts.append(said)
                else:
                    self._skip(record, "no message can be made of it")
        self._outbox.take(self._notifications.topic, position, alerts, now)
        if alerts:
            self._wake()

    def _take_live(self, records: Sequence[Record], _position: int) -> None:
        for record in records:
            try:
                self._floor.take(record.key or b"", record.value)
            except UNREADABLE as error:
                self._skip(record, str(error))

    def _skip(self, record: Record, why: str) -> None:
        telemetry.NOTIFIER_SKIPPED.labels(record.topic).inc()
        log.warning("notifier.skipped", topic=record.topic, offset=record.offset, error=why)


async def _first_live(reader: AIOKafkaConsumer, partition: TopicPartition) -> int:
    end = int((await reader.end_offsets([partition]))[partition])
    return max(0, min(await offset_at(reader, partition, wall_ms() - LIVE_MS), end - LIVE_RECORDS))
