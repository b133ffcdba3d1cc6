"""Records about customers that cannot be read: they go to contacts.failed with the reason, and are counted."""

from collections.abc import Callable, Mapping

from schemas.envelopes import Origin
from schemas.failures import origin_headers
from schemas.topics import CONTACTS_FAILED
from schemas.unreadable import UNREADABLE
from streams.processor import Outbox, Record
from streams.telemetry import CUSTOMER_INPUTS_FAILED


class NoValue(ValueError):
    """A record says nothing, where its topic has none that do."""


FAILING = (*UNREADABLE, NoValue)
"""What reading a record raises for one that is not of its topic."""

Counted = Callable[[Mapping[str, int]], None]
"""Told with each flush how many records failed since the last one, by topic."""


def count_failures(failed: Mapping[str, int]) -> None:
    """Add to the process's counter of records that could not be read: topic -> how many."""
    for topic, n in failed.items():
        CUSTOMER_INPUTS_FAILED.labels(topic).inc(n)


class Failures:
    """What failed since the last flush."""

    __slots__ = ("_counted", "_counts")

    def __init__(self, counted: Counted | None) -> None:
        self._counted = counted
        self._counts: dict[str, int] = {}

    def refuse(self, record: Record, topic: str, error: Exception, out: Outbox) -> None:
        """Keep one record of `topic` (without the namespace) with what is wrong with it."""
        origin = Origin(record.topic, record.partition, record.offset)
        headers = origin_headers(record.headers, reason="schema", stage="rule", message=str(error), origin=origin)
        out.send(CONTACTS_FAILED.name, str(origin).encode(), record.value or b"", headers)
        self._counts[topic] = self._counts.get(topic, 0) + 1

    def flushed(self) -> None:
        """Say how many there were."""
        if self._counts and self._counted is not None:
            self._counted(self._counts)
        self._counts = {}
