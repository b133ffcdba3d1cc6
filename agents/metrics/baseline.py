"""Baseline: what the past of one series says of a quarter of an hour, and how sure it is.

The past is counts by local quarter hour (see slots.py) of up to 56 days. The rate of a slot is a weighted mean of the
same slot on earlier days: younger days weigh more (those of four weeks ago half as much). It is smoothed with its
neighbours (weights 1 2 1), but not across a step such as opening and closing. The days of the same weekday are shrunk
towards all weekdays, or the whole weekend, until there are four of them. Counts far from the median are pulled in, so
that an incident, or an outage, does not become the usual.
"""

from collections.abc import Iterable
from math import sqrt
from statistics import median
from typing import NamedTuple

import msgspec

from agents.metrics.slots import SLOT_MINUTES, SLOTS, Slots, is_weekend, weekday

KEPT_DAYS = 56
HALF_LIFE_DAYS = 28
WHOLE_WEEKS = 4
"""Days of the same weekday from which on the other weekdays are not asked."""

LEAST_DAYS = 2
"""Earlier days that a slot must have been seen on."""

_STEP = 3.0
"""Standard deviations by which neighbouring slots differ where there is a step between them."""

_TRIMMED = 0.02
_TRIMMED_MEAN = 0.873
"""Mean of a chi-square variable of one degree of freedom whose largest 2 % are left out."""

_SLOTS_PER_HOUR = 4
_LEAST_HOUR = 1.0
_LEAST_SLOT = 0.5
_WEEKEND_DAYS = 2


class Day(msgspec.Struct, array_like=True):
    """Counts of one series on one local date, by slot."""

    counts: dict[int, int] = {}


class Expected(NamedTuple):
    """What is usual in one slot. `rate`: a minute. `spread`: relative error, of the day's level and of the estimate."""

    rate: float
    spread: float


