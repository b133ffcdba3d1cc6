"""Metrics: merges the facts of all tasks and publishes live numbers and how far everything has got."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agents.metrics.board import Board, Entry, live_spans
from agents.metrics.evaluate import Evaluator
from agents.metrics.outcomes import Outcomes
from agents.metrics.panes import Panes
from agents.metrics.publish import Publisher
from agents.metrics.roster import Roster
from agents.metrics.scopes import FLOOR, Leaf, Scope, scopes_of
from agents.metrics.tally import CODES, OFFERED, WAITING, UnknownMeasure
from agents.metrics.trends import Trends
from agents.metrics.waiting import Waiting
from agents.metrics.windows import Calendar, Span
from schemas import live, partials
from schemas.instants import DAY, HOUR, SECOND, from_ms
from schemas.live import PIPELINE_KEY, Pipeline, TaskMark, WindowKind
from schemas.partials import FactKey
from schemas.policies import MetricSettings, TrendSettings
from schemas.topics import METRICS_LIVE
from streams.processor import Outbox, Record
from streams.store import Store

WINDOW_EVERY_MS = 250
"""One window is sent at most so often, except when it ends."""

LIVE_EVERY_MS = SECOND
"""Windows as of the clock are sent so often while somebody waits."""

AGED_SCOPES = 500
"""Where people wait in more scopes than this, ages are sent more seldom in proportion."""

PIPELINE_EVERY_MS = SECOND
KEEP_MS = 3 * DAY
_ONE = "one"
_Name = tuple[str | None, str | None, WindowKind, int | None, int | None]


class Progress(msgspec.Struct, array_like=True):
    """`revision`: number of the last record sent (of any window). `clock`: as of when windows were last sent."""

    revision: int = 0
    clock: int | None = None


class Metrics:
    """The processor of metrics.partials (see streams.processor).

    State: panes, archives, who waits, agents, counts, and the past that trends are judged by.

    Everything published is derived from that state, but for two things that are state too: the number of the last
    record, from which every record takes its revision (so each window's revisions grow), and the names of windows
    that have news not sent yet. `keep_ms`: how long after its end an hour's panes are kept (see panes.py); None:
    for ever, so that every window can be amended however late (a backtest).
    """

    def __init__(
        self, settings: MetricSettings, trends: TrendSettings | None = None, *, keep_ms: int | None = KEEP_MS
    ) -> None:
        calendar = Calendar(settings.timezone)
        evaluator = Evaluator(settings)
        self._keep_ms = None if keep_ms is None else max(keep_ms, 2 * HOUR)
        self._panes = Panes(evaluator.layout, calendar)
        self._board = Board(self._panes, calendar)
        self._waiting = Waiting()
        self._roster = Roster()
        self._outcomes = Outcomes()
        self._trends = Trends(trends or TrendSettings(), settings.timezone)
        self._publisher = Publisher(evaluator, self._board, self._waiting, self._roster)
        self._progress: Store[Progress] = Store(b"m", Progress)
        self._unsent: Store[list[_Name]] = Store(b"u", list[_Name])
        self._stores: tuple[Store[Any], ...] = (
            *self._panes.stores,
            self._waiting.store,
            self._roster.store,
            self._outcomes.counts,
            self._outcomes.splits,
            self._progress,
            self._unsent,
            *self._trends.stores,
        )
        self._marks: dict[str, tuple[int, bool]] = {}
        self._touched: dict[Scope, None] = {}
        self._held_until: int | None = None
        self._swept: int | None = None
        self._pipeline: bytes | None = None
        self._pipeline_pace: int | None = None

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one partial. Raises UnknownMeasure or UnknownOutcome for what this version does not know."""
        if record.value is None:
            return
        partial = partials.decode(record.value)
        self._add_facts(partial.facts)
        if partial.outcomes or partial.split:
            self._outcomes.apply(partial.outcomes, partial.split)
        if partial.sources:
            self._trends.hear(partial.sources)
        if partial.agents or partial.busy:
            changed = self._roster.apply(partial.agents, partial.busy)
            self._touched.update((FLOOR if queue is None else (None, queue), None) for queue in changed)

    def marks(self, marks: Mapping[str, tuple[int, bool]]) -> None:
        """How far every task of the pipeline has got: name -> (watermark ms, input ended)."""
        self._marks = dict(marks)

    def advance(self, clock: int, out: Outbox) -> None:
        """Move the clock (ms): windows roll and end, trends are looked for; old panes are folded once an hour."""
        before = self._board.clock
        if before is not None and clock <= before:
            return
        self._board.settle()
        self._board.advance(clock)
        self._trends.advance(clock, out)
        if self._swept is None or clock - self._swept >= HOUR:
            self._swept = clock
            self._sweep(clock)
        pace = self._pace()
        if self._held_until is not None and pace is not None and pace >= self._held_until:
            # What was held back for its pace waits for no other news.
            self._send_windows(out, pace, ended=False)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Send the windows with news and the pipeline's state, at most so often unless everything has ended."""
        board = self._board
        board.settle()
        if self._touched:
            touched, self._touched = self._touched, {}
            board.touch(touched, live_spans(board.clock))
        pace = self._pace()
        self._age_queues(0 if ended else LIVE_EVERY_MS)
        self._send_windows(out, pace, ended=ended)
        self._trends.before_flush(out)
        self._send_pipeline(out, pace, ended=ended)

    def _send_windows(self, out: Outbox, pace: int | None, *, ended: bool) -> None:
        board = self._board
        sent: list[Entry] = []
        held: list[int] = []
        for entry in board.dirty:
            at = entry.sent_pace
            if ended or at is None or pace is None or pace - at >= WINDOW_EVERY_MS:
                sent.append(entry)
            else:
                held.append(at + WINDOW_EVERY_MS)
        self._held_until = min(held, default=None)
        progress = self._progress.get(_ONE) or Progress()
        for entry in sent:
            progress.revision += 1
            key, value = self._publisher.record(entry, progress.revision)
            out.send(METRICS_LIVE.name, key, value)
            entry.sent_pace, entry.sent_clock = pace, board.clock
            del board.dirty[entry]
        if sent:
            progress.clock = board.clock
            self._progress.put(_ONE, progress)

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call (see streams.processor)."""
        unsent = [(*entry.scope, *entry.span) for entry in self._board.dirty]
        if unsent:
            self._unsent.put(_ONE, unsent)
        else:
            self._unsent.delete(_ONE)
        for store in self._stores:
            yield from store.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record."""
        for store in self._stores:
            if store.owns(key):
                store.restore(key, value)
                return
        raise ValueError(f"changelog record of an unknown kind: {key!r}")

    def restored(self) -> None:
        """Rebuild what is derived. Raises UnknownThreshold for settings that the state cannot serve."""
        clock = (self._progress.get(_ONE) or Progress()).clock
        self._panes.restored(clock)
        self._waiting.restored()
        self._roster.restored()
        self._trends.restored()
        self._board.restored(clock)
        for channel, queue, kind, start, end in self._unsent.get(_ONE) or ():
            self._board.touch([(channel, queue)], [Span(kind, start, end)])

    def _add_facts(self, facts: Iterable[tuple[FactKey, int]]) -> None:
        add = self._panes.add
        codes = CODES
        for (channel, queue, minute, measure, value), n in facts:
            code = codes.get(measure)
            leaf: Leaf = (channel, queue)
            if code is None:
                raise UnknownMeasure(f"{measure!r} of {channel}/{queue}: restart the worker with the tasks' version")
            if code == WAITING:
                self._waiting.add(leaf, value, n)
                self._touched.update(dict.fromkeys(scopes_of(leaf)))
            elif n:
                add(leaf, minute, code, value, n)
                if code == OFFERED:
                    self._trends.add(leaf, minute, n)

    def _pace(self) -> int | None:
        """The time that sending goes by: the clock, or the task that is ahead when another holds the clock up."""
        times = [time for time, _ in self._marks.values()]
        if self._board.clock is not None:
            times.append(self._board.clock)
        return max(times, default=None)

    def _age_queues(self, every_ms: int) -> None:
        """Where somebody waits, the windows as of the clock have news as time passes."""
        clock = self._board.clock
        if clock is None:
            return
        scopes = self._waiting.scopes()
        every_ms = max(every_ms, len(scopes) * every_ms // AGED_SCOPES, 1)
        for scope in scopes:
            for entry in self._board.as_of_clock(scope):
                if entry.sent_clock is None or clock - entry.sent_clock >= every_ms:
                    self._board.dirty[entry] = None

    def _sweep(self, clock: int) -> None:
        folded = 0
        if self._keep_ms is not None:
            for entry in self._board.dirty:
                self._board.longest(entry)
            folded = self._panes.fold(clock, self._keep_ms)
            # What was too old for a day of its own now is so after a restart too.
            progress = self._progress.get(_ONE) or Progress()
            progress.clock = clock
            self._progress.put(_ONE, progress)
        self._board.forget(folded)

    def _send_pipeline(self, out: Outbox, pace: int | None, *, ended: bool) -> None:
        at = self._pipeline_pace
        if not (ended or at is None or pace is None or pace - at >= PIPELINE_EVERY_MS):
            return
        counted = self._outcomes.counted()
        value = live.encode(
            Pipeline(
                tasks={
                    task: TaskMark(watermark=from_ms(time), ended=over)
                    for task, (time, over) in sorted(self._marks.items())
                },
                read=sum(counted.by_outcome.values()),
                accepted=counted.by_outcome["accepted"],
                ignored=counted.by_outcome["ignored"],
                failed=counted.by_outcome["failed"],
                duplicates=counted.by_outcome["duplicate"],
                ignored_by=dict(sorted(counted.ignored_by.items())),
                failed_by=dict(sorted(counted.failed_by.items())),
                agents_by_state=dict(sorted(self._roster.counts(None).items())),
                sources=self._trends.sources(),
            )
        )
        if value != self._pipeline:
            self._pipeline, self._pipeline_pace = value, pace
            out.send(METRICS_LIVE.name, PIPELINE_KEY, value)
