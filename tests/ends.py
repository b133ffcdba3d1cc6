"""Where partitions end, asked of a cluster whose leaders may be moving, and what has been read up to there."""

from __future__ import annotations

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

Ends = dict[tuple[str, int], int]
"""(topic, partition) -> offset after its last record, with all that is not committed yet."""

_PAUSE = 0.2


def ends_of(consumer: Consumer, parts: Iterable[TopicPartition], seconds: float) -> Ends:
    """Where the partitions end now. Raises KafkaException where no broker has told it of one within so many seconds."""
    return {(part.topic, part.partition): _end_of(consumer, part, seconds) for part in parts}


def _end_of(consumer: Consumer, part: TopicPartition, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return int(consumer.get_watermark_offsets(part, seconds, cached=False)[1])
        except KafkaException:
            # Who leads the partition may change at this moment, or nobody does yet after an outage.
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)


def take_off(ends: Ends, message: Message) -> None:
    """Take the message's partition off `ends` where it has been read: nothing more is there, or this came at its end.

    librdkafka tells an end only where a fetch finds a partition empty, and marks may come to all partitions oftener
    than fetches end: what lives may never be found so.
    """
    error, place = message.error(), (message.topic() or "", message.partition() or 0)
    if error is None:
        read = (message.offset() or 0) + 1 >= ends.get(place, 0)
    else:
        read = error.code() == KafkaError._PARTITION_EOF
    if read:
        ends.pop(place, None)
