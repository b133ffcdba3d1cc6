"""Faust's Kafka transport with another unit of delivery: one pseudo-record per partition and poll.

A plain Faust agent is woken for every record; here it is woken for every list of records. The pseudo-record's value
is the batch, its offset the last one's. Faust's own offsets, seeks and acknowledgements are off: a task keeps its
positions in its changelog, seeks to them, and commits them in its transactions.
"""

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, cast

import aiokafka
import structlog
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.ends import LEADERS_ONLY, Ends
from streams.engine.fetched import received, take_fetched
from streams.engine.setbacks import Setbacks

log = structlog.get_logger()

FETCH_WAIT_MS = 50
"""How long a broker may hold a fetch that finds nothing. aiokafka has one fetch under way per broker, so a partition
whose records were just taken waits for the idle ones' fetch: this bounds it (Faust's 1,500 ms is seen in latency)."""
IDLE_POLL = 0.2
SHUT_POLL = 0.01
WATCH_INTERVAL = 1.0


class Taker(Protocol):
    """Who takes the batches: the engine. `turn`: number that changes with every seek of a task."""

    def admits(self, tp: TP) -> int:
        """The turn of this partition's task if it is ready and has room for another batch, else 0."""

    def handed_out(self, tp: TP, turn: int) -> None:
        """A batch of this partition, fetched in this turn, is on its way."""

    def read_up_to(self, tp: TP, turn: int, time_ms: int) -> None:
        """Nothing more stood in this partition when a broker was asked at `time_ms`."""


class Batch:
    """The records of one partition and poll, in the shape of one aiokafka record.

    `after`: the offset that the partition had been read up to before them (None: not known), so that whoever takes
    the batch can tell a gap from Kafka's control records. `end`: the partition's stable end as last heard of.
    `turn`: in which it was fetched.
    """

    __slots__ = ("after", "end", "offset", "partition", "records", "topic", "turn")
    timestamp = None
    timestamp_type = 0
    headers = ()
    key = None
    checksum = None
    serialized_key_size = 0
    serialized_value_size = 0

    def __init__(self, tp: TP, records: list[Any], after: int | None, *, turn: int = 0, end: int = 0) -> None:
        self.topic, self.partition = tp
        self.offset = records[-1].offset
        self.records = records
        self.after = after
        self.turn = turn
        self.end = end

    @property
    def value(self) -> Self:
        """The batch. No attribute: one that refers to itself stays until the garbage collector comes by."""
        return self


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches, reading committed records only."""

    _looking: asyncio.Future[Any] | None = None
    _watching: asyncio.Future[Any] | None = None

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust has no setting for these two; both are plain attributes until the consumer starts.
        consumer._isolation_level = "read_committed"
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        self._read: dict[TP, int] = {}
        self._ends = Ends(consumer)
        self.member_at = -math.inf
        return consumer

    async def on_start(self) -> None:
        """Start the consumer, ask the brokers where partitions end, and note when the group is asked for membership."""
        await super().on_start()
        consumer = self._ensure_consumer()
        fetch = consumer._fetcher._proc_fetch_request
        heartbeat = consumer._coordinator._do_heartbeat

        async def fetch_from_leader(assignment: Any, node_id: int, request: Any) -> Any:
            request._CLASSES = LEADERS_ONLY
            try:
                return await fetch(assignment, node_id, request)
            except asyncio.CancelledError:
                # The fetcher cancels what is pending when it closes, and awaits it. It answers so itself, but for its
                # pause after a failed fetch: this thread would die of that, and the worker would never end.
                return False

        async def noted_heartbeat() -> Any:
            asked = time.monotonic()
            belongs = await heartbeat()
            if belongs:
                self.member_at = asked
            return belongs

        consumer._fetcher._proc_fetch_request = fetch_from_leader
        consumer._coordinator._do_heartbeat = noted_heartbeat
        self._looking = self.add_future(self._ends.run())
        self._watching = self.add_future(self._watch(consumer))

    async def _watch(self, consumer: Any) -> None:
        """Join the group again after an error that passes. Any other ends the process: membership or fetches are over.

        aiokafka tells errors to who polls by its own methods, and waits until somebody has heard.
        """
        coordinator = consumer._coordinator
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            for part in (coordinator._coordination_task, consumer._fetcher.error_future):
                if part.done():
                    part.result()
            try:
                coordinator.check_errors()
            except KafkaError as error:
                if not Setbacks.of_kafka(error):
                    raise
                log.warning("engine.group_error", error=repr(error))
                # What failed may have been the task that sends heartbeats: it is begun anew.
                coordinator.request_rejoin()

    async def on_thread_stop(self) -> None:
        """Ask no more, and stop the consumer."""
        for asking in (self._looking, self._watching):
            if asking is not None:
                asking.cancel()
        await super().on_thread_stop()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """As Faust's, but not while the process ends: nobody may be there to answer, and `stop` waits for this."""
        if not self.app.should_stop:
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """As Faust's, but not while the process ends."""
        if not self.app.should_stop:
            await super().on_partitions_assigned(assigned, generation_id)

    def close(self) -> None:
        """Nothing: Faust, told of a rebalance while it ends, would close the consumer's parts from another thread.

        `on_thread_stop` would take it for stopped, and the group would miss it until its session is over.
        """

    async def _fetch_records(  # type: ignore[override]
        self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None
    ) -> dict[TP, Batch]:
        """As Faust's, but records are taken only in the turn that they were wanted in.

        `active_partitions`: partition -> turn. What Faust drops on its way after that belongs to a turn that has
        ended, and is read again.
        """
        fetcher = consumer._fetcher
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            batches = self._take(fetcher, active_partitions, max_records)
            if batches or not timeout:
                return batches
            waiter = fetcher._create_fetch_waiter()
            done, _ = await asyncio.wait([waiter], timeout=timeout)
            if not done:
                waiter.cancel()
                return {}
            # An error is one of the group's: `_watch` sees to it.
            waiter.exception()
            return self._take(fetcher, active_partitions, max_records)

    def _take(self, fetcher: Any, wanted: Mapping[TP, int], max_records: int | None) -> dict[TP, Batch]:
        if not self.consumer.flow_active or fetcher._subscriptions.reassignment_in_progress:
            return {}
        taker: Taker = self.transport.taker  # type: ignore[attr-defined]
        current = {tp for tp, turn in wanted.items() if taker.admits(tp) == turn}
        if not current:
            # An empty set would mean 'all partitions' to aiokafka's fetcher.
            return {}
        # This waits for nothing: a seek can't come between.
        batches: dict[TP, Batch] = {}
        for aiotp, fetched in take_fetched(fetcher, current, max_records).items():
            tp = ensure_TP(aiotp)
            records = received(aiotp, fetched)
            end = self._stable_end(tp) or 0
            batches[tp] = Batch(tp, records, self._read.get(tp), turn=wanted[tp], end=end)
            self._read[tp] = records[-1].offset + 1
        return batches

    async def seek_to(self, positions: Mapping[TP, int | None]) -> dict[TP, int]:
        """Read on from these offsets (None: from the first there is), in the thread that fetches; returns them."""
        targets: dict[TP, int] = await self.call_thread(self._seek_to, dict(positions))
        return targets

    async def _seek_to(self, positions: dict[TP, int | None]) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        unknown = [tp for tp, offset in positions.items() if offset is None]
        first = await consumer.beginning_offsets(unknown) if unknown else {}
        targets = {tp: first[tp] if offset is None else offset for tp, offset in positions.items()}
        for tp, target in targets.items():
            consumer.seek(tp, target)
            self._read[tp] = target
            self._ends.forget(tp)
        return targets

    def caught_up(self, tp: TP) -> int | None:
        """When it was asked (ms) that nothing more stood in this partition; None where something may."""
        state, heard = self._state(tp), self._ends.of(tp)
        if state is None or heard is None or not state.has_valid_position:
            return None
        end, asked = heard
        return asked if state.position >= end else None

    def _stable_end(self, tp: TP) -> int | None:
        state = self._state(tp)
        return None if state is None else state.lso

    def _state(self, tp: TP) -> Any:
        subscription = self._ensure_consumer()._fetcher._subscriptions.subscription
        assignment = subscription.assignment if subscription is not None else None
        return None if assignment is None else assignment.state_value(tp)