class Baseline:
    """The past of one series. `observed`: the local dates on which anything at all was heard, of any series.

    A date that is not observed says nothing (closed, or nobody listened). What is worked out is kept until the past
    or the date changes, and depends on nothing else.
    """

    def __init__(self, slots: Slots, observed: set[int]) -> None:
        self.days: dict[int, Day] = {}
        self._slots = slots
        self._observed = observed
        self._known_at: tuple[int, int] | None = None
        self._past: list[int] = []
        self._learnt = 0
        self._daily = 0.0
        self._dispersion = 1.0
        self._levels = {False: 0.0, True: 0.0}
        self._expected: dict[int, Expected | None] = {}

    def forget(self) -> None:
        """The past has changed."""
        self._known_at = None

    def learnt_days(self, date: int) -> int:
        """Whole days before `date` on which anything was counted."""
        self._know(date)
        return self._learnt

    def daily(self, date: int) -> float:
        """Mean count of a whole day before `date`."""
        self._know(date)
        return self._daily

    def dispersion(self, date: int) -> float:
        """Variance over mean of the counts of an hour within a day (quasi-Poisson), at least 1."""
        self._know(date)
        return self._dispersion

    def expected(self, date: int, slot: int) -> Expected | None:
        """What is usual in a slot of `date`, by the days before it; None where it was seen on fewer than two."""
        self._know(date)
        if slot not in self._expected:
            self._expected[slot] = self._estimate(date, slot)
        return self._expected[slot]

    def _know(self, date: int) -> None:
        if self._known_at == (date, len(self._observed)):
            return
        self._known_at = (date, len(self._observed))
        self._expected = {}
        first = min(self.days, default=date)
        # The first day is part of a day mostly.
        begin = max(first + 1, date - KEPT_DAYS)
        self._past = [day for day in range(begin, date) if day in self._observed]
        totals = [sum(self.days[day].counts.values()) if day in self.days else 0 for day in self._past]
        self._learnt = sum(1 for total in totals if total)
        self._daily = sum(totals) / len(totals) if totals else 0.0
        self._dispersion = 1.0
        self._levels = {False: 0.0, True: 0.0}
        residuals: list[float] = []
        freedom = 0
        for weekend in (False, True):
            days = [day for day in self._past if is_weekend(day) == weekend]
            more, lost = self._residuals(days)
            residuals += more
            freedom += len(more) - lost
        self._dispersion = _dispersion(residuals, freedom)
        for weekend in (False, True):
            self._levels[weekend] = self._level_spread([day for day in self._past if is_weekend(day) == weekend])

    def _residuals(self, days: list[int]) -> tuple[list[float], int]:
        """Squared standardised residuals of hours, each day at its own level, and how many estimates they rest on."""
        if len(days) < LEAST_DAYS:
            return [], 0
        hours = [self._hours(day) for day in days]
        totals = [sum(each) for each in hours]
        total = sum(totals)
        residuals: list[float] = []
        estimates = 0
        for column, profile in zip(zip(*hours, strict=True), map(sum, zip(*hours, strict=True)), strict=True):
            used = False
            for x, level in zip(column, totals, strict=True):
                usual = profile * level / total if total else 0.0
                if usual >= _LEAST_HOUR:
                    residuals.append((x - usual) ** 2 / usual)
                    used = True
            estimates += used
        return residuals, (estimates + len(days) - 1 if residuals else 0)

    def _hours(self, day: int) -> list[int]:
        kept = self.days.get(day)
        hours = [0] * (SLOTS // _SLOTS_PER_HOUR)
        if kept is not None:
            for slot, n in kept.counts.items():
                hours[slot // _SLOTS_PER_HOUR] += n
        return hours

    def _level_spread(self, days: list[int]) -> float:
        """Relative standard deviation of whole days about the usual one, what chance explains left out."""
        totals = {day: sum(self._hours(day)) for day in days}
        peers = {day: [other for other in days if weekday(other) == weekday(day)] for day in days}
        if not totals or any(len(each) < WHOLE_WEEKS for each in peers.values()):
            peers = dict.fromkeys(days, days)
        squares = chance = 0.0
        freedom = 0.0
        for day in days:
            usual = sum(totals[other] for other in peers[day]) / len(peers[day])
            if usual > 0 and len(peers[day]) > 1:
                # An incident of a day is pulled in like that of a quarter of an hour.
                squares += min((totals[day] / usual - 1) ** 2, 1.0)
                chance += self._dispersion / usual
                freedom += 1 - 1 / len(peers[day])
        return sqrt(max(0.0, squares / freedom - chance / len(days))) if freedom else 0.0

    def _estimate(self, date: int, slot: int) -> Expected | None:
        weekend, name = is_weekend(date), weekday(date)
        days = [day for day in self._past if is_weekend(day) == weekend and self._slots.exposure(day)[slot]]
        if len(days) < LEAST_DAYS:
            return None
        weights = self._weights(days, slot)
        seen = [(day, *self._smoothed(day, weights)) for day in days]
        own = [each for each in seen if weekday(each[0]) == name]
        share = min(1.0, len(own) / WHOLE_WEEKS)
        rate = (1 - share) * _rate(date, seen, seen)
        if own:
            rate += share * _rate(date, own, own if share == 1.0 else seen)
        variance = sum(weight**2 for weight in weights.values()) / sum(weights.values()) ** 2
        variance *= (1 - share) ** 2 / len(seen) + (share**2 / len(own) if own else 0.0)
        chance = self._dispersion * variance / max(rate * SLOT_MINUTES, _LEAST_SLOT)
        return Expected(rate, sqrt(self._levels[weekend] ** 2 + chance))

    def _weights(self, days: list[int], slot: int) -> dict[int, int]:
        """How much a slot and each of its neighbours count: one across a step not at all."""
        weights = {slot: 2}
        here = self._count(days, slot)
        for near in (slot - 1, slot + 1):
            if 0 <= near < SLOTS:
                there = self._count(days, near)
                if abs(here - there) <= _STEP * sqrt(self._dispersion * (here + there)):
                    weights[near] = 1
        return weights

    def _count(self, days: list[int], slot: int) -> int:
        return sum(self.days[day].counts.get(slot, 0) for day in days if day in self.days)

    def _smoothed(self, day: int, weights: dict[int, int]) -> tuple[float, float]:
        """Count and minutes of a slot on one day."""
        kept, exposure = self.days.get(day), self._slots.exposure(day)
        count = minutes = 0.0
        for at, weight in weights.items():
            minutes += weight * exposure[at]
            if kept is not None:
                count += weight * kept.counts.get(at, 0)
        whole = sum(weights.values())
        return count / whole, minutes / whole


def _rate(date: int, days: list[tuple[int, float, float]], peers: list[tuple[int, float, float]]) -> float:
    """Weighted counts a minute, each no further from its peers' median than an ordinary day takes it."""
    middle = median(count / minutes for _, count, minutes in peers)
    above = exposed = 0.0
    for day, count, minutes in days:
        weight = 0.5 ** ((date - day) / HALF_LIFE_DAYS)
        usual = middle * minutes
        above += weight * min(max(count, usual / 2 - 3), 2 * usual + 5)
        exposed += weight * minutes
    return above / exposed if exposed else 0.0


def _dispersion(residuals: Iterable[float], freedom: int) -> float:
    ordered = sorted(residuals)
    if freedom < 1:
        return 1.0
    kept = ordered[: len(ordered) - int(len(ordered) * _TRIMMED)]
    share = freedom / len(ordered)
    correction = _TRIMMED_MEAN if len(kept) < len(ordered) else 1.0
    return max(1.0, sum(kept) / len(kept) / share / correction)
