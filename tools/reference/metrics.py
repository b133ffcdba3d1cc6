"""docs/reference/metrics.md, of the catalogue of metrics."""

from collections.abc import Callable

from schemas.definition import Definition
from schemas.definitions import CATALOGUE
from schemas.policies import MetricSettings
from schemas.service_levels import TERMS
from tools.reference.tables import code, table

_HEAD = """# Metrics

What every id on `metrics.live` and in a backtest's result means. A record holds all metrics of one scope (the whole
floor `{{}}`, a channel, a queue, a queue on a channel; of promises also a policy, a policy in a queue, or a
segment) and one window. Windows are of kind `15min`, `30min`, `60min`,
`day` (local, by `metrics.timezone`) and `all`, and for the wallboard `rolling15min`, `rolling30min`, `rolling60min`.
**A contact counts in the window in which it was offered**, whenever it was answered or left, so a closed window can
still be amended: its `revision` rises.

Every number comes with `version` (of its definition), `n` (observations) and, where it is a quotient, `numerator` and
`denominator`: sums of them over scopes and windows are exact, averages of averages are not. Ratios are fractions from
0 to 1, with their 95 % interval (Wilson) as `interval`; durations are seconds. `value` is null where nothing was
observed, never 0. What an id means changes only together with its version.

`@X` stands for a threshold of `metrics.thresholds` in seconds, inclusive (`service_level.connect@20`), `.STATE` for a
state of an agent (`agents_by_state.away`), `.CLOCK` for a clock of a policy
(`sla_compliance.first_reply`). The short-abandon limit is `metrics.short_abandon`, {short:g} s where
nothing else is set. A *leg* of a queue has ended when the contact was answered or left.

"""

_SHOWN = {
    "always": "everywhere",
    "live": "windows that end now",
    "without_queue": "not for a queue",
    "staffed": "windows that end now; floor and queues, all channels",
    "floor": "the whole floor",
    "promised": "where a clock was decided; also by policy, policy and queue, and segment",
    "promised_live": (
        "windows that end now, where a clock was decided or is open; also by policy, policy and queue, and segment"
    ),
    "fulfilled": "where such a clock was fulfilled; also by policy, policy and queue, and segment",
    "surveyed": "where a survey was answered",
    "solved": "where a contact was solved or opened again",
}
_BETTER = {"higher": "more", "lower": "less", "neutral": ""}

_QUANTILES = (
    " `_median` and `_p90` (nine in ten took no longer) are told beside each mean, which a single long one moves. "
    "They are within 0.8 % of those of the values, which are counted in buckets of an HdrHistogram. `n` is the number "
    "of values, and `interval` where the quantile lies with 95 % (order statistics; null for fewer than 6 values, 45 "
    "for the 90th percentile). Of fewer than 10 values they say little: the gateway says `low_n`. Quantiles of "
    "several scopes or windows can't be put together: take that of the scope or window that holds them."
)

_CHAPTERS: tuple[tuple[str, str, Callable[[Definition], bool]], ...] = (
    (
        "Counts",
        "How many, by the window of the offer.",
        lambda metric: metric.unit in ("contacts", "agents") and metric.shown in ("always", "without_queue"),
    ),
    (
        "Times",
        "Means and extremes over what has ended.",
        lambda metric: metric.unit == "s" and metric.shown == "always",
    ),
    (
        "Agents' time",
        (
            "Sums over all agents, never means of their shares. Time counts when it was spent, whenever its contact "
            "was offered; in a window that has not ended, up to the watermark. `numerator` and `denominator` are "
            "seconds, and `n` the whole seconds of the denominator; time is no sample and has no `interval`. What "
            "comes to be known later corrects it, until the time is folded after three days."
        ),
        lambda metric: metric.shown == "floor",
    ),
    (
        "Promises",
        (
            "What became of the clocks of policies, of each clock by itself. **A clock counts in the window in which "
            "it was decided**: done in time when it was done, breached when it was due. A correction amends the window."
        ),
        lambda metric: metric.suffix == ".CLOCK",
    ),
    (
        "Surveys",
        (
            "By the window of the answer. Points go from -100 to 100 and are 100 x `numerator` / `denominator`, scores "
            "are on the survey's own scale. Of fewer answers than 30 (points: 100), or where half of the interval of a "
            "share is wider than 15 points, the number says little: the gateway says `low_n`."
        ),
        lambda metric: metric.shown == "surveyed",
    ),
    (
        "Durations of promises",
        (
            "How long the clocks of policies took that came to their end, in time or late: in open time of the "
            "policy's calendar, without pauses. **They count in the window of that end.** Of contacts to whom nothing "
            "of the kind was promised there is none." + _QUANTILES
        ),
        lambda metric: metric.shown == "fulfilled",
    ),
    (
        "Resolutions",
        (
            "By the window of the solve, of contacts whose status is told; solved and closed are one, and what becomes "
            "of a contact after it was merged into another does not count. What is heard late or corrected amends the "
            "windows. Of a contact that is settled (closed for a day, or solved for a month) nothing more is told. "
            "Medians and 90th percentiles are as above."
        ),
        lambda metric: metric.shown == "solved",
    ),
    (
        "Rates",
        "Shares of the offers whose leg has ended.",
        lambda metric: metric.unit == "fraction" and not _is_service_level(metric),
    ),
    (
        "Now",
        "As of the watermark, for kind `all` and the rolling windows.",
        lambda metric: metric.shown in ("live", "staffed") and not _is_service_level(metric),
    ),
    (
        "Service levels",
        (
            "The same calls, by everybody's definition side by side. Those in `_live` also count who has waited longer "
            "than X already; `_live_low` and `_live_high` are the least and the most that can still become of it."
        ),
        lambda metric: _is_service_level(metric),
    ),
)


def _is_service_level(metric: Definition) -> bool:
    return metric.id.startswith("service_level.")


def page() -> str:
    """The page."""
    metrics = list(CATALOGUE.values())
    text = _HEAD.format(short=MetricSettings().short_abandon_ms / 1000)
    told: set[str] = set()
    for title, words, belongs in _CHAPTERS:
        rows = [metric for metric in metrics if belongs(metric) and metric.id not in told]
        told |= {metric.id for metric in rows}
        text += f"## {title}\n\n{words}\n\n" + _rows(rows)
    missing = [metric.id for metric in metrics if metric.id not in told]
    if missing:
        raise ValueError(f"no chapter of docs/reference/metrics.md takes {', '.join(missing)}")
    terms = table(("term", "counts"), ((code(term), words) for term, words in TERMS.items()))
    return (
        text
        + "### Terms of the service levels\n\nWhat numerators and denominators are sums of.\n\n"
        + terms.rstrip("\n")
        + "\n"
    )


def _rows(metrics: list[Definition]) -> str:
    return table(
        ("id", "unit", "better", "meaning", "formula", "shown", "version", "definition after"),
        (
            (
                code(metric.id + metric.suffix),
                metric.unit,
                _BETTER[metric.direction],
                metric.meaning,
                metric.formula.replace(" + less ", " - "),
                _SHOWN[metric.shown],
                str(metric.version),
                metric.source,
            )
            for metric in metrics
        ),
    )
