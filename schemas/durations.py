"""The catalogue of durations of cases: how long it took, each as a mean, as a median and as a 90th percentile."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from schemas.definition import Definition
from schemas.policies import ClockName

_ZENDESK = "Zendesk, native ticket metrics"


class Duration(NamedTuple):
    """A duration of which the mean goes by `id`. `what`: which time it is and when it counts."""

    id: str
    what: str
    values: str
    shown: Literal["fulfilled", "solved"]
    source: str = _ZENDESK


class Quantile(NamedTuple):
    """One of the quantiles of a duration: the id of its mean, and how many in a hundred are no longer."""

    of: str
    percent: int


_OF_CLOCK = "time {what}, as the clock {clock} measured it; by the minute of its end."
_CLOCKS: dict[ClockName, tuple[str, str]] = {
    "first_reply": ("first_response_time", "until an agent first replied"),
    "next_reply": ("next_response_time", "until an agent replied to what the customer wrote next, of each such reply"),
    "requester_wait": ("requester_wait_time", "that customers waited in all until they were solved"),
    "agent_work": ("agent_work_time", "that contacts lay with agents until they were solved"),
    "total_resolution": ("total_resolution_time", "until contacts were solved"),
}

OF_CLOCKS: dict[ClockName, str] = {clock: metric for clock, (metric, _) in _CLOCKS.items()}
"""Clock -> the metric of how long it took until it was fulfilled."""

_BY_CALENDAR = (
    " in open time of the calendar by which its total resolution is promised at that solve, for the whole of it; "
    "contacts without such a calendar are not in it."
)

DURATIONS: tuple[Duration, ...] = (
    *(
        Duration(
            metric,
            _OF_CLOCK.format(what=what, clock=clock),
            f"what each fulfilled {clock} measured",
            "fulfilled",
            "Zendesk, SLA policies",
        )
        for clock, (metric, what) in _CLOCKS.items()
    ),
    Duration(
        "first_resolution_time",
        "time from a contact's beginning until it was first solved, round the clock; by the minute of that solve. One "
        "whose beginning nobody told is not in it.",
        "(first solve - beginning) of contacts solved for the first time",
        "solved",
    ),
    Duration(
        "full_resolution_time",
        "time from a contact's beginning until it was last solved, round the clock, the time in which it was solved "
        "before included; by the minute of that solve. Opened again and solved again, it moves there.",
        "(last solve - beginning) of contacts by their last solve",
        "solved",
    ),
    Duration(
        "first_resolution_time_business",
        "time from a contact's beginning until it was first solved," + _BY_CALENDAR,
        "open time from the beginning to the first solve of such contacts",
        "solved",
    ),
    Duration(
        "full_resolution_time_business",
        "time from a contact's beginning until it was last solved," + _BY_CALENDAR,
        "open time from the beginning to the last solve of such contacts",
        "solved",
    ),
)

QUANTILES: dict[str, Quantile] = {
    f"{duration.id}_{name}": Quantile(duration.id, percent)
    for duration in DURATIONS
    for name, percent in (("median", 50), ("p90", 90))
}
"""Metric -> of which duration it is which quantile."""

_WORDS = {50: "Median", 90: "90th percentile"}


def quantiles_of(metric: str) -> dict[str, int]:
    """The quantiles of a duration: metric -> how many in a hundred are no longer."""
    return {name: percent for name, (of, percent) in QUANTILES.items() if of == metric}


def definitions() -> Iterator[Definition]:
    """Of every duration its mean and its quantiles."""
    for duration in DURATIONS:
        yield _defined(duration, duration.id, f"Mean {duration.what}", "mean")
        for metric, percent in quantiles_of(duration.id).items():
            meaning = f"{_WORDS[percent]} of what `{duration.id}` is the mean of."
            yield _defined(duration, metric, meaning, f"{percent} % quantile")


def _defined(duration: Duration, metric: str, meaning: str, what: str) -> Definition:
    return Definition(
        id=metric,
        unit="s",
        direction="lower",
        meaning=meaning,
        formula=f"{what} of {duration.values}",
        source=duration.source,
        shown=duration.shown,
    )
