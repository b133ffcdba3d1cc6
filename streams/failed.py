"""What stands on contacts.failed: reading it, and finding the source records that it names."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.failures import PREFIX, REFUSED
from schemas.topics import CHANNEL_TOPICS, CONTACTS_FAILED, prefix_of
from schemas.unreadable import UNREADABLE
from streams.merging import by_append_time, merged
from streams.processor import Record

PUT_BACK = "put-back"
"""Header of a record that failed before and was put back: where it stood first, as `Place` says it."""

_CHANNELS = frozenset(topic.name for topic in CHANNEL_TOPICS)


class NoFailures(LookupError):
    """There is no topic contacts.failed where it was looked for; the message says where."""


class Place(NamedTuple):
    """Where a source record stands. `topic` without namespace."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class _Source(msgspec.Struct, gc=False):
    source: str = ""


class _Envelope(msgspec.Struct, gc=False):
    events: list[_Source] = []


_glance = msgspec.json.Decoder(_Envelope).decode


class Failed(NamedTuple):
    """One record of contacts.failed. `at`: when it failed, ms. `headers`: of the record that failed; `why`: those that
    were added, without `failed.`. A record that failed at stage `rule` is an envelope: its source record, `place`, is
    another."""

    partition: int
    offset: int
    at: int
    headers: tuple[tuple[str, bytes], ...]
    why: Mapping[str, str]
    value: bytes

    @property
    def id(self) -> str:
        """How people name it: partition and offset on contacts.failed."""
        return f"{self.partition}-{self.offset}"

    @property
    def stage(self) -> str:
        """intake or rule."""
        return self.why.get("stage", "")

    @property
    def reason(self) -> str:
        """See schemas.failures.FailureReason."""
        return self.why.get("reason", "")

    @property
    def place(self) -> Place | None:
        """Where its source record stands; None where it came from no channel topic."""
        topic, partition, offset = (self.why.get(name, "") for name in ("topic", "partition", "offset"))
        if topic not in _CHANNELS or not partition.isdecimal() or not offset.isdecimal():
            return None
        return Place(topic, int(partition), int(offset))

    @property
    def first_place(self) -> str | None:
        """Where its source record stood before it was put back for the first time."""
        return dict(self.headers).get(PUT_BACK, str(self.place or "").encode()).decode("utf-8", "replace") or None

    @property
    def is_cut(self) -> bool:
        """Whether only the head of the payload was ever there."""
        return any(name == REFUSED for name, _ in self.headers)

    @property
    def source(self) -> str:
        """Whose it is, as far as that can be said."""
        named = dict(self.headers).get("ce_source")
        if named is not None:
            return named.decode("utf-8", "replace")
        try:
            events = _glance(self.value).events
        except UNREADABLE:
            return ""
        return events[0].source if events else ""

    @property
    def where(self) -> str:
        """File and line, else the place on the channel topic."""
        if "file" in self.why:
            return f"{self.why['file']}:{self.why['line']}" if "line" in self.why else self.why["file"]
        return str(self.place or self.why.get("topic", ""))


def failed_of(record: Record) -> Failed:
    """A record of contacts.failed as what it says."""
    own = tuple((name, value) for name, value in record.headers if not name.startswith(PREFIX))
    why = {
        name.removeprefix(PREFIX): value.decode("utf-8", "replace")
        for name, value in record.headers
        if name.startswith(PREFIX)
    }
    return Failed(record.partition, record.offset, record.timestamp, own, why, record.value or b"")


async def failures(
    reader: AIOKafkaConsumer, namespace: str, ids: Collection[tuple[int, int]] | None = None
) -> AsyncIterator[Failed]:
    """All that stands on contacts.failed now, or what of it has these `ids`, in the order in which it failed; what
    failed at once, as its source records stand. Raises NoFailures, KafkaError."""
    topic = prefix_of(namespace) + CONTACTS_FAILED.name
    await reader._client.force_metadata_update()
    partitions = reader.partitions_for_topic(topic)
    if not partitions:
        raise NoFailures(f"there is no topic {topic}: has a worker run in this namespace?")
    wanted: dict[int, set[int]] = {}
    for partition, offset in ids or ():
        wanted.setdefault(partition, set()).add(offset)
    chosen = sorted(partitions if ids is None else partitions & wanted.keys())
    begins = {TopicPartition(topic, each): min(wanted.get(each, (0,))) for each in chosen}
    befores = {TopicPartition(topic, each): max(wanted[each]) + 1 for each in chosen if each in wanted}
    async for record in _between(reader, begins, befores, _in_order):
        if ids is None or record.offset in wanted[record.partition]:
            yield failed_of(record)


def _in_order(record: Record) -> tuple[int, tuple[str, int, int]]:
    return record.timestamp, failed_of(record).place or ("", record.partition, record.offset)


async def failure(reader: AIOKafkaConsumer, namespace: str, partition: int, offset: int) -> Failed | None:
    """One record of contacts.failed; None where it is not there. Raises NoFailures, KafkaError."""
    async for failed in failures(reader, namespace, [(partition, offset)]):
        return failed
    return None


async def source_records(
    reader: AIOKafkaConsumer, namespace: str, places: Collection[Place]
) -> AsyncIterator[tuple[Place, Record]]:
    """The source records that stand at these places still; what is gone is left out. Raises KafkaError."""
    prefix = prefix_of(namespace)
    wanted: dict[tuple[str, int], set[int]] = {}
    for place in places:
        wanted.setdefault((place.topic, place.partition), set()).add(place.offset)
    for (topic, partition), offsets in sorted(wanted.items()):
        tp = TopicPartition(prefix + topic, partition)
        async for record in _between(reader, {tp: min(offsets)}, {tp: max(offsets) + 1}):
            if record.offset in offsets:
                yield Place(topic, partition, record.offset), record


async def _between(
    reader: AIOKafkaConsumer,
    begins: Mapping[TopicPartition, int],
    befores: Mapping[TopicPartition, int],
    order: Callable[[Record], Any] = by_append_time,
) -> AsyncIterator[Record]:
    """The committed records of partitions from an offset on, up to what stands there now, or `befores` another."""
    reader.assign(list(begins))
    firsts, ends = await reader.beginning_offsets(begins), await reader.end_offsets(begins)
    ends = {tp: min(end, befores.get(tp, end)) for tp, end in ends.items()}
    for tp, begin in begins.items():
        reader.seek(tp, max(begin, firsts[tp]))
    async for record in merged(reader, ends, order):
        yield record


def ids_of(texts: Iterable[str]) -> list[tuple[int, int]]:
    """Partition and offset of ids as people write them. Raises ValueError, which names the one that is none."""
    found = []
    for text in texts:
        partition, dash, offset = text.partition("-")
        if not (dash and partition.isascii() and partition.isdecimal() and offset.isascii() and offset.isdecimal()):
            raise ValueError(
                f"{text!r} is no id: expected is PARTITION-OFFSET, as `floorwalker failed list` shows them"
            )
        found.append((int(partition), int(offset)))
    return found
