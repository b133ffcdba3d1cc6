"""What a task has taken and worked out: its processor, positions, clock, and what is to leave with the next flush."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import TopicPartition
from faust.types import TP

from schemas.envelopes import MARK_KEY, Mark, is_mark
from schemas.envelopes import encode as encode_record
from schemas.topics import TOPICS
from streams.engine.clock import Clock
from streams.engine.marks import decode_mark, report
from streams.engine.setbacks import Place
from streams.engine.stage import REPLAY, Stage
from streams.engine.surroundings import Surroundings
from streams.engine.transport import Batch
from streams.engine.writer import POSITIONS_KEY, Flush, Positions, decode_positions, encode_positions
from streams.processor import Headers, Output, Resumes, news_of

MARK_INTERVAL = 0.5
"""Seconds. The clocks that marks drive stand still for a moment where one is older than the grace, 1 s by default."""
SHOW_INTERVAL = 0.5
"""Seconds between two commits of the group's offsets: they show the lag and nothing else depends on them, but they
take two requests more, and the brokers half of their work for a small transaction."""
LARGEST_FLUSH = 20_000
"""Records after which a task takes no more until they have left."""
COMPACTED = frozenset(topic.name for topic in TOPICS if "compact" in topic.cleanup)
"""Topics that take no record without a key."""
SELF = ""
"""Name of the source that says how far an input from outside has been read."""


class TaskOutbox:
    """Collects what the processor sends until the next flush."""

    __slots__ = ("outputs",)

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> None:
        """See streams.processor.Outbox."""
        self.outputs.append(Output(topic, key, value, headers, partition))


class Work:
    """One run of a task, from an empty processor on. Nothing here waits: what goes wrong ends it, and another begins.

    Times named `at` are seconds of the monotonic clock.
    """

    def __init__(self, stage: Stage, partition: int, around: Surroundings, at: float) -> None:
        self.stage = stage
        self.name = f"{stage.name}-{partition}"
        self.processor = stage.processor(partition)
        self._has_news = news_of(self.processor)
        self.positions: dict[TP, int] = {}
        self.clock = Clock(_sources(stage, around), wall=around.wall and not stage.head, lead=round(around.lead * 1000))
        self.advanced = 0
        self.unflushed = 0
        self._topics = {TP(around.physical(topic), partition): topic for topic in stage.inputs}
        # What comes from outside has no marks in service: how far it has been read is told by who reads it.
        self._self_marked = around.wall and stage.head
        self._in_service = around.wall
        self._mark_pause = MARK_INTERVAL if around.wall else around.flush_interval
        self._flush_interval = around.flush_interval
        self._marks_to = {topic: around.partitions[topic] for topic in stage.marks_to}
        self._mark_key = MARK_KEY + self.name.encode()
        self._outbox = TaskOutbox()
        self._marked = (0, False)
        self._marked_at = 0.0
        self._dirty = False
        self._moved = False
        # Whether the group's offsets lie behind the positions that left, and since when they may.
        self._unshown = False
        self._shown_at = -math.inf
        self._flushed_at = at
        self._failing: tuple[TP, int] | None = None

    # -- state back ----------------------------------------------------------------------------------------

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record."""
        if key != POSITIONS_KEY:
            self.processor.restore(key, value)
        elif value is not None:
            saved = decode_positions(value)
            by_name = {f"{topic}|{tp.partition}": tp for tp, topic in self._topics.items()}
            self.positions = {by_name[name]: offset for name, offset in saved.offsets.items() if name in by_name}
            # Where a past was replayed before, its end was none: in service nothing ends.
            marks = {name: (time, over and not self._in_service) for name, (time, over) in saved.marks.items()}
            self.clock.load(saved.clock, marks)
            self.advanced = saved.clock

    def restored(self) -> None:
        """The state is complete: the processor goes on from there."""
        self.processor.restored()
        if isinstance(self.processor, Resumes):
            self.processor.resume(self.advanced)

    # -- records in ----------------------------------------------------------------------------------------

    def gap(self, tp: TP, batch: Batch) -> bool:
        """Whether records between this task's position and the batch are missing: they would be lost."""
        return batch.after is not None and batch.after > self.positions.get(tp, 0)

    def apply(self, tp: TP, records: Sequence[Any]) -> tuple[int, int]:
        """Take the records of one batch; returns how many were (taken, skipped as taken before)."""
        position = self.positions.get(tp, 0)
        fresh = records
        if records[0].offset < position:
            fresh = [record for record in records if record.offset >= position]
            if not fresh:
                return 0, len(records)
        topic = self._topics[tp]
        take, outbox = self.processor.take, self._outbox
        marks = 0
        record = None
        try:
            for record in fresh:
                if is_mark(record.key):
                    marks += 1
                    self._take_mark(topic, record)
                else:
                    take(record, outbox)
        except Exception:
            self._failing = (tp, record.offset + 1) if record is not None else None
            raise
        last = fresh[-1]
        self.positions[tp] = last.offset + 1
        self._moved = True
        taken = len(fresh) - marks
        if taken:
            self._dirty = True
            self.unflushed += taken
        if self._self_marked:
            self.clock.mark((topic, SELF), last.timestamp)
        return taken, len(records) - len(fresh)

    def _take_mark(self, topic: str, record: Any) -> None:
        mark = decode_mark(record)
        if mark is not None:
            self.clock.mark((topic, mark.task), mark.time, mark.ended and not self._in_service)

    def read_up_to(self, tp: TP, time_ms: int) -> None:
        """Nothing more stood in this input at `time_ms`: the clock of what comes from outside, in service."""
        if self._self_marked:
            self.clock.mark((self._topics[tp], SELF), time_ms)

    def tick(self, wall: int) -> None:
        """Look at the clock, given the wall clock (ms): whatever was due happens."""
        now = self.clock.now(wall)
        if now > self.advanced:
            self.advanced = now
            before = len(self._outbox.outputs)
            self.processor.advance(now, self._outbox)
            if len(self._outbox.outputs) > before or self._has_news():
                self._dirty = True

    def reached(self) -> Place:
        """How far it got, the record included that it failed at."""
        if self._failing is not None:
            return Place({**self.positions, self._failing[0]: self._failing[1]}, -1)
        return Place(dict(self.positions), self.advanced)

    # -- flushes out ---------------------------------------------------------------------------------------

    @property
    def unsent(self) -> bool:
        """Whether there is anything that Kafka does not have yet."""
        return self._dirty or self._moved or self._unshown

    def due(self, at: float) -> bool:
        """Whether it is time for a flush.

        The interval lasts from the end of one flush to the beginning of the next: the slower the brokers answer, the
        more goes into each, and transactions never take all of a core.
        """
        age = at - self._flushed_at
        return (
            self.unflushed >= LARGEST_FLUSH
            or (self._dirty and age >= self._flush_interval)
            or (self._moved and age >= MARK_INTERVAL)
            or (self._unshown and at - self._shown_at >= SHOW_INTERVAL)
            or self._mark_due(at)
        )

    def _mark_due(self, at: float) -> bool:
        ended = self.clock.ended
        if (self.advanced, ended) == self._marked:
            return False
        return ended != self._marked[1] or at - self._marked_at >= self._mark_pause

    def gather(self, at: float, *, last: bool = False) -> Flush:
        """Everything that leaves now, as bytes. No await: what comes later belongs to the next flush.

        `last`: the task is to rest after it, so nothing is left for later.
        """
        ended = self.clock.ended
        report(self.processor, {**self._reported_marks(), self.name: (self.advanced, ended)})
        self.processor.before_flush(self._outbox, ended=ended)
        outputs, self._outbox.outputs = self._outbox.outputs, []
        if self._mark_due(at):
            self._marked, self._marked_at = (self.advanced, ended), at
            mark = encode_record(Mark(task=self.name, time=self.advanced, ended=ended))
            outputs += [
                Output(topic, self._mark_key if topic in COMPACTED else None, mark, (), partition)
                for topic, count in self._marks_to.items()
                for partition in range(count)
            ]
        changes = list(self.processor.changes())
        offsets = {f"{self._topics[tp]}|{tp.partition}": offset for tp, offset in self.positions.items()}
        changes.append((POSITIONS_KEY, encode_positions(Positions(offsets, *self.clock.dump()))))
        shows = last or at - self._shown_at >= SHOW_INTERVAL
        if shows:
            self._shown_at = at
        self._unshown = not shows
        self._dirty = self._moved = False
        self.unflushed = 0
        self._flushed_at = at
        return Flush(
            outputs=outputs,
            changes=changes,
            offsets={TopicPartition(tp.topic, tp.partition): offset for tp, offset in self.positions.items()},
            clock=self.advanced,
            started=at,
            shows=shows,
        )

    def flushed(self, at: float) -> None:
        """What was gathered last has left."""
        self._flushed_at = at

    def _reported_marks(self) -> dict[str, tuple[int, bool]]:
        return {task: mark for (_, task), mark in self.clock.marks.items() if task not in (SELF, REPLAY)}


def _sources(stage: Stage, around: Surroundings) -> Iterator[tuple[str, str]]:
    for topic in stage.inputs:
        feeder = stage.feeds.get(topic)
        if feeder is not None:
            for partition in range(around.partitions[f"{feeder}-changelog"]):
                yield topic, f"{feeder}-{partition}"
        elif stage.head:
            yield topic, SELF if around.wall else REPLAY
