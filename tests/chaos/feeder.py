"""Publishes a floor in real time, durably and in order per contact, whatever happens to the brokers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tests.chaos.floor import Floor
from tests.chaos.story import SOURCE

FED = "fed.json"
APPENDED = "alerts.sla"
"""The topic whose records are to bear the time at which the broker appended them."""

POLL = 0.01
ADMIN_SECONDS = 120.0


class Feeder:
    """Feeds one floor. Raises where the producer gives up for good, which it must not: from `wait`."""

    def __init__(self, bootstrap: str, namespace: str, floor: Floor, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._prefix = f"{namespace}."
        self._floor = floor
        self._folder = folder
        self._durable: list[int | None] = [None] * len(floor.tellings)
        self._error: BaseException | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def start(self, begins_ms: int) -> None:
        """Begin: the floor's first moment is `begins_ms`."""
        self._floor.place(begins_ms)
        self._thread.start()

    def wait(self, timeout: float) -> None:
        """Until all is durable. Raises TimeoutError after `timeout` seconds, and what else kept it from that."""
        self._thread.join(timeout)
        late = self._thread.is_alive()
        self._stopped.set()
        self._thread.join(10)
        if self._error is not None:
            raise self._error
        if late:
            raise TimeoutError(f"{self._durable.count(None)} of {len(self._durable)} records are not durable yet")

    def _run(self) -> None:
        try:
            bear_append_times(self._bootstrap, self._prefix + APPENDED)
            self._publish()
        except BaseException as error:  # noqa: BLE001 - raised where somebody waits
            self._error = error
        finally:
            fed = {"begins_ms": self._floor.begins_ms, "durable": self._durable}
            (self._folder / FED).write_text(json.dumps(fed), encoding="utf-8")

    def _publish(self) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self._bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                # No record is ever given up.
                "message.timeout.ms": 0,
                "linger.ms": 2,
                "partitioner": "murmur2_random",
                "reconnect.backoff.max.ms": 500,
                "socket.timeout.ms": 10_000,
                "topic.metadata.refresh.interval.ms": 5_000,
                "queue.buffering.max.messages": 1_000_000,
                "error_cb": self._note_error,
                "log_level": 0,  # brokers die here all the time
            }
        )
        begins = self._floor.begins_ms
        for index, each in enumerate(self._floor.tellings):
            while (rest := (begins + each.told) / 1_000 - time.time()) > 0 and not self._over:
                producer.poll(min(rest, POLL))
            if self._over:
                break
            producer.produce(
                f"{self._prefix}channel.{each.channel}",
                each.value(begins),
                each.key,
                headers={"ce_type": b"canonical", "ce_source": SOURCE.encode(), "fed": str(index).encode()},
                on_delivery=self._delivered(index),
            )
            producer.poll(0)
        while len(producer) and not self._over:
            producer.poll(POLL)
        # What can't be delivered any more is not waited for.
        producer.purge()
        producer.poll(1)

    @property
    def _over(self) -> bool:
        return self._stopped.is_set() or self._error is not None

    def _delivered(self, index: int) -> Callable[[KafkaError | None, Message], None]:
        def note(error: KafkaError | None, _message: Message) -> None:
            if error is None:
                self._durable[index] = round(time.time() * 1_000)
            elif self._error is None and not self._stopped.is_set():
                self._error = KafkaException(error)

        return note

    def _note_error(self, error: KafkaError) -> None:
        # All others pass: brokers come back.
        if error.fatal() and self._error is None:
            self._error = KafkaException(error)


def bear_append_times(bootstrap: str, topic: str, seconds: float = ADMIN_SECONDS) -> None:
    """Have the broker stamp the records of a topic. Raises KafkaException where it does not for so many seconds."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 4})
    entry = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    deadline = time.monotonic() + seconds
    while True:
        try:
            for future in admin.incremental_alter_configs([resource]).values():
                future.result(10)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return
