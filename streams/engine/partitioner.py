"""Which partition a key goes to: Kafka's default (murmur2), so that any client finds it."""

from functools import lru_cache

from aiokafka.partitioner import murmur2


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """Partition of `key` among `partitions`. Cached: murmur2 in Python costs more than the record it places."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
