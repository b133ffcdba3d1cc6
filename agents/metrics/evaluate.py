"""Evaluate: the published metrics of a tally, each by its definition."""

from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

import msgspec

from agents.metrics.roster import STATES
from agents.metrics.staffing import Spent
from agents.metrics.tally import CODES, Layout, Tally
from agents.metrics.waiting import QueueNow
from schemas.definitions import CATALOGUE
from schemas.live import Metric
from schemas.policies import MetricSettings
from schemas.service_levels import SERVICE_LEVELS, TERMS, service_level_id
from schemas.statistics import wilson

_TERM = {term: at for at, term in enumerate(TERMS)}
_ZERO = len(TERMS)
_ANSWERED, _ABANDONED, _SHORT = _TERM["answered"], _TERM["abandoned"], _TERM["-short"]
_FLOW_OUT, _LEGS, _TIMEOUT, _MISSED = _TERM["flow_out"], _TERM["legs"], _TERM["timeout"], _TERM["missed"]
_ASTERISK, _COMPLETED = _TERM["asterisk_abandoned"], _TERM["completed"]
_ANSWERED_WITHIN, _ABANDONED_WITHIN = _TERM["answered_within"], _TERM["abandoned_within"]
_CALLBACK_WITHIN, _MISSED_WITHIN = _TERM["callback_within"], _TERM["missed_within"]
_ASTERISK_WITHIN, _COMPLETED_WITHIN = _TERM["asterisk_abandoned_within"], _TERM["completed_within"]
_OVERDUE, _UNDECIDED, _WAITING = _TERM["overdue"], _TERM["undecided"], _TERM["waiting"]

_LEFT = tuple(code for measure, code in CODES.items() if measure.startswith("left:"))
_MISSES = (CODES["left:empty"], CODES["left:withdrawn"], CODES["left:system"])
# Asterisk counts these four; a caller lost in its restart is in none of its counters.
_ASTERISK_ABANDONS = tuple(CODES[f"left:{reason}"] for reason in ("abandoned", "timeout", "empty", "withdrawn"))
_KNOWN = 4096
_DIGITS = 6
_encode = msgspec.json.Encoder().encode
_Pick = Callable[[tuple[int, ...]], tuple[int, ...]]


class _Level(NamedTuple):
    """A service level at one threshold, ready to be summed."""

    id: str
    version: int
    numerator: _Pick
    denominator: _Pick


class Fixed(NamedTuple):
    """What a tally says whatever the time: its metrics (see `encoded`), and the terms that the live ones need.

    `terms`: by threshold, the count of each of TERMS and a 0. `waited_ms`: sum of all completed waits.
    """

    metrics: bytes
    terms: dict[int, list[int]]
    waited_ms: int
    abandoned: int


def _pick(terms: tuple[str, ...]) -> _Pick:
    # One more that is always 0: itemgetter gives a tuple only for two and more.
    return itemgetter(*(_TERM[term] for term in terms), _ZERO, _ZERO)


