"""What can go wrong with the embedded Kafka, each with a message for people."""

from __future__ import annotations


class EmbeddedKafkaError(Exception):
    """Base of everything the embedded Kafka raises on purpose."""


class KafkaUnavailable(EmbeddedKafkaError):
    """Apache Kafka's program files are neither cached nor can they be downloaded."""


class FolderInUse(EmbeddedKafkaError):
    """Another process (or another object in this one) runs a Kafka over the same folder."""


class FolderMismatch(EmbeddedKafkaError):
    """The folder was made for another number of brokers, or its record of the cluster is damaged."""


class PortInUse(EmbeddedKafkaError):
    """A port that the caller asked for is taken by another program."""


class BrokerFailed(EmbeddedKafkaError):
    """A broker exited by itself or did not get ready in time. The message holds the end of its log."""


class StartGivenUp(EmbeddedKafkaError):
    """The start was called off by whoever had asked for it."""
