"""Metrics: merges the facts of all tasks and publishes live numbers and how far everything has got."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agents.metrics.accounts import Accounts
from agents.metrics.board import WINDOW_EVERY_MS, Board, Entry, live_spans
from agents.metrics.evaluate import Evaluator
from agents.metrics.names import Names
from agents.metrics.outcomes import Outcomes
from agents.metrics.panes import Panes
from agents.metrics.progress import Progress, Unsent
from agents.metrics.publish import Publisher, pipeline
from agents.metrics.roster import Roster
from agents.metrics.scopes import FLOOR, Leaf, Place, Scope, scopes_of
from agents.metrics.staffing import Staffing
from agents.metrics.tally import CODES, OFFERED, WAITING, UnknownMeasure
from agents.metrics.trends import Trends
from agents.metrics.waiting import Waiting
from agents.metrics.windows import LONGEST_ROLLING, Calendar, Span
from schemas import partials
from schemas.instants import DAY, HOUR, MINUTE, SECOND
from schemas.live import PIPELINE_KEY
from schemas.partials import FactKey
from schemas.policies import MetricSettings, TrendSettings
from schemas.topics import METRICS_LIVE
from streams.processor import Outbox, Record
from streams.store import Store

LIVE_EVERY_MS = SECOND
"""Windows as of the clock are sent so often while somebody waits."""

STAFFING_EVERY_MS = 5 * SECOND
"""The windows that the clock is in are sent so often for the whole floor while agents are in calls or available."""

PROMISES_EVERY_MS = 5 * SECOND
"""Windows as of the clock are sent so often while a clock of a promise runs."""

AGED_SCOPES = 500
"""Where people wait in more scopes than this, ages are sent more seldom in proportion."""

PIPELINE_EVERY_MS = SECOND
KEEP_MS = 3 * DAY
_ONE = "one"
_TOLD_MS = (LONGEST_ROLLING + 2) * MINUTE


class Metrics:
    """The processor of metrics.partials (see streams.processor).

    State: panes, archives, who waits, promises, surveys and resolutions, agents and their time, counts, and the past
    that trends are judged by.

    Everything published is derived from that state, but for two things that are state too: the number of the last
    record, from which every record takes its revision (so each window's revisions grow), and the names of windows
    that have news not sent yet. `keep_ms`: how long after its end an hour's panes are kept (see panes.py); None:
    for ever, so that every window can be amended however late (a backtest). `counted`: see Names.
    """

    def __init__(
        self,
        settings: MetricSettings,
        trends: TrendSettings | None = None,
        *,
        keep_ms: int | None = KEEP_MS,
        counted: Callable[[Mapping[str, int]], None] | None = None,
    ) -> None:
        self._calendar = calendar = Calendar(settings.timezone)
        evaluator = Evaluator(settings)
        self._keep_ms = None if keep_ms is None else max(keep_ms, 2 * HOUR)
        self._panes = Panes(evaluator.layout, calendar)
        self._board = Board(self._panes, calendar)
        self._waiting = Waiting()
        self._roster = Roster()
        self._staffing = Staffing(calendar)
        self._outcomes = Outcomes()
        self._trends = Trends(trends or TrendSettings(), settings.timezone)
        self._names = Names(counted)
        self._accounts = accounts = Accounts(calendar, self._board, self._names)
        self._publisher = Publisher(evaluator, self._board, accounts, self._waiting, self._roster, self._staffing)
        self._progress: Store[Progress] = Store(b"m", Progress)
        self._unsent: Store[list[Unsent]] = Store(b"u", list[Unsent])
        self._stores: tuple[Store[Any], ...] = (
            *self._panes.stores,
            self._waiting.store,
            self._roster.store,
            *self._staffing.stores,
            self._outcomes.counts,
            self._outcomes.splits,
            self._progress,
            self._unsent,
            *self._trends.stores,
            *accounts.stores,
            self._names.store,
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
            own = self._names.own
            self._touched.update((Scope(queue=queue), None) for queue in changed if own("queue", queue) == queue)
        if partial.calls or partial.states:
            self._staffing.apply(partial.calls, partial.states)
        if partial.clocks:
            self._accounts.take_clocks(partial.clocks)

    def marks(self, marks: Mapping[str, tuple[int, bool]]) -> None:
        """How far every task of the pipeline has got: name -> (watermark ms, input ended)."""
        self._marks = dict(marks)

    def advance(self, clock: int, out: Outbox) -> None:
        """Move the clock (ms): windows roll and end, trends are looked for; old panes are folded once an hour."""
        before = self._board.clock
        if before is not None and clock <= before:
            return
        self._settle()
        self._board.advance(clock)
        self._accounts.advance(clock)
        self._pass_time(before, clock)
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
        self._settle()
        if self._touched:
            touched, self._touched = self._touched, {}
            board.touch(touched, live_spans(board.clock))
        self._touch_staffing()
        if ended:
            self._touch_overdue()
        pace = self._pace()
        self._age_queues(0 if ended else LIVE_EVERY_MS)
        self._accounts.age(1 if ended else PROMISES_EVERY_MS)
        self._age_staffing(1 if ended else STAFFING_EVERY_MS)
        self._send_windows(out, pace, ended=ended)
        self._names.tell()
        self._trends.before_flush(out)
        self._send_pipeline(out, pace, ended=ended)

    def _settle(self) -> None:
        self._board.settle()
        self._accounts.settle()

    def _send_windows(self, out: Outbox, pace: int | None, *, ended: bool) -> None:
        board = self._board
        sent: list[Entry] = []
        held: list[int] = []
        for entry, pause in board.dirty.items():
            at, every_ms = entry.sent_pace, pause or WINDOW_EVERY_MS
            if ended or at is None or pace is None or pace - at >= every_ms:
                sent.append(entry)
            else:
                held.append(at + every_ms)
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
        unsent = [entry.unsent for entry in self._board.dirty]
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
        self._names.restored(queue for _, queue in self._panes.leaves)
        self._roster.restored()
        self._staffing.restored()
        self._trends.restored()
        self._board.restored(clock)
        self._accounts.restored(clock)
        for each in self._unsent.get(_ONE) or ():
            scope = Scope(each.channel, each.queue, each.policy, each.segment)
            self._board.touch([scope], [Span(each.kind, each.start, each.end)])

    def _add_facts(self, facts: Iterable[tuple[FactKey, int]]) -> None:
        add, own = self._panes.add, self._names.own
        codes = CODES
        for (channel, named, minute, measure, value), n in facts:
            queue = own("queue", named)
            code = codes.get(measure)
            leaf: Leaf = (channel, queue)
            if code is None:
                if self._accounts.take_fact(Place(channel, queue), minute, measure, value, n):
                    continue
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

    def _pass_time(self, before: int | None, clock: int) -> None:
        """However far the clock has leapt, the windows in between have news where agents were at work."""
        going_on = self._staffing.going_on
        if before is None:
            if going_on(0, clock):
                self._board.touch([FLOOR], live_spans(clock))
        elif before // MINUTE != clock // MINUTE:
            if going_on(before - _TOLD_MS, before):
                self._board.touch([FLOOR], live_spans(clock))
            # Those that ended in between, though they may have nothing but time from before.
            ended = [span for span in self._board.over(before, clock) if span.end is not None and span.end <= clock]
            self._board.touch([FLOOR], [span for span in ended if self._has_time(span, clock)])

    def _touch_staffing(self) -> None:
        """The windows of the floor over whose time there is news of what agents did.

        Of those that have no agent's time, only what may have been told before: else it would hang on the moment of
        sending whether there are any.
        """
        board, spans, clock = self._board, dict[Span, None](), self._board.clock
        if clock is None:
            # Whether a window has begun can't be said yet: the news waits.
            return
        told = (self._progress.get(_ONE) or Progress()).clock or 0
        for start, end in self._staffing.take_news():
            if end is None:
                end = max(start, clock)
                if end > start + DAY:
                    # Of a history that is read in, what holds until now is mostly not told yet: the rest can wait.
                    end = start + DAY
                    self._hold_back(end)
            spans.update(board.over(start, end))
        known = [span for span in spans if self._staffing.knows(span)]
        board.touch([FLOOR], [span for span in known if self._has_time(span, clock) or (span.start or 0) < told])

    def _hold_back(self, since: int) -> None:
        progress = self._progress.get(_ONE) or Progress()
        progress.overdue = since if progress.overdue is None else min(progress.overdue, since)
        self._progress.put(_ONE, progress)

    def _touch_overdue(self) -> None:
        """The windows of the floor whose news was held back."""
        board, progress, clock = self._board, self._progress.get(_ONE) or Progress(), self._board.clock
        if progress.overdue is None or clock is None:
            return
        known = [span for span in board.over(progress.overdue, clock) if self._staffing.knows(span)]
        progress.overdue = None
        self._progress.put(_ONE, progress)
        board.touch([FLOOR], [span for span in known if board.has(FLOOR, span) or self._has_time(span, clock)])

    def _has_time(self, span: Span, clock: int) -> bool:
        return span.end is None or self._staffing.going_on(span.start or 0, min(span.end, clock))

    def _age_staffing(self, every_ms: int) -> None:
        """While agents are in calls or available, and while the rolling windows tell of it, time alone is news."""
        board, clock, going_on = self._board, self._board.clock, self._staffing.going_on
        if clock is None or not going_on(clock - _TOLD_MS, clock):
            return
        running = [span for span in self._calendar.spans(clock // MINUTE) if self._has_time(span, clock)]
        for entry in board.entries(FLOOR, (*live_spans(clock), *running)):
            if entry.sent_clock is None or clock - entry.sent_clock >= every_ms:
                board.dirty[entry] = None

    def _sweep(self, clock: int) -> None:
        folded = 0
        self._touch_overdue()
        if self._keep_ms is not None:
            for entry in self._board.dirty:
                self._board.longest(entry)
                self._publisher.keep(entry)
            self._staffing.fold(clock, self._keep_ms)
            folded = self._panes.fold(clock, self._keep_ms)
            self._accounts.fold(folded, clock)
            # What was too old for a day of its own now is so after a restart too.
            progress = self._progress.get(_ONE) or Progress()
            progress.clock = clock
            self._progress.put(_ONE, progress)
        self._accounts.forget(clock, {entry.span for entry in self._board.dirty})
        self._board.forget(folded)

    def _send_pipeline(self, out: Outbox, pace: int | None, *, ended: bool) -> None:
        at = self._pipeline_pace
        if not (ended or at is None or pace is None or pace - at >= PIPELINE_EVERY_MS):
            return
        value = pipeline(self._marks, self._outcomes.counted(), self._roster.counts(None), self._trends.sources())
        if value != self._pipeline:
            self._pipeline, self._pipeline_pace = value, pace
            out.send(METRICS_LIVE.name, PIPELINE_KEY, value)
