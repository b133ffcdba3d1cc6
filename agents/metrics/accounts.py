"""Accounts: promises, surveys and resolutions, which are counted beside the offers, in the same windows; promises in
those of policies and segments too."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from agents.metrics import compliance, durations, resolutions, surveys
from agents.metrics.board import HOT_MS, Board, Entry, live_spans
from agents.metrics.evaluate import encoded
from agents.metrics.ledger import Ledger, Said, Sum
from agents.metrics.names import Names
from agents.metrics.promises import MEASURES, Promises
from agents.metrics.scopes import Place, Scope, scopes_at
from agents.metrics.tally import UnknownMeasure
from agents.metrics.windows import ALL, Calendar, Span
from schemas.durations import OF_CLOCKS, QUANTILES
from schemas.instants import SECOND
from schemas.live import Metric
from schemas.partials import TOOK, ClockKey
from streams.store import Store

_NONE: tuple[bytes, ...] = ()


class Accounts:
    """Takes signed counts of clocks, answers and solves, tells the board which windows have news, and says their
    metrics."""

    def __init__(self, calendar: Calendar, board: Board, names: Names) -> None:
        self._board = board
        self._names = names
        self._ledger = Ledger(calendar)
        self._promises = Promises()
        self._touched: dict[Scope, None] = {}
        self._aged: int | None = None
        self._known: set[Scope] = set()
        self._stands: dict[Scope, tuple[compliance.Standing, dict[str, Metric]]] = {}

    @property
    def stores(self) -> tuple[Store[Any], ...]:
        """Its state."""
        return (*self._ledger.stores, self._promises.store)

    def take_clocks(self, clocks: Iterable[tuple[ClockKey, int]]) -> None:
        """Take signed counts of clocks. Raises UnknownMeasure for what this version does not know."""
        own = self._names.own
        for (policy, clock, channel, queue, segment, measure, value), n in clocks:
            place = Place(channel, own("queue", queue), own("policy", policy), own("segment", segment))
            decided = compliance.NAMES.get((measure, clock))
            if decided is not None:
                self._ledger.add(place, value, decided, n)
            elif measure.startswith(TOOK) and clock in OF_CLOCKS:
                for name, times in durations.counted_as(OF_CLOCKS[clock], int(measure[len(TOOK) :])):
                    self._ledger.add(place, value, name, times * n)
            elif measure not in MEASURES or (compliance.ATTAINED, clock) not in compliance.NAMES:
                raise UnknownMeasure(
                    f"{measure!r} of clock {clock!r}, {channel}/{queue}: restart the worker with the tasks' version"
                )
            elif n:
                self._promises.add(place, clock, measure, value, n)
                self._touched.update(dict.fromkeys(scopes_at(place)))

    def take_fact(self, place: Place, minute: int, measure: str, value: int, n: int) -> bool:
        """Take signed answers of a survey, or solves; False: the measure is of neither."""
        name = surveys.name_of(measure, value)
        counted = resolutions.counted_as(measure, value) if name is None else ((name, 1),)
        for each, times in counted:
            self._ledger.add(place, minute, each, times * n)
        return bool(counted)

    def settle(self) -> None:
        """Tell the board of the windows that have news. Settle the board first."""
        for scopes, spans in self._ledger.settle():
            self._stands.clear()
            # What was decided long ago may be the first of its kind: windows up to now say that they have none of it.
            self._board.touch_promised(scopes, dict.fromkeys((*spans, *live_spans(self._board.clock))))
            self._known.update(scopes)
        if self._touched:
            self._stands.clear()
            touched, self._touched = self._touched, {}
            self._known.update(touched)
            self._board.touch_promised(touched, live_spans(self._board.clock))

    def advance(self, clock: int) -> None:
        """Move the clock (ms). Move the board's first."""
        self._stands.clear()
        for scopes, spans in self._ledger.advance(clock):
            self._board.touch_promised(scopes, spans)

    def age(self, every_ms: int) -> None:
        """While a clock runs, the time that is left to it is news."""
        now = self._board.clock
        if now is None or (self._aged is not None and now - self._aged < min(every_ms, SECOND)):
            return
        self._aged = now
        for scope in self._promises.running():
            for entry in self._board.as_of_clock(scope):
                if entry.sent_clock is None or now - entry.sent_clock >= every_ms:
                    self._board.dirty[entry] = None

    def metrics(self, entry: Entry) -> Sequence[bytes]:
        """What a window says of promises, surveys and resolutions (see `evaluate.encoded`), if there were any. Settle
        first."""
        scope, span, clock = entry.scope, entry.span, self._board.clock
        if scope not in self._known:
            return _NONE
        here = _said(self._ledger.of(scope, span))
        if clock is None or (span != ALL and span.start is not None):
            metrics, others = compliance.decided(here.decided), here.others
        else:
            stands, ever = self._standing(scope, clock)
            metrics = compliance.undecided(here.decided, stands)
            others = {name: here.others.get(name) or _none_of(name, metric) for name, metric in ever.items()}
        if others:
            metrics.append(encoded(others))
        return metrics

    def _standing(self, scope: Scope, clock: int) -> tuple[compliance.Standing, dict[str, Metric]]:
        """How a scope's clocks stand, and what all its surveys and solves say: the same in every window as of the
        clock."""
        found = self._stands.get(scope)
        if found is None:
            ever = _said(self._ledger.of(scope, ALL))
            now = dict(self._promises.now(scope))
            found = self._stands[scope] = compliance.standing(ever.decided, now, clock), ever.others
        return found

    def fold(self, limit: int, clock: int) -> None:
        """Fold the hours before minute `limit`."""
        self._ledger.fold(limit, clock)

    def forget(self, clock: int, kept: Collection[Span]) -> None:
        """Let go of what can be had again, but for the windows `kept`."""
        self._ledger.forget(clock - HOT_MS, kept)

    def restored(self, clock: int | None) -> None:
        """Rebuild what is derived, as of `clock`."""
        self._promises.restored()
        for scopes, spans in self._ledger.restored(clock):
            self._board.follow(scopes, spans)
        self._known.update(self._ledger.scopes(), self._promises.scopes())


def _said(sums: Sum) -> Said:
    if sums.said is None:
        counts, others = sums.counts, dict[str, Metric]()
        if not counts.keys() <= compliance.COUNTED:
            others = surveys.surveyed(counts) | durations.durations(counts) | resolutions.reopened(counts)
        sums.said = Said(compliance.decided_of(counts), others)
    return sums.said


def _none_of(name: str, metric: Metric) -> Metric:
    """The same of nothing: no quotient or quantile, or none of what is counted."""
    if metric.denominator is None and name not in QUANTILES:
        return msgspec.structs.replace(metric, value=0, n=0)
    zero = None if metric.denominator is None else 0
    return msgspec.structs.replace(metric, value=None, n=0, numerator=zero, denominator=zero, interval=None)
