"""Silence: when each source was last heard, and whether it has been quiet for longer than it ever is.

A source with `silent_after` is silent after that time. Any other is measured by its own past: its records would have
filled the gap so surely that gaps as long as this one come by chance less often than the budget of false alarms.
Only time that was watched counts: where the clock leaps (after an outage of ours), and in service where a task has
taken over, counting begins anew.
"""

from collections.abc import Mapping
from math import log
from typing import Literal

import msgspec

from agents.metrics.baseline import Day
from agents.metrics.past import Pasts
from agents.metrics.slots import Slots
from schemas.ids import trend_id, trend_transition_id
from schemas.instants import DAY, MINUTE, SECOND, from_ms, seconds
from schemas.live import SourceSeen, TrendState
from schemas.policies import TrendSettings
from schemas.trends import TrendEvidence, TrendTransition
from streams.store import Store

LEAST_GAP = 2 * MINUTE
"""A source without a setting of its own is never silent sooner."""

LEAP_MINUTES = 3
"""Where event time goes on by more at once, nobody was watching."""

STANDSTILL = 10 * SECOND
"""Where the wall clock, which goes on several times a second, goes on by more at once, nobody was watching."""

GONE_AFTER = 7 * DAY
"""A source that no setting names is forgotten after so long a silence."""

_RULE: Literal["source.silent"] = "source.silent"
_SURE = 1e-6


class Heard(msgspec.Struct, array_like=True):
    """One source, ms. `fresh`: records since the clock last moved, `unfiled`: not in the past yet.

    `quiet_from`: since when it has been watched without a record; `missed`: records that were to be expected since.
    `opened`: id of the silence.
    """

    last_seen: int
    quiet_from: int
    records: int = 0
    fresh: int = 0
    unfiled: int = 0
    missed: float = 0.0
    opened: str | None = None


