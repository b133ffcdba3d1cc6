"""The catalogue of published metrics: one definition an id, with version, unit, formula and source.

A change of what an id means is a new version of it, never a silent one.
"""

from schemas.definition import Definition
from schemas.further_definitions import OF_CLOCK, PROMISES, RESOLUTIONS, SURVEYS
from schemas.policies import CLOCKS
from schemas.service_levels import SERVICE_LEVELS, TERMS, ServiceLevel

_CONNECT = "Amazon Connect, historical metrics definitions"
_CONNECT_NOW = "Amazon Connect, real-time metrics definitions"
_GENESYS = "Genesys Cloud, glossary and performance views"

_METRICS: tuple[Definition, ...] = (
    Definition(
        id="contacts_offered",
        unit="contacts",
        direction="neutral",
        meaning="Entries into a queue; a transfer to another queue is a new offer there.",
        formula="count of contact.offered",
        source=_CONNECT,
    ),
    Definition(
        id="contacts_answered",
        unit="contacts",
        direction="higher",
        meaning="First connections to an agent, one for each offer.",
        formula="count of contact.answered",
        source=_CONNECT,
    ),
    Definition(
        id="contacts_abandoned",
        unit="contacts",
        direction="lower",
        meaning="The customer disconnected while queued; callbacks and time-outs are none.",
        formula="count of contact.left_queue, reason abandoned",
        source=_CONNECT,
    ),
    Definition(
        id="contacts_short_abandoned",
        unit="contacts",
        direction="neutral",
        meaning="Abandoned after a wait of at most the short-abandon limit; they are among the abandoned too.",
        formula="count of contact.left_queue, reason abandoned, waited <= limit",
        source=_GENESYS,
    ),
    Definition(
        id="contacts_flow_out",
        unit="contacts",
        direction="lower",
        meaning="Left the queue neither answered nor abandoned: callback, time-out, key, transfer, lost.",
        formula="count of contact.left_queue, any reason but abandoned",
        source=_GENESYS,
    ),
    Definition(
        id="contacts_left_in_ivr",
        unit="contacts",
        direction="neutral",
        meaning="Ended before they entered any queue; not offered.",
        formula="count of contact.left_ivr",
        source="plain",
        shown="without_queue",
    ),
    Definition(
        id="abandonment_rate",
        unit="fraction",
        direction="lower",
        meaning="Share of the offers with an ended queue leg that were abandoned.",
        formula="abandoned / (answered + left)",
        source=_CONNECT,
    ),
    Definition(
        id="abandonment_rate_excl_short",
        unit="fraction",
        direction="lower",
        meaning="Abandonment rate without short abandons.",
        formula="(abandoned - short) / (answered + left - short)",
        source="common practice",
    ),
    Definition(
        id="answer_rate",
        unit="fraction",
        direction="higher",
        meaning="Share of the offers with an ended queue leg that were answered.",
        formula="answered / (answered + left)",
        source="plain",
    ),
    Definition(
        id="average_speed_of_answer",
        unit="s",
        direction="lower",
        meaning="Mean time in the queue of the answered.",
        formula="sum of waits of the answered / answered",
        source=_CONNECT,
    ),
    Definition(
        id="average_abandon_time",
        unit="s",
        direction="neutral",
        meaning="Mean time in the queue of those who abandoned.",
        formula="sum of waits of the abandoned / abandoned",
        source=_CONNECT,
    ),
    Definition(
        id="average_handle_time",
        unit="s",
        direction="neutral",
        meaning="Mean talk, hold and after-contact work of the handled.",
        formula="sum of (talk + hold + wrap-up) / handled",
        source=_CONNECT,
    ),
    Definition(
        id="longest_wait",
        unit="s",
        direction="lower",
        meaning="Largest completed time in the queue, answered or left.",
        formula="max of waits of the answered and the left",
        source=_CONNECT,
    ),
    Definition(
        id="contacts_in_queue",
        unit="contacts",
        direction="lower",
        meaning="Offered, not yet answered or left, whatever the window.",
        formula="offered - answered - left, now",
        source=_CONNECT_NOW,
        shown="live",
    ),
    Definition(
        id="oldest_waiting",
        unit="s",
        direction="lower",
        meaning="How long the one who waits longest has waited, whatever the window; null when nobody waits.",
        formula="clock - min of offer instants in the queue",
        source=_CONNECT_NOW,
        shown="live",
    ),
    Definition(
        id="mean_patience",
        unit="s",
        direction="higher",
        meaning="How long a caller would wait on average, those who did not give up taken as censored.",
        formula="(waits of the answered and the left + ages of the waiting) / abandoned",
        source="Mandelbaum & Zeltyn, The Palm/Erlang-A queue, 2005",
        shown="live",
    ),
    Definition(
        id="agents_by_state",
        suffix=".STATE",
        unit="agents",
        direction="neutral",
        meaning="Agents in a state now; one in a call is on_contact whatever state was last declared.",
        formula="count of agents per state",
        source=_CONNECT_NOW,
        shown="staffed",
    ),
    Definition(
        id="occupancy",
        unit="fraction",
        direction="neutral",
        meaning=(
            "Share of the agents' time that is spent in calls: for each agent the time in at least one call, from "
            "answer to end and wrap-up where it is told, of that and the time available in none. Ringing counts as "
            "available, for nobody tells it; away and offline are out. By when it was, up to now. A call of which no "
            "end was told counts until its agent is offline. Aim: at most 0.85; above 0.9 people burn out."
        ),
        formula="sum over agents of time in calls / sum over agents of (time in calls + time available in none)",
        source=_CONNECT,
        shown="floor",
    ),
)


def _of_service_level(level: ServiceLevel) -> Definition:
    top = " + ".join(TERMS[term] for term in level.numerator)
    bottom = " + ".join(TERMS[term] for term in level.denominator)
    return Definition(
        id=f"service_level.{level.variant}",
        suffix="@X",
        version=level.version,
        unit="fraction",
        direction="higher",
        meaning=level.meaning,
        formula=f"({top}) / ({bottom})",
        source=level.source,
        shown="live" if level.live else "always",
    )


CATALOGUE: dict[str, Definition] = {
    definition.id: definition
    for definition in (*_METRICS, *PROMISES, *SURVEYS, *RESOLUTIONS, *map(_of_service_level, SERVICE_LEVELS))
}
"""Every metric by id; ids that take a threshold or a state stand here without it."""

AS_OF_NOW = frozenset(
    {"contacts_in_queue", "oldest_waiting", "agents_by_state", "sla_open", "sla_at_risk", "time_to_breach"}
)
"""What is the same in every window that ends now."""

OF_TIME = frozenset({"occupancy"})
"""Shares of time: numerator and denominator are seconds, not cases."""


def definition_of(metric: str) -> Definition:
    """The definition behind a published id (`service_level.connect@20`, `agents_by_state.away`, `sla_met.first_reply`).

    Raises KeyError for an id that nobody publishes.
    """
    found = CATALOGUE.get(metric)
    if found is not None and not found.suffix:
        return found
    base, _, behind = metric.rpartition("@" if "@" in metric else ".")
    if base not in CATALOGUE or not CATALOGUE[base].suffix:
        raise KeyError(metric)
    if CATALOGUE[base].suffix == OF_CLOCK and behind not in CLOCKS:
        raise KeyError(metric)
    return CATALOGUE[base]
