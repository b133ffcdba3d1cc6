"""Publish: entries of the board as records of metrics.live."""

import msgspec

from agents.metrics.board import Board, Entry, Name
from agents.metrics.evaluate import Evaluator
from agents.metrics.roster import Roster
from agents.metrics.scopes import Scope
from agents.metrics.waiting import Waiting
from agents.metrics.windows import ALL, ROLLING
from schemas import live
from schemas.instants import MINUTE, from_ms

_LIVE = {ALL, *(span for span, _ in ROLLING)}
_encode_key = msgspec.json.Encoder().encode


class Publisher:
    """Makes the record of an entry: its metrics as of the clock, under a key that stays the same."""

    def __init__(self, evaluator: Evaluator, board: Board, waiting: Waiting, roster: Roster) -> None:
        self._evaluator = evaluator
        self._board = board
        self._waiting = waiting
        self._roster = roster

    def record(self, entry: Entry, revision: int) -> tuple[bytes, bytes]:
        """Key and value for metrics.live."""
        clock, span = self._board.clock, entry.span
        self._board.longest(entry)
        if entry.name is None:
            entry.name = _name(entry)
        key, scope, window = entry.name
        fixed = self._evaluator.fixed(entry.tally, of_queue=entry.scope[1] is not None)
        metrics = fixed.metrics
        if span in _LIVE:
            since = None
            if span != ALL:
                minutes = self._board.minutes(span)
                since = minutes.start * MINUTE
                window = live.Window(kind=span.kind, start=from_ms(since), end=from_ms(minutes.stop * MINUTE))
            queue = None if clock is None else self._waiting.now(entry.scope, clock, since)
            metrics = self._evaluator.live(fixed, queue, self._agents(entry.scope))
        record = live.LiveMetrics(
            scope=scope,
            window=window,
            watermark=None if clock is None else from_ms(clock),
            revision=revision,
            closed=span.end is not None and clock is not None and span.end <= clock,
            metrics=metrics,
        )
        return key, live.encode(record)

    def _agents(self, scope: Scope) -> dict[str, int] | None:
        channel, queue = scope
        return self._roster.counts(queue) if channel is None else None


def _name(entry: Entry) -> Name:
    channel, queue = entry.scope
    kind, start, end = entry.span
    scope = live.Scope(channel=channel, queue=queue)
    window = live.Window(
        kind=kind,
        start=None if start is None else from_ms(start),
        end=None if end is None else from_ms(end),
    )
    return _encode_key({"scope": scope, "window": window}), scope, window
