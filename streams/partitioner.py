"""Which partition a key goes to: Kafka's default (murmur2), so that any client finds it."""

from functools import lru_cache
from struct import unpack_from

_M = 0x5BD1E995
_WORD = 0xFFFFFFFF
_SEED = 0x9747B28C


def partition_of(key: bytes, partitions: int) -> int:
    """Partition of `key` among `partitions`."""
    return 0 if partitions == 1 else _positive(key) % partitions


@lru_cache(maxsize=65_536)
def _positive(key: bytes) -> int:
    """MurmurHash2 (Appleby) with Kafka's seed, sign bit off. Remembered: the events of a contact come close together,
    and the hash in Python costs more than the record that it places."""
    size = len(key)
    hashed = _SEED ^ size
    for word in unpack_from(f"<{size >> 2}I", key):
        mixed = word * _M & _WORD
        hashed = hashed * _M & _WORD ^ (mixed ^ mixed >> 24) * _M & _WORD
    rest = key[size & ~3 :]
    if rest:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * _M & _WORD
    hashed = (hashed ^ hashed >> 13) * _M & _WORD
    return (hashed ^ hashed >> 15) & 0x7FFFFFFF
