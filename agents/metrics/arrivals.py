"""Arrivals: how many contacts come into each queue, minute by minute, against that queue's own past.

A minute is looked at once, when the clock has passed its end; what is said of it later only amends the past that
later minutes are judged by.
"""

from typing import Literal

import msgspec

from agents.metrics.baseline import Day
from agents.metrics.chart import Chart, Step, Steps, steps
from agents.metrics.cusum import threshold
from agents.metrics.past import Pasts
from agents.metrics.scopes import Leaf
from agents.metrics.slots import Slots
from schemas.ids import trend_id, trend_transition_id
from schemas.instants import DAY, MINUTE, SECOND, from_ms
from schemas.live import TrendState
from schemas.policies import TrendSettings
from schemas.trends import TrendEvidence, TrendRule, TrendTransition
from streams.store import Store

SETTLE_MS = 2 * SECOND
"""How long after its end a minute is looked at: what the clock has passed is said by then."""

LONGEST_STEP = DAY // MINUTE
"""Minutes that are looked at after the clock has leapt; of a longer leap only the last ones, by charts begun anew."""

MINUTES_PER_DAY = DAY // MINUTE
_BY_HOUR = 60
_SEPARATOR = "\x1f"
_SIDES: tuple[tuple[Literal["high", "low"], TrendRule], ...] = (("high", "arrivals.high"), ("low", "arrivals.low"))


class Series(msgspec.Struct, array_like=True):
    """One queue on one channel: its charts, arrivals of the running hour and of the last whole one."""

    high: Chart
    low: Chart
    hour: int = 0
    observed: int = 0
    expected: float | None = 0.0
    last_observed: int | None = None
    last_expected: float | None = None

    def count(self, minute: int, n: int, rate: float | None) -> None:
        """Add a minute to its hour. `rate` None: nothing is known of what is usual, and so of the whole hour."""
        hour = minute // _BY_HOUR
        if hour != self.hour:
            whole = hour == self.hour + 1
            self.last_observed, self.last_expected = (self.observed, self.expected) if whole else (None, None)
            self.hour, self.observed, self.expected = hour, 0, 0.0
        self.observed += n
        self.expected = None if rate is None or self.expected is None else self.expected + rate


