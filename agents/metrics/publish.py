"""Publish: entries of the board as records of metrics.live."""

from collections.abc import Mapping

import msgspec

from agents.metrics.accounts import Accounts
from agents.metrics.board import Board, Entry, Name
from agents.metrics.evaluate import Evaluator
from agents.metrics.outcomes import Counted
from agents.metrics.roster import Roster
from agents.metrics.scopes import FLOOR, Scope
from agents.metrics.staffing import Spent, Staffing
from agents.metrics.waiting import Waiting
from agents.metrics.windows import ALL, ROLLING
from schemas import live
from schemas.instants import MINUTE, from_ms
from schemas.live import SourceSeen

_LIVE = {ALL, *(span for span, _ in ROLLING)}
_encode_key = msgspec.json.Encoder().encode


class Publisher:
    """Makes the record of an entry: its metrics as of the clock, under a key that stays the same."""

    def __init__(
        self,
        evaluator: Evaluator,
        board: Board,
        accounts: Accounts,
        waiting: Waiting,
        roster: Roster,
        staffing: Staffing,
    ) -> None:
        self._evaluator = evaluator
        self._board = board
        self._accounts = accounts
        self._waiting = waiting
        self._roster = roster
        self._staffing = staffing

    def record(self, entry: Entry, revision: int) -> tuple[bytes, bytes]:
        """Key and value for metrics.live."""
        clock, span = self._board.clock, entry.span
        if entry.name is None:
            entry.name = _name(entry)
        key, scope, window = entry.name
        since = None
        if span in _LIVE and span != ALL:
            minutes = self._board.minutes(span)
            since = minutes.start * MINUTE
            window = live.Window(kind=span.kind, start=from_ms(since), end=from_ms(minutes.stop * MINUTE))
        record = live.LiveMetrics(
            scope=scope,
            window=window,
            watermark=None if clock is None else from_ms(clock),
            revision=revision,
            closed=span.end is not None and clock is not None and span.end <= clock,
            metrics={},
        )
        metrics = b",".join([*self._of_offers(entry, since), *self._accounts.metrics(entry)])
        # What was worked out before is encoded already, and stands in the braces at the record's end.
        return key, b"%b%b}}" % (live.encode(record)[:-2], metrics)

    def _of_offers(self, entry: Entry, since: int | None) -> list[bytes]:
        """What offers and agents say. A scope of which only promises or surveys tell has nothing of them."""
        board, scope = self._board, entry.scope
        agents = self._agents(scope) if entry.span in _LIVE else None
        if scope not in board.offered and scope != FLOOR and not agents:
            return []
        board.longest(entry)
        fixed = self._evaluator.fixed(entry.tally, of_queue=scope.queue is not None)
        metrics = [fixed.metrics]
        if entry.span in _LIVE:
            queue = None if board.clock is None else self._waiting.now(scope, board.clock, since)
            metrics += self._evaluator.live(fixed, queue, agents)
        spent = self._spent(entry)
        if spent is not None:
            metrics.append(self._evaluator.occupancy(spent))
        return metrics

    def keep(self, entry: Entry) -> None:
        """Remember the agents' time of a window with news before it is folded."""
        entry.spent = self._spent(entry)

    def _spent(self, entry: Entry) -> Spent | None:
        """The agents' time of a window of the floor up to the clock, where there is any."""
        clock, span = self._board.clock, entry.span
        if clock is None or entry.scope != FLOOR:
            return None
        start, end = span.start, clock
        if span in _LIVE:
            start = None if span == ALL else self._board.minutes(span).start * MINUTE
        elif start is not None and span.end is not None:
            end = max(start, min(clock, span.end))
        spent = self._staffing.spent(span, start, end) or entry.spent
        return spent if spent is not None and any(spent) else None

    def _agents(self, scope: Scope) -> dict[str, int] | None:
        return self._roster.counts(scope.queue) if scope.of_offers and scope.channel is None else None


def _name(entry: Entry) -> Name:
    kind, start, end = entry.span
    scope = live.Scope(*entry.scope)
    window = live.Window(
        kind=kind,
        start=None if start is None else from_ms(start),
        end=None if end is None else from_ms(end),
    )
    return _encode_key({"scope": scope, "window": window}), scope, window


def pipeline(
    marks: Mapping[str, tuple[int, bool]], counted: Counted, agents: Mapping[str, int], sources: dict[str, SourceSeen]
) -> bytes:
    """The record that says how far every task has got, and what became of the source records."""
    return live.encode(
        live.Pipeline(
            tasks={
                task: live.TaskMark(watermark=from_ms(time), ended=over) for task, (time, over) in sorted(marks.items())
            },
            read=sum(counted.by_outcome.values()),
            accepted=counted.by_outcome["accepted"],
            ignored=counted.by_outcome["ignored"],
            failed=counted.by_outcome["failed"],
            duplicates=counted.by_outcome["duplicate"],
            ignored_by=dict(sorted(counted.ignored_by.items())),
            failed_by=dict(sorted(counted.failed_by.items())),
            agents_by_state=dict(sorted(agents.items())),
            sources=sources,
        )
    )
