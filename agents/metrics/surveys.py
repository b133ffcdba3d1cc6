"""Surveys: satisfaction, recommendation and effort, of the counts of every score."""

from collections.abc import Callable

from agents.metrics.evaluate import mean, share
from agents.metrics.ledger import Counts
from schemas.definitions import CATALOGUE
from schemas.live import Metric
from schemas.statistics import net_interval

MEASURE = "survey:"
_OTHER = "other"
_RANGES: dict[tuple[str, str], tuple[int, int]] = {
    ("csat", "5"): (100, 500),
    ("csat", "1"): (0, 100),
    ("nps", "10"): (0, 1000),
    ("ces", "7"): (100, 700),
}
"""Kind and scale -> the lowest and the highest score x 100. Of other answers only the number counts."""

_VERSIONS = {name: each.version for name, each in CATALOGUE.items() if each.shown == "surveyed"}
_DIGITS = 6

Scores = dict[int, int]
"""Score x 100 -> how many gave it."""


def name_of(measure: str, value: int) -> str | None:
    """What an answer is counted as in the ledger; None for a measure that is none of a survey."""
    if not measure.startswith(MEASURE):
        return None
    kind, _, scale = measure[len(MEASURE) :].partition(":")
    low, high = _RANGES.get((kind, scale), (1, 0))
    if not low <= value <= high or (scale == "1" and value not in (low, high)):
        return f"{_OTHER}:0:0"
    return f"{kind}:{scale}:{value}"


def surveyed(counts: Counts) -> dict[str, Metric]:
    """The metrics of every kind of survey that was answered."""
    scores: dict[str, Scores] = {}
    for name, n in counts.items():
        kind, *rest = name.split(":")
        if len(rest) == 2:
            scores.setdefault(f"{kind}:{rest[0]}", {})[int(rest[1])] = n
    metrics: dict[str, Metric] = {}
    if scores:
        answered = sum(sum(each.values()) for each in scores.values())
        metrics["surveys_answered"] = Metric(value=answered, n=answered, version=_VERSIONS["surveys_answered"])
    five, two = scores.get("csat:5", {}), scores.get("csat:1", {})
    if five or two:
        satisfied = _number(five, lambda score: score >= 400) + _number(two, lambda score: score == 100)
        metrics["csat"] = share(satisfied, _number(five) + _number(two), _VERSIONS["csat"])
    if five:
        metrics["csat_mean"] = _mean("csat_mean", five)
    if ten := scores.get("nps:10"):
        promoters, detractors = _number(ten, lambda score: score >= 900), _number(ten, lambda score: score <= 600)
        metrics["nps"] = _net("nps", promoters, detractors, _number(ten))
    if seven := scores.get("ces:7"):
        agree = _number(seven, lambda score: score >= 500)
        easy, hard = _number(seven, lambda score: score >= 600), _number(seven, lambda score: score <= 300)
        metrics["ces_mean"] = _mean("ces_mean", seven)
        metrics["ces_agree"] = share(agree, _number(seven), _VERSIONS["ces_agree"])
        metrics["ces_index"] = _net("ces_index", easy, hard, _number(seven))
    return metrics


def _number(scores: Scores, counts: Callable[[int], bool] = lambda _: True) -> int:
    return sum(n for score, n in scores.items() if counts(score))


def _mean(metric: str, scores: Scores) -> Metric:
    total = sum(score * count for score, count in scores.items())
    return mean(total / 100, _number(scores), _VERSIONS[metric])


def _net(metric: str, up: int, down: int, n: int) -> Metric:
    """A difference of two shares in points."""
    interval = net_interval(up, down, n)
    return Metric(
        value=100 * (up - down) / n if n > 0 else None,
        n=n,
        version=_VERSIONS[metric],
        numerator=up - down,
        denominator=n,
        interval=None if interval is None else (round(interval[0], _DIGITS), round(interval[1], _DIGITS)),
    )
