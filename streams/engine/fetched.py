"""Records as a broker sent them, taken from aiokafka's fetcher in lists.

aiokafka hands out each record by itself, as a `ConsumerRecord` that passes two generators: that takes five times as
long as reading the record does. Here whole record batches are read. What must be left out is left out by aiokafka's
own rules: control batches, batches of transactions that were aborted, records below the position.
"""

from collections.abc import Collection
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult
from aiokafka.errors import CorruptRecordException

from streams.processor import Headers


class Received(msgspec.Struct, gc=False):
    """One record of an input topic (a `streams.processor.Record`)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def received(tp: TopicPartition, records: list[Any]) -> list[Received]:
    """Records of aiokafka's own making as the records that processors take."""
    topic, partition = tp
    # A list of headers for every record, nearly always empty, would be the garbage collector's work.
    return [
        Received(topic, partition, record.offset, record.timestamp, record.key, record.value, record.headers or ())
        for record in records
    ]


def take_fetched(
    fetcher: Any, wanted: Collection[TopicPartition], limit: int | None = None
) -> dict[TopicPartition, list[Any]]:
    """What was fetched of the partitions wanted, `limit` records at most, and the positions moved past it.

    Does what `Fetcher.fetched_records` does without a time-out, and so waits for nothing. The records have offset,
    timestamp, key, value and headers. Raises what the fetch of a partition came to, and CorruptRecordException.
    """
    taken: dict[TopicPartition, list[Any]] = {}
    left = limit
    for tp in list(fetcher._records):
        if tp not in wanted:
            if not fetcher._subscriptions.is_assigned(tp):
                del fetcher._records[tp]
            continue
        result = fetcher._records[tp]
        if not isinstance(result, FetchResult):
            if taken:
                return taken
            _drop(fetcher, tp)
            result.check_raise()
            continue
        try:
            records = _take(result, tp, left)
        except Exception:
            # Nothing of it was handed out, the position stands before it: it is fetched again.
            _drop(fetcher, tp)
            raise
        if not result.has_more():
            _drop(fetcher, tp)
        if records:
            taken[tp] = records
            if left is not None:
                left -= len(records)
                if left <= 0:
                    break
    return taken


def _drop(fetcher: Any, tp: TopicPartition) -> None:
    del fetcher._records[tp]
    fetcher._notify(fetcher._wait_consume_future)


def _take(result: FetchResult, tp: TopicPartition, limit: int | None) -> list[Any]:
    if not result.check_assignment(tp) or not result.has_more():
        return []
    unread = result._partition_records
    if not isinstance(unread, _Unread):
        unread = result._partition_records = _Unread(unread)
    records = unread.take(limit)
    result._update_position()
    if unread.empty:
        result._partition_records = None
    return records


class _Unread:
    """The record batches of one fetch that nobody has read yet, in the place of aiokafka's `PartitionRecords`."""

    __slots__ = ("_end", "_fetched", "_rest", "next_fetch_offset")

    def __init__(self, fetched: Any) -> None:
        # Never used here, it would keep the bytes of the fetch in a circle until the garbage collector comes by.
        fetched._records_iterator = None
        self._fetched = fetched
        self._rest: list[Any] = []
        self._end: int = fetched.next_fetch_offset
        self.next_fetch_offset = self._end

    @property
    def empty(self) -> bool:
        return not self._rest and not self._fetched._records.has_next()

    def take(self, limit: int | None) -> list[Any]:
        batches = self._fetched._records
        records, self._rest = self._rest, []
        while batches.has_next() and (limit is None or len(records) < limit):
            batch = batches.next_batch()
            if self._readable(batch):
                fresh = list(batch)
                # The first batch may begin before the position.
                if fresh and fresh[0].offset < self._end:
                    fresh = [record for record in fresh if record.offset >= self._end]
                records += fresh
            # The last offset of a batch stands in it, whatever compaction took from its end.
            self._end = max(self._end, batch.next_offset)
        if limit is not None and len(records) > limit:
            records, self._rest = records[:limit], records[limit:]
        self.next_fetch_offset = self._rest[0].offset if self._rest else self._end
        return records

    def _readable(self, batch: Any) -> bool:
        fetched = self._fetched
        if fetched._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {fetched._tp}")
        control: bool = batch.is_control_batch
        if fetched._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            fetched._consume_aborted_up_to(batch.base_offset)
            if control and fetched._contains_abort_marker(batch):
                fetched._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in fetched._aborted_producers:
                return False
        return not control
