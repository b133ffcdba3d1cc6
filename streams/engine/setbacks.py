"""What a task makes of a failure: wait and try again, or give up."""

from collections.abc import Mapping
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from streams.engine.writer import Flush

STRIKES = 3
"""Failures without getting past the place, after which the process ends."""
BACKOFF = (0.5, 1.0, 2.0, 5.0)

LASTING = (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InconsistentGroupProtocolError,
    InvalidSessionTimeoutError,
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
"""What Kafka refuses today it refuses tomorrow: no outage that one waits for the end of."""


class Place(NamedTuple):
    """A point that a task had reached: next offsets, and its clock (-1: whatever it was)."""

    offsets: Mapping[TopicPartition, int]
    clock: int

    def passed_by(self, flush: Flush) -> bool:
        """Whether a flush holds all that was done up to here, and the clock has moved on."""
        return flush.clock > self.clock and all(flush.offsets.get(tp, 0) >= at for tp, at in self.offsets.items())


class Setbacks:
    """The failures of one task since it last got anywhere.

    Strikes are forgotten only when a flush has got past the place: a flush of what came before it says nothing.
    """

    __slots__ = ("_away", "_place", "strikes")

    def __init__(self) -> None:
        self.strikes = 0
        self._away = 0
        self._place: Place | None = None

    @staticmethod
    def of_kafka(error: Exception) -> bool:
        """Whether it is an outage or a loss of ownership, which end by themselves."""
        return isinstance(error, KafkaError | OSError | TimeoutError) and not isinstance(error, LASTING)

    def strike(self, place: Place | None) -> bool:
        """Note a failure that is nobody's outage; returns whether it is one too many. `place`: None if unknown."""
        self.strikes += 1
        if place is not None:
            self._place = place
        return self.strikes >= STRIKES

    def pause(self, error: Exception) -> float:
        """Seconds to wait before the next try."""
        if isinstance(error, ProducerFenced):
            return 0.0
        self._away += 1
        return BACKOFF[min(self._away, len(BACKOFF)) - 1]

    def overcome(self, flush: Flush) -> None:
        """A flush was committed."""
        self._away = 0
        if self._place is None or self._place.passed_by(flush):
            self.strikes, self._place = 0, None