class _Unread(dict[TP, int | None]):
    """Offsets that Faust thinks it has read: none, ever, or it would drop what a task reads again after a seek."""

    def __missing__(self, tp: TP) -> None:
        return None

    def __setitem__(self, tp: TP, offset: int | None) -> None:
        """Forget it."""


class BatchConsumer(driver.Consumer):
    """Hands out batches, for partitions whose task has room; seeks where tasks say and commits nothing itself."""

    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _Unread()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Batch]]:
        taker: Taker = self.transport.taker  # type: ignore[attr-defined]
        active = active_partitions or set()
        wanted = {tp: turn for tp in active if (turn := taker.admits(tp))}
        if not wanted:
            await self.sleep(SHUT_POLL)
            return {}
        # The thread passes the partitions on as they are: with their turns, here.
        wait = SHUT_POLL if len(wanted) < len(active) else IDLE_POLL
        fetched = cast(Mapping[TP, Batch], await self._thread.getmany(cast(set[TP], wanted), wait))
        for tp in fetched:
            taker.handed_out(tp, wanted[tp])
        for tp in wanted.keys() - fetched.keys():
            # No poll is under way that could have taken records: this is the only one who polls.
            asked = self._thread.caught_up(tp)
            if asked is not None:
                taker.read_up_to(tp, wanted[tp], asked)
        return {tp: [batch] for tp, batch in fetched.items()}

    async def seek_to(self, positions: Mapping[TP, int | None]) -> dict[TP, int]:
        """Read on from these offsets (None: from the first there is); returns them."""
        return await self._thread.seek_to(positions)

    @property
    def member_at(self) -> float:
        """When the group was last asked whether this process belongs, and said yes (seconds, monotonic clock)."""
        return self._thread.member_at

    async def perform_seek(self) -> None:
        """Faust would seek to the committed offsets; tasks seek to their positions, and no seek may undo theirs."""

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