class Evaluator:
    """Turns tallies into metrics under given settings (thresholds in ms, inclusive)."""

    def __init__(self, settings: MetricSettings) -> None:
        self.layout = Layout((*settings.thresholds_ms, settings.short_abandon_ms))
        self._short_ms = settings.short_abandon_ms
        self._thresholds = tuple(sorted(set(settings.thresholds_ms)))
        self._known: dict[tuple[int, ...], Fixed] = {}
        self._versions = {name: definition.version for name, definition in CATALOGUE.items()}

    def fixed(self, tally: Tally, *, of_queue: bool) -> Fixed:
        """The metrics of a tally; `of_queue`: of one queue, in which nobody can leave an IVR."""
        # With one channel, a queue and the queue on it count the same; and much is sent again as only time passes.
        known = (of_queue, tally.longest, *tally.counts)
        fixed = self._known.get(known)
        if fixed is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            fixed = self._known[known] = self._evaluate(tally, of_queue=of_queue)
        return fixed

    def live(self, fixed: Fixed, queue: QueueNow | None, agents: dict[str, int] | None) -> list[bytes]:
        """What a window as of the clock has more (see `encoded`): `queue` says who waits, `agents` how many per
        state."""
        metrics: dict[str, Metric] = {}
        levels: list[bytes] = []
        if queue is not None:
            clock, instants, cohort = queue
            waiting = len(instants)
            oldest = max(0, clock - instants[0]) / 1000 if waiting else None
            ages_ms = len(cohort) * clock - sum(cohort)
            metrics["contacts_in_queue"] = self._count("contacts_in_queue", waiting)
            metrics["oldest_waiting"] = Metric(value=oldest, n=waiting, version=self._versions["oldest_waiting"])
            metrics["mean_patience"] = self._mean("mean_patience", fixed.waited_ms + ages_ms, fixed.abandoned)
            for threshold in self._thresholds:
                terms = fixed.terms[threshold]
                # "Within X" holds up to X itself, so a caller is overdue only beyond it.
                overdue = bisect_left(cohort, clock - threshold)
                terms[_OVERDUE], terms[_UNDECIDED], terms[_WAITING] = overdue, len(cohort) - overdue, len(cohort)
                levels.append(_said_of(threshold, True, tuple(terms)))
        if agents:
            version, n = self._versions["agents_by_state"], sum(agents.values())
            for state in STATES:
                metrics[f"agents_by_state.{state}"] = Metric(value=agents.get(state, 0), n=n, version=version)
        return [encoded(metrics), *levels] if metrics else levels

    def occupancy(self, spent: Spent) -> bytes:
        """Agents' time in calls among that and their idle time, of which there is some; `n`: whole seconds of both."""
        busy, both = spent.busy, spent.busy + spent.idle
        metric = Metric(
            value=busy / both,
            n=both // 1000,
            version=self._versions["occupancy"],
            numerator=busy / 1000,
            denominator=both / 1000,
        )
        return encoded({"occupancy": metric})

    def _evaluate(self, tally: Tally, *, of_queue: bool) -> Fixed:
        counts = _Counts(tally.counts, self.layout)
        terms = counts.terms(self._short_ms)
        numbers, total = counts.numbers, counts.total
        answered, abandoned, short, legs = terms[_ANSWERED], terms[_ABANDONED], -terms[_SHORT], terms[_LEGS]
        metrics = {
            "contacts_offered": self._count("contacts_offered", numbers[CODES["offered"]]),
            "contacts_answered": self._count("contacts_answered", answered),
            "contacts_abandoned": self._count("contacts_abandoned", abandoned),
            "contacts_short_abandoned": self._count("contacts_short_abandoned", short),
            "contacts_flow_out": self._count("contacts_flow_out", terms[_FLOW_OUT]),
            "abandonment_rate": self._share("abandonment_rate", abandoned, legs),
            "abandonment_rate_excl_short": self._share("abandonment_rate_excl_short", abandoned - short, legs - short),
            "answer_rate": self._share("answer_rate", answered, legs),
            "average_speed_of_answer": self._mean("average_speed_of_answer", total("answered"), answered),
            "average_abandon_time": self._mean("average_abandon_time", total("left:abandoned"), abandoned),
            "average_handle_time": self._mean("average_handle_time", total("handled"), numbers[CODES["handled"]]),
            "longest_wait": Metric(
                value=tally.longest / 1000 if tally.longest >= 0 else None,
                n=legs,
                version=self._versions["longest_wait"],
            ),
        }
        if not of_queue:
            metrics["contacts_left_in_ivr"] = self._count("contacts_left_in_ivr", numbers[CODES["left_ivr"]])
        said = [encoded(metrics)]
        by_threshold = {}
        for threshold in self._thresholds:
            counts.set_within(terms, threshold)
            said.append(_said_of(threshold, False, tuple(terms)))
            by_threshold[threshold] = terms.copy()
        return Fixed(b",".join(said), by_threshold, counts.waited(), abandoned)

    def _count(self, metric: str, n: int) -> Metric:
        return Metric(value=n, n=n, version=self._versions[metric])

    def _mean(self, metric: str, total_ms: int, n: int) -> Metric:
        return mean(total_ms / 1000, n, self._versions[metric])

    def _share(self, metric: str, part: int, whole: int) -> Metric:
        return share(part, whole, self._versions[metric])


@lru_cache(maxsize=256)
def _levels(threshold: int, live: bool) -> tuple[_Level, ...]:
    return tuple(
        _Level(
            service_level_id(level.variant, threshold),
            level.version,
            _pick(level.numerator),
            _pick(level.denominator),
        )
        for level in SERVICE_LEVELS
        if level.live is live
    )


