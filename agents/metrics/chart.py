"""Chart: one one-sided CUSUM of one series, and the episode that it found."""

from math import log
from typing import Literal, NamedTuple

import msgspec

from agents.metrics.cusum import Tilt, add_up, tilt

FLOOR = 1 / 60
"""Arrivals a minute below which a queue counts as closed: a busier night is judged against one an hour."""

LEAST_RATIO = 1.2
"""A shift that is no larger, once it is measured from the busiest usual day, cannot be told from that day."""

BACK = log(240)
"""Evidence of being back that ends an episode: one at exactly the ratio sought ends so by chance in 4 h or more."""

IDLE_MINUTES = 30
"""A chart begins anew, and an episode ends, after so long without anything to expect; where too many arrivals are
looked for, without any arrival as well."""

FALLEN = 0.2
"""Of what was usual when an episode of too many arrivals was found: where less is usual now, or nothing is known of it,
too few come to tell that it is over, and it would go on until the next morning."""

PAUSE_MINUTES = 45
"""Then it ends after so long without an arrival. Of twice two calls an hour such a pause comes by chance in 4 h or
more, of more calls more seldom."""


class Step(NamedTuple):
    """How a chart moves in one slot: an arrival adds `gain`, a minute takes `allowance`. `rate`: what is usual."""

    rate: float
    gain: float
    allowance: float


class Chart(msgspec.Struct, array_like=True):
    """`since`: the minute after the statistic was last 0; `observed`, `expected`: arrivals since then.

    `opened`: id of the episode, `back`: evidence that it is over, `idle`: minutes in a row without anything to expect,
    or of a pause; `usual`: arrivals a minute that were expected when the episode was found.
    """

    statistic: float = 0.0
    since: int | None = None
    observed: int = 0
    expected: float = 0.0
    opened: str | None = None
    back: float = 0.0
    idle: int = 0
    usual: float = 0.0

    def tick(self, minute: int, count: int, step: Step, limit: float) -> Literal["open", "close"] | None:
        """Take one minute; says what is to be done now: open an episode (set `opened`) or close it (`clear`)."""
        least = FLOOR if step.gain < 0 else max(FLOOR, FALLEN * self.usual)
        closed = step.rate < least and (count == 0 or step.gain < 0)
        self.idle = self.idle + 1 if closed else 0
        if self.opened is not None:
            self.observed += count
            self.expected += step.rate
            self.back = add_up(self.back, count, -step.gain, -step.allowance)
            enough = IDLE_MINUTES if step.rate < FLOOR else PAUSE_MINUTES
            return "close" if self.back >= BACK or self.idle >= enough else None
        if self.idle >= IDLE_MINUTES:
            self.statistic = 0.0
        self.statistic = add_up(self.statistic, count, step.gain, step.allowance)
        if not self.statistic:
            self.since, self.observed, self.expected = None, 0, 0.0
            return None
        if self.since is None:
            self.since = minute
        self.observed += count
        self.expected += step.rate
        if self.statistic < limit:
            return None
        self.usual = self.expected / (minute - self.since + 1)
        return "open"

    def tick_unknown(self, count: int) -> Literal["close"] | None:
        """Take one minute of which nobody knows what is usual: an episode of too many arrivals ends where none come."""
        if self.opened is None:
            return None
        self.idle = 0 if count else self.idle + 1
        return "close" if self.idle >= PAUSE_MINUTES else None

    def clear(self) -> None:
        """Begin anew."""
        self.statistic, self.since, self.observed, self.expected = 0.0, None, 0, 0.0
        self.opened, self.back, self.idle, self.usual = None, 0.0, 0, 0.0


class Steps(NamedTuple):
    """The steps of both charts of a series in one slot."""

    high: Step
    low: Step


def steps(rate: float, spread: float, dispersion: float, *, high: float, low: float) -> Steps | None:
    """How the charts move where so many arrivals a minute are usual, give or take `spread` (relative).

    What counts as unmoved goes one of these to either side: a busy day is no trend, and a rate of which little is
    known is taken for one that may be higher. None where that leaves nothing of the ratios sought.
    """
    busiest = max(rate * (1 + spread), FLOOR)
    margin = busiest / max(rate, FLOOR)
    if high / margin < LEAST_RATIO or low * margin > 1 / LEAST_RATIO:
        return None
    return Steps(
        _step(tilt(high / margin, dispersion), rate, busiest),
        _step(tilt(low * margin, dispersion), rate, rate / margin),
    )


def _step(of: Tilt, rate: float, unmoved: float) -> Step:
    return Step(rate, of.gain, of.cost * unmoved)