class Silence:
    """What was heard of every source. State: one entry a source, and its counts of past days."""

    def __init__(self, settings: TrendSettings, slots: Slots) -> None:
        self._settings = settings
        self._slots = slots
        self._heard: Store[Heard] = Store(b"r", Heard)
        self._pasts = Pasts(b"e", slots)
        self._begun = False
        self._at: int | None = None
        self.watched: int | None = None
        """The minute that the clock was in when it last moved."""

    @property
    def stores(self) -> tuple[Store[Heard], Store[Day]]:
        """Its state."""
        return self._heard, self._pasts.store

    def hear(self, sources: Mapping[str, int]) -> None:
        """Records came: source -> how many. They count as of where the clock is next."""
        for source, n in sources.items():
            heard = self._heard.get(source) or Heard(0, 0)
            heard.fresh += n
            self._heard.put(source, heard)

    def advance(self, clock: int) -> list[TrendTransition]:
        """Move the clock (ms): who was heard, who is silent."""
        found: list[TrendTransition] = []
        minute = clock // MINUTE
        before, self.watched = self.watched, minute
        if not self._begun:
            self._begun = True
            for source in sorted(self._settings.silent_after_ms):
                if source not in self._heard.data:
                    self._heard.put(source, Heard(clock, clock))
        leapt = before is None or minute - before > LEAP_MINUTES or (self._settings.wall and self._stood_still(clock))
        self._at = clock
        for source in sorted(self._heard.data):
            heard = self._heard.data[source]
            if heard.fresh:
                self._take_fresh(source, heard, clock, found)
            elif leapt and before is not None:
                heard.quiet_from, heard.missed = clock, 0.0
                self._heard.touch(source)
            if before is not None and before != minute:
                self._file(source, heard, before, 0 if leapt else minute - before)
            if heard.opened is None:
                self._look(source, heard, clock, found)
            elif clock - heard.last_seen > GONE_AFTER and source not in self._settings.silent_after_ms:
                found.append(self._transition("closed", source, heard, clock))
                self._heard.delete(source)
                self._pasts.forget(source)
        return found

    def seen(self) -> dict[str, SourceSeen]:
        """Every source as it stands."""
        return {
            source: SourceSeen(
                last_seen=from_ms(heard.last_seen),
                records=heard.records,
                silent_since=from_ms(heard.last_seen) if heard.opened else None,
            )
            for source, heard in sorted(self._heard.data.items())
            if heard.last_seen
        }

    def states(self) -> list[TrendState]:
        """How every source stands. One with a setting of its own has nothing to learn."""
        states: list[TrendState] = []
        for source, heard in sorted(self._heard.data.items()):
            days = self._days(source)
            told = self._settings.silent_after_ms.get(source) is not None
            learning = not told and days < self._settings.learn_days
            state = TrendState(
                rule=_RULE,
                state="open" if heard.opened else "learning" if learning else "quiet",
                days=days,
                needed=0 if told else self._settings.learn_days,
                source=source,
            )
            if heard.opened:
                state.since = from_ms(heard.last_seen)
            states.append(state)
        return states

    def restored(self) -> None:
        """Rebuild what is derived."""
        self._pasts.restored()

    def _stood_still(self, clock: int) -> bool:
        return self._at is None or clock - self._at > STANDSTILL

    def _days(self, source: str) -> int:
        return 0 if self.watched is None else self._pasts.of(source).learnt_days(self._slots.place(self.watched)[0])

    def _take_fresh(self, source: str, heard: Heard, clock: int, found: list[TrendTransition]) -> None:
        if heard.opened:
            found.append(self._transition("closed", source, heard, clock))
        heard.records += heard.fresh
        heard.unfiled += heard.fresh
        heard.last_seen = heard.quiet_from = clock
        heard.fresh, heard.missed, heard.opened = 0, 0.0, None
        self._heard.touch(source)

    def _file(self, source: str, heard: Heard, minute: int, passed: int) -> None:
        """Put what was heard into the past, and add what was to be expected in the minutes that have passed."""
        date, slot = self._slots.place(minute)
        self._pasts.sweep(date)
        if heard.unfiled:
            self._pasts.add(source, minute, heard.unfiled, date)
            heard.unfiled = 0
            self._heard.touch(source)
        baseline = self._pasts.of(source)
        if heard.quiet_from > minute * MINUTE:
            return
        if passed and baseline.learnt_days(date) >= self._settings.learn_days:
            expected = baseline.expected(date, slot)
            if expected is not None and expected.rate:
                heard.missed += passed * expected.rate / (1 + 2 * expected.spread)
                self._heard.touch(source)

    def _look(self, source: str, heard: Heard, clock: int, found: list[TrendTransition]) -> None:
        gap = clock - heard.quiet_from
        limit = self._settings.silent_after_ms.get(source)
        if limit is not None:
            if gap <= limit:
                return
        elif gap < LEAST_GAP or not heard.missed or self._surprise(source, heard, clock) < self._needed(source, clock):
            return
        heard.opened = trend_id(_RULE, source, heard.last_seen)
        self._heard.touch(source)
        found.append(self._transition("opened", source, heard, clock))

    def _surprise(self, source: str, heard: Heard, clock: int) -> float:
        """How unlikely nothing at all is where so many are expected: -log P(0) of a negative binomial (Poisson)."""
        extra = self._pasts.of(source).dispersion(self._slots.place(clock // MINUTE)[0]) - 1
        return heard.missed * (log(1 + extra) / extra if extra > _SURE else 1.0)

    def _needed(self, source: str, clock: int) -> float:
        """Every record begins a gap: so many begin in a day, and that many of them may be this long by chance."""
        gaps = self._pasts.of(source).daily(self._slots.place(clock // MINUTE)[0]) * len(self._heard.data)
        return max(log(max(gaps, 1.0) / (self._settings.false_alarms_per_day / 2)), 1.0)

    def _transition(
        self, transition: Literal["opened", "closed"], source: str, heard: Heard, clock: int
    ) -> TrendTransition:
        trend = heard.opened or ""
        limit = self._settings.silent_after_ms.get(source)
        date = self._slots.place(clock // MINUTE)[0]
        return TrendTransition(
            id=trend_transition_id(trend, transition),
            trend=trend,
            transition=transition,
            rule=_RULE,
            since=from_ms(heard.last_seen),
            detected_at=from_ms(clock),
            source=source,
            evidence=TrendEvidence(
                observed=heard.fresh,
                expected=round(heard.missed, 3),
                statistic=round(
                    (clock - heard.quiet_from) / 1000 if limit else self._surprise(source, heard, clock), 3
                ),
                threshold=round(limit / 1000 if limit else self._needed(source, clock), 3),
                dispersion=round(self._pasts.of(source).dispersion(date), 3),
                days=self._pasts.of(source).learnt_days(date),
                last_seen=from_ms(heard.last_seen),
                limit=seconds(limit),
            ),
        )
