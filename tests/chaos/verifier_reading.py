"""What stands in the topics, read as anybody reads it who wants results: by another client, only what was committed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.ends import Ends, ends_of

METADATA_SECONDS = 30.0
BATCH = 2_000


class Record(NamedTuple):
    """One record. `topic` without namespace; `time`: its timestamp, ms."""

    topic: str
    partition: int
    offset: int
    time: int
    key: str | None
    value: bytes | None
    headers: dict[str, str]

    @property
    def where(self) -> str:
        """Where it stands, for people."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def json(self) -> Any:
        """The value, decoded. Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.value or b"null")


class Reading:
    """Reads topics of a namespace from their beginnings on, each record once."""

    def __init__(self, bootstrap: str, namespace: str, topics: tuple[str, ...]) -> None:
        self._prefix = f"{namespace}."
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{namespace}.judge",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.message.max.bytes": 40 << 20,
                "receive.message.max.bytes": 200 << 20,
                "reconnect.backoff.max.ms": 500,
                "error_cb": lambda _: None,
            }
        )
        self._parts = [
            TopicPartition(self._prefix + topic, partition, 0)
            for topic in topics
            for partition in sorted(self._partitions(self._prefix + topic))
        ]
        self._read_to: dict[tuple[str, int], int] = {}
        self._consumer.assign(self._parts)

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def news(self, seconds: float) -> Iterator[Record]:
        """What comes within so many seconds, and all that stands there until the partitions' ends."""
        until = time.monotonic() + seconds
        while True:
            messages = self._consumer.consume(BATCH, max(0.0, min(0.2, until - time.monotonic())))
            for message in messages:
                error = message.error()
                if error is None:
                    self._note(message, (message.offset() or 0) + 1)
                    yield self._record(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._note(message, message.offset() or 0)
                elif error.fatal():
                    raise KafkaException(error)
            if not messages and time.monotonic() >= until:
                return

    def ends(self) -> Ends:
        """Where every partition ends now, with all that is not committed yet. Raises KafkaException."""
        return ends_of(self._consumer, self._parts, METADATA_SECONDS)

    def short_of(self, ends: dict[tuple[str, int], int]) -> list[str]:
        """The partitions that can't be read up to these ends: an open transaction is in the way."""
        return [
            f"{topic.removeprefix(self._prefix)}/{partition} before {end}"
            for (topic, partition), end in ends.items()
            if self._read_to.get((topic, partition), 0) < end
        ]

    def _partitions(self, topic: str) -> list[int]:
        found = self._consumer.list_topics(topic, METADATA_SECONDS).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return list(found.partitions)

    def _note(self, message: Message, offset: int) -> None:
        place = (message.topic() or "", message.partition() or 0)
        self._read_to[place] = max(self._read_to.get(place, 0), offset)

    def _record(self, message: Message) -> Record:
        key = message.key()
        headers = cast(list[tuple[str, bytes | None]], message.headers() or [])
        return Record(
            (message.topic() or "").removeprefix(self._prefix),
            message.partition() or 0,
            message.offset() or 0,
            message.timestamp()[1],
            None if key is None else key.decode("utf-8", "replace"),
            message.value(),
            {name: (value or b"").decode("utf-8", "replace") for name, value in headers},
        )


def to_ms(instant: str) -> int:
    """Milliseconds since the epoch of an ISO 8601 instant with a zone."""
    at = datetime.fromisoformat(instant)
    return round(at.timestamp() * 1_000)