# Many scopes and windows share their numbers, and much is sent again as only time passes.
@lru_cache(maxsize=_KNOWN)
def _said_of(threshold: int, live: bool, terms: tuple[int, ...]) -> bytes:
    """Every service level within a threshold (see `encoded`), of those that are as of the clock or of the others."""
    said = [
        _encoded_share(metric, sum(numerator(terms)), sum(denominator(terms)), version)
        for metric, version, numerator, denominator in _levels(threshold, live)
    ]
    return b",".join(said)


def encoded(metrics: dict[str, Metric]) -> bytes:
    """Metrics as they stand in a record of metrics.live: JSON, without the braces."""
    return _encode(metrics)[1:-1]


@lru_cache(maxsize=1 << 15)
def _encoded_share(metric: str, part: int, whole: int, version: int) -> bytes:
    return encoded({metric: share(part, whole, version)})


@lru_cache(maxsize=1 << 15)
def share(part: int, whole: int, version: int) -> Metric:
    """A proportion with its interval."""
    interval = wilson(part, whole)
    return Metric(
        value=part / whole if whole > 0 else None,
        n=whole,
        version=version,
        numerator=part,
        denominator=whole,
        interval=None if interval is None else (round(interval[0], _DIGITS), round(interval[1], _DIGITS)),
    )


def mean(total: float, n: int, version: int) -> Metric:
    """A mean of `n` values."""
    return Metric(value=total / n if n > 0 else None, n=n, version=version, numerator=total, denominator=n)


class _Counts:
    """The numbers that a tally's list of counters holds."""

    __slots__ = ("_counts", "_layout", "numbers")

    def __init__(self, counts: list[int], layout: Layout) -> None:
        self._counts = counts
        self._layout = layout
        self.numbers = [sum(counts[at + 1 : at + layout.width]) for at in layout.base]

    def total(self, measure: str) -> int:
        """Sum of the measure's values, ms."""
        return self._counts[self._layout.base[CODES[measure]]]

    def waited(self) -> int:
        """Sum of all completed waits, ms."""
        return sum(self._counts[self._layout.base[code]] for code in (CODES["answered"], *_LEFT))

    def within(self, code: int, edge: int) -> int:
        """How many values of a measure are at most `edge` ms, one of the layout's."""
        at = self._layout.base[code] + 1
        return sum(self._counts[at : at + self._layout.upto[edge]])

    def terms(self, short_ms: int) -> list[int]:
        """The counts of TERMS in their order and a 0; those that depend on a threshold or on who waits are 0."""
        numbers = self.numbers
        answered, abandoned = numbers[CODES["answered"]], numbers[CODES["left:abandoned"]]
        flow_out = sum(numbers[code] for code in _LEFT) - abandoned
        terms = [0] * (_ZERO + 1)
        terms[_ANSWERED], terms[_ABANDONED], terms[_FLOW_OUT] = answered, abandoned, flow_out
        terms[_LEGS] = answered + abandoned + flow_out
        terms[_SHORT] = -self.within(CODES["left:abandoned"], short_ms)
        terms[_TIMEOUT] = numbers[CODES["left:timeout"]]
        terms[_MISSED] = sum(numbers[code] for code in _MISSES)
        terms[_ASTERISK] = sum(numbers[code] for code in _ASTERISK_ABANDONS)
        terms[_COMPLETED] = numbers[CODES["completed"]]
        return terms

    def set_within(self, terms: list[int], threshold: int) -> None:
        """Fill in the terms that depend on a threshold."""
        terms[_ANSWERED_WITHIN] = self.within(CODES["answered"], threshold)
        terms[_ABANDONED_WITHIN] = self.within(CODES["left:abandoned"], threshold)
        terms[_CALLBACK_WITHIN] = self.within(CODES["left:callback"], threshold)
        terms[_MISSED_WITHIN] = sum(self.within(code, threshold) for code in _MISSES)
        terms[_ASTERISK_WITHIN] = sum(self.within(code, threshold) for code in _ASTERISK_ABANDONS)
        terms[_COMPLETED_WITHIN] = self.within(CODES["completed"], threshold)
