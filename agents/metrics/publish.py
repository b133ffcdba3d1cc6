"""Publish: entries of the board as records of metrics.live."""

import msgspec

from agents.metrics.board import Board, Entry
from agents.metrics.evaluate import Evaluator
from agents.metrics.roster import Roster
from agents.metrics.scopes import Scope
from agents.metrics.waiting import Waiting
from agents.metrics.windows import ALL, ROLLING
from schemas import live
from schemas.instants import MINUTE, from_ms

_LIVE = {ALL, *(span for span, _ in ROLLING)}
_encode_key = msgspec.json.Encoder(order="deterministic").encode


class Publisher:
    """Makes the record of an entry: its metrics as of the clock, under a key that stays the same."""

    def __init__(self, evaluator: Evaluator, board: Board, waiting: Waiting, roster: Roster) -> None:
        self._evaluator = evaluator
        self._board = board
        self._waiting = waiting
        self._roster = roster

    def record(self, entry: Entry, revision: int) -> tuple[bytes, bytes]:
        """Key and value for metrics.live."""
        board, span = self._board, entry.span
        clock = board.clock
        channel, queue = entry.scope
        scope = live.Scope(channel=channel, queue=queue)
        start, end = span.start, span.end
        name = live.Window(
            kind=span.kind,
            start=None if start is None else from_ms(start),
            end=None if end is None else from_ms(end),
        )
        board.longest(entry)
        window = name
        waiting = agents = None
        if span in _LIVE:
            if clock is not None:
                since = None
                if span != ALL:
                    minutes = board.minutes(span)
                    since = minutes.start * MINUTE
                    window = live.Window(kind=span.kind, start=from_ms(since), end=from_ms(minutes.stop * MINUTE))
                waiting = self._waiting.now(entry.scope, clock, since)
            agents = self._agents(entry.scope)
        record = live.LiveMetrics(
            scope=scope,
            window=window,
            watermark=None if clock is None else from_ms(clock),
            revision=revision,
            closed=end is not None and clock is not None and end <= clock,
            metrics=self._evaluator.metrics(entry.tally, queue=waiting, agents=agents, of_queue=queue is not None),
        )
        return _encode_key({"scope": scope, "window": name}), live.encode(record)

    def _agents(self, scope: Scope) -> dict[str, int] | None:
        channel, queue = scope
        return self._roster.counts(queue) if channel is None else None
