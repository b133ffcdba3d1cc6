"""A real Apache Kafka for one machine: for `up`, for tests and for backtests."""

from streams.kafka.cluster import EmbeddedKafka
from streams.kafka.errors import (
    BrokerFailed,
    EmbeddedKafkaError,
    FolderInUse,
    FolderMismatch,
    KafkaUnavailable,
    PortInUse,
    StartGivenUp,
)
from streams.kafka.prepare import prepare

__all__ = [
    "BrokerFailed",
    "EmbeddedKafka",
    "EmbeddedKafkaError",
    "FolderInUse",
    "FolderMismatch",
    "KafkaUnavailable",
    "PortInUse",
    "StartGivenUp",
    "prepare",
]
