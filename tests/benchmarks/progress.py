"""How far the service has got, asked from outside: what its group has committed, and where its topics end."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from tests.benchmarks.failure import MeasurementFailed

_TAIL = 2_000
"""Records before an end among which a written one must be: the rest is what transactions leave behind."""
_PATIENCE = 30.0
_ATTEMPT = 5.0
_PAUSE = 0.05
_NOT_YET = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._TIMED_OUT,
)

Place = tuple[str, int]
"""Topic without namespace, partition."""

Offsets = Mapping[Place, int]


class Sample(NamedTuple):
    """One look, asked and answered at these moments (monotonic seconds): what is committed, and where the topics end
    for committed readers."""

    asked: float
    at: float
    committed: Offsets
    ends: Offsets


class Progress:
    """Looks at one installation. `topics`: those whose ends are of interest, with their numbers of partitions."""

    def __init__(self, bootstrap: str, namespace: str, topics: Mapping[str, int]) -> None:
        self._bootstrap = bootstrap
        self._prefix = f"{namespace}."
        self._asking = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{namespace}.floorwalker",
                "log_level": 2,
                # Else an offset that a transaction under way would move comes back as none at all.
                "isolation.level": "read_uncommitted",
            }
        )
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
        self._places = [(topic, partition) for topic, count in topics.items() for partition in range(count)]

    def look(self) -> Sample:
        """How it is now; the ends first, so that what is committed is never behind them."""
        asked = time.monotonic()
        ends = self.ends()
        committed = self.committed()
        return Sample(asked, time.monotonic(), committed, ends)

    def committed(self) -> dict[Place, int]:
        """The group's offsets, 0 where there is none."""
        # A consumer that joins nothing: the admin client of confluent-kafka 2.16 crashes where no coordinator is found.
        asked = [TopicPartition(self._prefix + topic, partition) for topic, partition in self._places]
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                found = self._asking.committed(asked, _ATTEMPT)
            except KafkaException as error:
                if not error.args[0].retriable() and error.args[0].code() not in _NOT_YET:
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                break
        return {(each.topic.removeprefix(self._prefix), each.partition): max(0, each.offset) for each in found}

    def ends(self) -> dict[Place, int]:
        """Ends as committed readers see them."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(self._prefix + topic, partition): latest for topic, partition in self._places}
        answer = self._admin.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=_PATIENCE
        )
        return {
            (each.topic.removeprefix(self._prefix), each.partition): done.result(_PATIENCE).offset
            for each, done in answer.items()
        }

    def last(self, ends: Offsets, *, keyed: bool = False) -> dict[Place, int]:
        """Next offset after the last record (keyed: that is no watermark) before each end: what a reader commits."""
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "none",
                "log_level": 2,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
            }
        )
        try:
            return {place: self._last(consumer, place, end, keyed) for place, end in ends.items() if end}
        finally:
            consumer.close()

    def wait_taken(self, topics: Sequence[str], seconds: float) -> None:
        """Wait, topic by topic in the order of the pipeline, until all that stands there now is taken. Raises
        MeasurementFailed."""
        deadline = time.monotonic() + seconds
        for topic in topics:
            wanted = self.last({place: end for place, end in self.ends().items() if place[0] == topic})
            while not reached(committed := self.committed(), wanted):
                if time.monotonic() > deadline:
                    raise MeasurementFailed(f"{topic} was not taken within {seconds:.0f} s: {committed} of {wanted}")
                time.sleep(_PAUSE)

    def _last(self, consumer: Consumer, place: Place, end: int, keyed: bool) -> int:
        found, begin = 0, end
        while not found and begin:
            begin = max(0, begin - _TAIL)
            consumer.assign([TopicPartition(self._prefix + place[0], place[1], begin)])
            for record in _until(consumer, end):
                if record[1] or not keyed:
                    found = record[0] + 1
        return found


def _until(consumer: Consumer, end: int) -> Iterable[tuple[int, bool]]:
    """(offset, whether it has a key) of the records before `end`."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for message in consumer.consume(1_000, 1.0):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    return
                continue
            offset = message.offset() or 0
            if offset >= end:
                return
            yield offset, message.key() is not None
    raise MeasurementFailed(f"the end ({end}) of a partition was not read within {_PATIENCE:.0f} s")


def reached(committed: Offsets, wanted: Offsets) -> bool:
    """Whether everything before these offsets has been taken."""
    return all(committed.get(place, 0) >= offset for place, offset in wanted.items())


def first_reached(samples: Iterable[Sample], wanted: Offsets) -> Sample | None:
    """The first look at which that was so."""
    return next((sample for sample in samples if reached(sample.committed, wanted)), None)
