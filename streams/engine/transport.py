"""Faust's Kafka transport with another unit of delivery: one pseudo-record per partition and poll.

A plain Faust agent is woken for every record; here it is woken for every list of records. The pseudo-record's value
is the batch, its offset the last one's. Faust's own offsets and acknowledgements are off: a task keeps its positions
in its changelog and commits them in its transactions.
"""

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import aiokafka
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

FETCH_WAIT_MS = 50
"""How long a broker may hold a fetch that finds nothing. aiokafka has one fetch under way per broker, so a partition
whose records were just taken waits for the idle ones' fetch: this bounds it (Faust's 1,500 ms is seen in latency)."""
IDLE_POLL = 0.2
SHUT_POLL = 0.01


class Taker(Protocol):
    """Who takes the batches: the engine."""

    def admits(self, tp: TP) -> bool:
        """Whether the task of this partition is ready and has room for another batch."""

    def handed_out(self, tp: TP) -> None:
        """A batch of this partition is on its way."""

    def read_up_to(self, tp: TP, time_ms: int) -> None:
        """Nothing more stood in this partition when the broker last answered, at `time_ms`."""


class Batch:
    """The records of one partition and poll, in the shape of one aiokafka record.

    `after`: the offset that the partition had been read up to before them (None: not known), so that whoever takes
    the batch can tell a gap from Kafka's control records.
    """

    __slots__ = ("after", "offset", "partition", "records", "topic", "value")
    timestamp = None
    timestamp_type = 0
    headers = ()
    key = None
    checksum = None
    serialized_key_size = 0
    serialized_value_size = 0

    def __init__(self, tp: TP, records: list[Any], after: int | None) -> None:
        self.topic, self.partition = tp
        self.offset = records[-1].offset
        self.value = self
        self.records = records
        self.after = after


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches, reading committed records only."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no setting for these two; both are plain attributes until the consumer starts.
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        self._read: dict[TP, int] = {}
        return consumer

    async def _fetch_records(self, consumer: Any, active_partitions: Any, **options: Any) -> dict[TP, Batch]:
        fetched = await super()._fetch_records(consumer, active_partitions, **options)
        # No await since the records were taken: a seek can't have come in between.
        batches: dict[TP, Batch] = {}
        for aiotp, records in fetched.items():
            tp = ensure_TP(aiotp)
            batches[tp] = Batch(tp, records, self._read.get(tp))
            self._read[tp] = records[-1].offset + 1
        return batches

    async def seek_to_committed(self) -> Mapping[TP, int]:
        committed = await super().seek_to_committed()
        self._read = {ensure_TP(tp): offset for tp, offset in committed.items() if offset is not None and offset >= 0}
        return committed

    async def seek_to(self, positions: Mapping[TP, int | None]) -> None:
        """Read on from these offsets (None: from the first there is), in the thread that fetches."""
        await self.call_thread(self._seek_to, dict(positions))

    async def _seek_to(self, positions: dict[TP, int | None]) -> None:
        consumer = self._ensure_consumer()
        unknown = [tp for tp, offset in positions.items() if offset is None]
        first = await consumer.beginning_offsets(unknown) if unknown else {}
        for tp, offset in positions.items():
            target = offset if offset is not None else first[tp]
            consumer.seek(tp, target)
            self._read[tp] = target
            # Faust drops what is below the offset it thinks it has read.
            self.consumer._read_offset[tp] = target or None


class BatchConsumer(driver.Consumer):
    """Hands out batches, for partitions whose task has room, and commits nothing itself."""

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Batch]]:
        taker: Taker = self.transport.taker
        active = active_partitions or set()
        wanted = {tp for tp in active if taker.admits(tp)}
        if not wanted:
            # An empty set would mean 'all partitions' to aiokafka's fetcher.
            await self.sleep(SHUT_POLL)
            return {}
        fetched = await super()._getmany(wanted, SHUT_POLL if len(wanted) < len(active) else IDLE_POLL)
        for tp in fetched:
            taker.handed_out(tp)
        self._note_idle(wanted.difference(fetched), taker)
        return {tp: [batch] for tp, batch in fetched.items()}

    async def seek_to(self, positions: Mapping[TP, int | None]) -> None:
        """Read on from these offsets (None: from the first there is)."""
        await self._thread.seek_to(positions)

    def _note_idle(self, tps: set[TP], taker: Taker) -> None:
        # Runs in the loop's turn in which the poll came back, so no poll is under way that could have taken records.
        subscription = self._thread._ensure_consumer()._fetcher._subscriptions.subscription
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return
        for tp in tps:
            state = assignment.state_value(tp)
            if state is None or not state.has_valid_position or state.lso is None or not state.timestamp:
                continue
            if state.position >= state.lso:
                taker.read_up_to(tp, state.timestamp)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Gaps between batches mean nothing: an offset stands for a whole batch."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return newest + 1

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Positions are committed by the tasks' transactions. Unstamped, Faust would log livelocks.
        now = time.monotonic()
        self._thread.tp_last_committed_at.update(dict.fromkeys(offsets, now))
        return True


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with the consumer above. `taker` takes the batches."""

    Consumer: ClassVar[type] = BatchConsumer
    taker: Taker