class Arrivals:
    """Every queue's arrivals. State: series, minutes not looked at yet, counts of past days."""

    def __init__(self, settings: TrendSettings, slots: Slots) -> None:
        self._settings = settings
        self._slots = slots
        self._pasts = Pasts(b"d", slots)
        self._series: Store[Series] = Store(b"t", Series)
        self._pending: Store[dict[int, int]] = Store(b"q", dict[int, int])
        self._names: dict[Leaf, str] = {}
        self._order: list[str] = []
        self._steps: dict[str, Steps | None] = {}
        self._cycles: dict[str, float] = {}
        self._place: tuple[int, int] | None = None
        self.ticked: int | None = None
        """The first minute that has not been looked at."""

    @property
    def stores(self) -> tuple[Store[Series], Store[dict[int, int]], Store[Day]]:
        """Its state."""
        return self._series, self._pending, self._pasts.store

    def add(self, leaf: Leaf, minute: int, n: int) -> None:
        """Count `n` arrivals (signed) of a minute. Contacts that name no queue are of no series."""
        channel, queue = leaf
        if queue is None:
            return
        name = self._names.get(leaf)
        if name is None:
            name = self._names[leaf] = f"{channel}{_SEPARATOR}{queue}"
            if name not in self._series.data:
                self._series.put(name, Series(Chart(), Chart()))
                self._order = sorted(self._series.data)
        if self.ticked is None or minute >= self.ticked:
            pending = self._pending.get(name)
            if pending is None:
                pending = {}
            pending[minute] = pending.get(minute, 0) + n
            self._pending.put(name, pending)
        else:
            self._pasts.add(name, minute, n, self._slots.place(self.ticked - 1)[0])

    def advance(self, clock: int) -> list[TrendTransition]:
        """Look at every minute that is complete by `clock` (ms); returns what was found."""
        due = (clock - SETTLE_MS) // MINUTE
        found: list[TrendTransition] = []
        if self.ticked is None or due - self.ticked > LONGEST_STEP:
            self._leap(due if self.ticked is None else due - LONGEST_STEP, found)
        while self.ticked is not None and self.ticked < due:
            self._tick(self.ticked, found)
        return found

    def states(self) -> list[TrendState]:
        """How every series stands, large queues before small ones."""
        today = self._today()
        needed = self._settings.learn_days
        states: list[TrendState] = []
        for name in self._order if today is None else self._by_size(today):
            series = self._series.data[name]
            channel, _, queue = name.partition(_SEPARATOR)
            days = self._pasts.of(name).learnt_days(today) if today is not None else 0
            for side, rule in _SIDES:
                chart: Chart = getattr(series, side)
                learning = self._steps.get(name) is None
                state = TrendState(
                    rule=rule,
                    state="open" if chart.opened else "learning" if learning else "quiet",
                    days=days,
                    needed=needed,
                    queue=queue,
                    channel=channel,
                    observed=series.last_observed,
                    expected=None if series.last_expected is None else round(series.last_expected, 3),
                )
                if chart.opened and chart.since is not None:
                    state.since = from_ms(chart.since * MINUTE)
                    state.ratio = round(chart.observed / chart.expected, 3) if chart.expected else None
                states.append(state)
        return states

    def restored(self) -> None:
        """Rebuild what is derived. Set `ticked` first."""
        self._pasts.restored()
        self._order = sorted(self._series.data)
        for name in self._order:
            channel, _, queue = name.partition(_SEPARATOR)
            self._names[channel, queue] = name
        if self.ticked is not None:
            self._look_up(self.ticked - 1)

    def _today(self) -> int | None:
        return None if self.ticked is None else self._slots.place(self.ticked - 1)[0]

    def _by_size(self, today: int) -> list[str]:
        return sorted(self._order, key=lambda name: -self._pasts.of(name).daily(today))

    def _leap(self, to: int, found: list[TrendTransition]) -> None:
        """Go to a minute without looking at those before it."""
        for name in self._order:
            series = self._series.data[name]
            for side, rule in _SIDES:
                chart: Chart = getattr(series, side)
                if chart.opened:
                    found.append(self._transition("closed", rule, name, chart, to, 0.0))
                chart.clear()
            self._series.touch(name)
            pending = self._pending.get(name) or {}
            for minute in [minute for minute in sorted(pending) if minute < to]:
                self._pasts.add(name, minute, pending.pop(minute), self._slots.place(to)[0])
            self._set_pending(name, pending)
        self.ticked, self._place = to, None

    def _set_pending(self, name: str, pending: dict[int, int]) -> None:
        if pending:
            self._pending.put(name, pending)
        else:
            self._pending.delete(name)

    def _look_up(self, minute: int) -> None:
        """Have the steps of the slot that a minute is in."""
        date, slot = place = self._slots.place(minute)
        if place != self._place:
            self._place = place
            self._pasts.sweep(date)
            names = self._order
        else:
            names = sorted(self._pasts.amended)
        for name in names:
            self._steps[name] = self._steps_of(name, date, slot)
            # Both charts, each as often as there are minutes or arrivals in a day.
            self._cycles[name] = 2 * min(MINUTES_PER_DAY, 1 + self._pasts.of(name).daily(date))
        self._pasts.amended.clear()

    def _steps_of(self, name: str, date: int, slot: int) -> Steps | None:
        settings, baseline = self._settings, self._pasts.of(name)
        if baseline.learnt_days(date) < settings.learn_days:
            return None
        expected = baseline.expected(date, slot)
        if expected is None:
            return None
        return steps(expected.rate, expected.spread, baseline.dispersion(date), high=settings.high, low=settings.low)

    def _tick(self, minute: int, found: list[TrendTransition]) -> None:
        self.ticked = minute + 1
        self._look_up(minute)
        today = self._slots.place(minute)[0]
        cycles = sum(self._cycles[name] for name, moves in self._steps.items() if moves is not None)
        limit = threshold(cycles, self._settings.false_alarms_per_day / 2)
        for name in self._order:
            pending = self._pending.get(name)
            count = 0
            if pending is not None and minute in pending:
                count = pending.pop(minute)
                self._set_pending(name, pending)
                self._pasts.add(name, minute, count, today)
            series, moves = self._series.data[name], self._steps.get(name)
            self._series.touch(name)
            series.count(minute, count, None if moves is None else moves.high.rate)
            self._judge(name, series.high, "arrivals.high", minute, count, moves and moves.high, limit, found)
            if moves is not None:
                self._judge(name, series.low, "arrivals.low", minute, count, moves.low, limit, found)

    def _judge(
        self,
        name: str,
        chart: Chart,
        rule: TrendRule,
        minute: int,
        count: int,
        step: Step | None,
        limit: float,
        found: list[TrendTransition],
    ) -> None:
        count = max(count, 0)
        action = chart.tick_unknown(count) if step is None else chart.tick(minute, count, step, limit)
        if action == "open":
            since = (chart.since or minute) * MINUTE
            chart.opened = trend_id(rule, name.replace(_SEPARATOR, "/", 1), since)
            found.append(self._transition("opened", rule, name, chart, minute + 1, limit))
        elif action == "close":
            found.append(self._transition("closed", rule, name, chart, minute + 1, limit))
            chart.clear()

    def _transition(
        self,
        transition: Literal["opened", "closed"],
        rule: TrendRule,
        name: str,
        chart: Chart,
        end: int,
        limit: float,
    ) -> TrendTransition:
        channel, _, queue = name.partition(_SEPARATOR)
        baseline, date = self._pasts.of(name), self._slots.place(end - 1)[0]
        trend = chart.opened or ""
        return TrendTransition(
            id=trend_transition_id(trend, transition),
            trend=trend,
            transition=transition,
            rule=rule,
            since=from_ms((chart.since or 0) * MINUTE),
            detected_at=from_ms(end * MINUTE + SETTLE_MS),
            channel=channel,
            queue=queue,
            evidence=TrendEvidence(
                observed=chart.observed,
                expected=round(chart.expected, 3),
                statistic=round(chart.statistic, 3),
                threshold=round(limit, 3),
                dispersion=round(baseline.dispersion(date), 3),
                days=baseline.learnt_days(date),
            ),
        )
