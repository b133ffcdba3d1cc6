"""When calls and messages arrive: a Poisson process whose rate goes with hour, weekday and the day's own luck."""

from datetime import date, datetime
from math import inf
from random import Random

from streams.simulator.plan import HOURS, WEEKDAYS, DeskPlan, Incident, Plan, QueuePlan

SPREAD = 0.08
"""Standard deviation of a day's factor: real days differ by more than chance explains."""

_LARGEST = 1.25
_HOUR = 3_600.0


class Arrivals:
    """Arrivals of one queue or desk, by thinning (Lewis and Shedler, 1979): candidates come at the largest rate, and
    each is kept with the share that the rate of its moment has of it."""

    def __init__(self, plan: Plan, queue: QueuePlan | DeskPlan, seed: str, incident: Incident | None) -> None:
        self._queue = queue
        self._zone = plan.zone
        self._seed = seed
        self._incident = incident if incident is not None and incident.queue == queue.name else None
        self._random = Random(f"{seed}/arrivals/{queue.name}")  # noqa: S311 - a simulation is to be repeatable
        factor = self._incident.factor if self._incident else 1.0
        self._largest = queue.per_hour * max(HOURS) * max(WEEKDAYS) * _LARGEST * factor
        self._days: dict[date, float] = {}

    def rate(self, at: float) -> float:
        """Calls, or requests in writing, an hour at a time (seconds since the epoch)."""
        local = datetime.fromtimestamp(at, self._zone)
        rate = self._queue.per_hour * HOURS[local.hour] * WEEKDAYS[local.weekday()] * self._day(local.date())
        if self._incident is not None and self._incident.covers(self._queue.name, at):
            rate *= self._incident.factor
        return rate

    def next(self, after: float, until: float = inf) -> float:
        """The next arrival after a time; `inf` if there is none before `until`."""
        at = after
        while True:
            at += self._random.expovariate(self._largest / _HOUR)
            if at >= until:
                return inf
            if self._random.random() * self._largest < self.rate(at):
                return at

    def _day(self, day: date) -> float:
        factor = self._days.get(day)
        if factor is None:
            luck = Random(f"{self._seed}/day/{day}").gauss(1.0, SPREAD)  # noqa: S311 - repeatable
            factor = self._days[day] = min(_LARGEST, max(2 - _LARGEST, luck))
        return factor
