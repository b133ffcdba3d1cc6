"""What metrics.live must say in the end, by the formulas of docs/reference/metrics.md, written down a second time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MINUTE = 60_000
KINDS = {"15min": 15 * MINUTE, "30min": 30 * MINUTE, "60min": 60 * MINUTE, "day": 1_440 * MINUTE}
THRESHOLDS = (2, 4)
SHORT_ABANDON = 1_000

_LEVELS: dict[str, tuple[str, str]] = {
    "answered_over_offered": ("answered<", "legs"),
    "answered_over_answered": ("answered<", "answered"),
    "excl_short": ("answered<", "legs -short"),
    "removed_erlang": ("answered< abandoned<", "legs"),
    "connect": ("answered< abandoned< callback<", "legs"),
    "genesys": ("answered<", "answered abandoned"),
    "genesys_flowouts": ("answered<", "answered abandoned flow_out"),
    "genesys_no_short": ("answered<", "answered abandoned -short"),
    "genesys_flowouts_no_short": ("answered<", "answered abandoned flow_out -short"),
    "genesys_no_abandons": ("answered<", "answered"),
    "genesys_flowouts_no_abandons": ("answered<", "answered flow_out"),
    "talkdesk_contacts": ("answered<", "answered abandoned timeout missed"),
    "talkdesk_contacts_no_short": ("answered<", "answered abandoned timeout missed -short"),
    "talkdesk_calls": ("answered< missed<", "answered missed"),
    "asterisk_perf": ("completed<", "completed"),
    "asterisk_perf2": ("completed< asterisk_abandoned<", "completed asterisk_abandoned"),
}
"""Variant -> terms of its numerator and of its denominator; `<`: those that waited no longer than the threshold."""

_LIVE: dict[str, tuple[str, str]] = {
    "answered_over_offered_live": ("answered<", "legs"),
    "answered_over_offered_live_low": ("answered<", "legs"),
    "answered_over_offered_live_high": ("answered<", "legs"),
    "connect_live": ("answered< abandoned< callback<", "legs"),
    "connect_live_low": ("answered< abandoned< callback<", "legs"),
    "connect_live_high": ("answered< abandoned< callback<", "legs"),
}
"""The same where nobody waits any more."""

_REASONS = {
    "abandoned": {"abandoned"},
    "callback": {"callback"},
    "timeout": {"timeout"},
    "missed": {"empty", "withdrawn", "system"},
    "asterisk_abandoned": {"abandoned", "timeout", "empty", "withdrawn"},
}

Number = list[float | None]
"""Value, numerator, denominator; durations in seconds."""


@dataclass(frozen=True)
class Leg:
    """What became of one stay in a queue: when it began (ms), its outcome, how long it was waited and handled (ms)."""

    channel: str
    queue: str
    at: int
    outcome: str
    wait: int
    handled: int | None


def windows_of(legs: Sequence[Leg], menus: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """Every scope and window in which something happened. `menus`: channel and instant of ends in a menu."""
    groups: dict[tuple[Any, ...], list[Leg]] = defaultdict(list)
    for leg in legs:
        for channel in (None, leg.channel):
            for queue in (None, leg.queue):
                for window in _windows(leg.at):
                    groups[channel, queue, *window].append(leg)
    ends: Counter[tuple[Any, ...]] = Counter()
    for own, at in menus:
        ends.update((channel, None, *window) for channel in (None, own) for window in _windows(at))
    return [
        {
            "channel": channel,
            "queue": queue,
            "kind": kind,
            "start": start,
            "end": None if start is None else start + KINDS[kind],
            "metrics": _metrics(
                groups.get((channel, queue, kind, start), []),
                None if queue is not None else ends[channel, queue, kind, start],
                live=kind == "all",
            ),
        }
        for channel, queue, kind, start in dict.fromkeys((*groups, *ends))
    ]


def _windows(at: int) -> list[tuple[str, int | None]]:
    return [("all", None), *((kind, at // size * size) for kind, size in KINDS.items())]


def _metrics(legs: Sequence[Leg], left_in_ivr: int | None, *, live: bool) -> dict[str, Number]:
    answered = [leg.wait for leg in legs if leg.outcome == "answered"]
    abandoned = [leg.wait for leg in legs if leg.outcome == "abandoned"]
    handled = [leg.handled for leg in legs if leg.handled is not None]
    waits = [leg.wait for leg in legs]
    short = sum(wait <= SHORT_ABANDON for wait in abandoned)
    n = len(legs)
    metrics: dict[str, Number] = {
        "contacts_offered": [n, None, None],
        "contacts_answered": [len(answered), None, None],
        "contacts_abandoned": [len(abandoned), None, None],
        "contacts_short_abandoned": [short, None, None],
        "contacts_flow_out": [n - len(answered) - len(abandoned), None, None],
        "abandonment_rate": _share(len(abandoned), n),
        "abandonment_rate_excl_short": _share(len(abandoned) - short, n - short),
        "answer_rate": _share(len(answered), n),
        "average_speed_of_answer": _mean(answered),
        "average_abandon_time": _mean(abandoned),
        "average_handle_time": _mean(handled),
        "longest_wait": [max(waits) / 1_000 if waits else None, None, None],
    }
    if left_in_ivr is not None:
        metrics["contacts_left_in_ivr"] = [left_in_ivr, None, None]
    if live:
        metrics["contacts_in_queue"] = [0, None, None]
        metrics["oldest_waiting"] = [None, None, None]
        metrics["mean_patience"] = _share(sum(waits) / 1_000, len(abandoned))
    for threshold in THRESHOLDS:
        for variant, (numerator, denominator) in (_LEVELS | _LIVE if live else _LEVELS).items():
            metrics[f"service_level.{variant}@{threshold}"] = _share(
                _sum(numerator, legs, threshold * 1_000), _sum(denominator, legs, threshold * 1_000)
            )
    return metrics


def _sum(terms: str, legs: Sequence[Leg], threshold: int) -> int:
    return sum(_count(term, legs, threshold) for term in terms.split())


def _count(term: str, legs: Sequence[Leg], threshold: int) -> int:
    within = term.endswith("<")
    name = term.rstrip("<")
    if name == "-short":
        return -sum(leg.outcome == "abandoned" and leg.wait <= SHORT_ABANDON for leg in legs)
    return sum(_is(name, leg) and (not within or leg.wait <= threshold) for leg in legs)


def _is(term: str, leg: Leg) -> bool:
    if term == "legs":
        return True
    if term == "answered":
        return leg.outcome == "answered"
    if term == "completed":
        return leg.handled is not None
    if term == "flow_out":
        return leg.outcome not in ("answered", "abandoned")
    return leg.outcome in _REASONS[term]


def _share(part: float, whole: float) -> Number:
    return [part / whole if whole > 0 else None, part, whole]


def _mean(durations: Sequence[int]) -> Number:
    return _share(sum(durations) / 1_000, len(durations))
