"""Service levels as data: the terms that make the number also make its documentation.

What "open" contacts do: ratios over offers count those whose queue leg has ended (answered or left), so a caller
who has waited for a second does not pull the service level to zero. The `_live` twins add callers who have waited
longer than X already, and `_live_low` / `_live_high` all who wait, as if all of them failed or succeeded.
"""

import msgspec

TERMS: dict[str, str] = {
    "answered": "answered offers",
    "abandoned": "abandoned offers",
    "-short": "less the abandons with a wait of at most the short-abandon limit",
    "flow_out": "offers that left the queue neither answered nor abandoned",
    "legs": "offers whose queue leg has ended (answered or left)",
    "timeout": "offers that timed out, to voicemail or elsewhere",
    "missed": "offers that left because the queue was empty of agents, were withdrawn or got lost",
    "asterisk_abandoned": "abandoned, timed out, left an empty queue or withdrawn",
    "completed": "answered offers whose conversation is over or was transferred",
    "answered_within": "answered within X",
    "abandoned_within": "abandoned within X",
    "callback_within": "left for a callback within X",
    "missed_within": "missed within X",
    "asterisk_abandoned_within": "abandoned, timed out, left an empty queue or withdrawn, within X",
    "completed_within": "completed after a wait within X",
    "overdue": "waiting longer than X",
    "undecided": "waiting no longer than X",
    "waiting": "waiting",
}
"""What a service level is made of: the name of each count, and what it counts."""


class ServiceLevel(msgspec.Struct, frozen=True, kw_only=True):
    """One service-level variant: the terms whose sum is the numerator, and those of the denominator."""

    variant: str
    numerator: tuple[str, ...]
    denominator: tuple[str, ...]
    meaning: str
    source: str
    version: int = 1
    live: bool = False


def service_level_id(variant: str, threshold_ms: int) -> str:
    """Id of a variant at a threshold; X is printed in seconds: `service_level.connect@20`, `...@7.5`."""
    whole, rest = divmod(threshold_ms, 1000)
    return f"service_level.{variant}@{threshold_ms / 1000 if rest else whole}"


_GENESYS = "Genesys Cloud, Configure the service level calculation"
_TALKDESK = "Talkdesk, Service Level (Live) and data dictionary"
_ASTERISK = "Asterisk, app_queue"
_PLAIN = "plain"

SERVICE_LEVELS: tuple[ServiceLevel, ...] = (
    ServiceLevel(
        variant="answered_over_offered",
        numerator=("answered_within",),
        denominator=("legs",),
        meaning="Share of the offered contacts that an agent answered within X; our default.",
        source=_PLAIN,
    ),
    ServiceLevel(
        variant="answered_over_answered",
        numerator=("answered_within",),
        denominator=("answered",),
        meaning="Share of the answered contacts that were answered within X; blind to who gave up.",
        source=_PLAIN,
    ),
    ServiceLevel(
        variant="excl_short",
        numerator=("answered_within",),
        denominator=("legs", "-short"),
        meaning="As answered over offered, short abandons left out.",
        source="common practice",
    ),
    ServiceLevel(
        variant="removed_erlang",
        numerator=("answered_within", "abandoned_within"),
        denominator=("legs",),
        meaning="Share of the offered contacts that no longer waited after X; what the Erlang A model calls removed.",
        source="Mandelbaum & Zeltyn, The Palm/Erlang-A queue, 2005",
    ),
    ServiceLevel(
        variant="connect",
        numerator=("answered_within", "abandoned_within", "callback_within"),
        denominator=("legs",),
        meaning="Share of the queued contacts that were answered, abandoned or became a callback within X.",
        source="Amazon Connect, historical metrics definitions, Service level",
    ),
    ServiceLevel(
        variant="genesys",
        numerator=("answered_within",),
        denominator=("answered", "abandoned"),
        meaning="Genesys with abandons and short abandons in and flow-outs out.",
        source=_GENESYS,
    ),
    ServiceLevel(
        variant="genesys_flowouts",
        numerator=("answered_within",),
        denominator=("answered", "abandoned", "flow_out"),
        meaning="Genesys with abandons, short abandons and flow-outs in.",
        source=_GENESYS,
    ),
    ServiceLevel(
        variant="genesys_no_short",
        numerator=("answered_within",),
        denominator=("answered", "abandoned", "-short"),
        meaning="Genesys with abandons in, short abandons and flow-outs out.",
        source=_GENESYS,
    ),
    ServiceLevel(
        variant="genesys_flowouts_no_short",
        numerator=("answered_within",),
        denominator=("answered", "abandoned", "flow_out", "-short"),
        meaning="Genesys with abandons and flow-outs in, short abandons out.",
        source=_GENESYS,
    ),
    ServiceLevel(
        variant="genesys_no_abandons",
        numerator=("answered_within",),
        denominator=("answered",),
        meaning="Genesys with abandons out; the switch for short ones is ignored then, lest they count twice.",
        source=_GENESYS,
    ),
    ServiceLevel(
        variant="genesys_flowouts_no_abandons",
        numerator=("answered_within",),
        denominator=("answered", "flow_out"),
        meaning="Genesys with abandons out and flow-outs in.",
        source=_GENESYS,
    ),
    ServiceLevel(
        variant="talkdesk_contacts",
        numerator=("answered_within",),
        denominator=("answered", "abandoned", "timeout", "missed"),
        meaning="Share of the inbound contacts answered within X; callbacks and moves to another queue are out.",
        source=_TALKDESK,
    ),
    ServiceLevel(
        variant="talkdesk_contacts_no_short",
        numerator=("answered_within",),
        denominator=("answered", "abandoned", "timeout", "missed", "-short"),
        meaning="As Talkdesk contacts, short abandons left out.",
        source=_TALKDESK,
    ),
    ServiceLevel(
        variant="talkdesk_calls",
        numerator=("answered_within", "missed_within"),
        denominator=("answered", "missed"),
        meaning="Share of answered and missed calls decided within X, at all hours; abandons and voicemail are out.",
        source=_TALKDESK,
    ),
    ServiceLevel(
        variant="asterisk_perf",
        numerator=("completed_within",),
        denominator=("completed",),
        meaning="ServicelevelPerf: share of the completed calls that had waited no longer than X.",
        source=_ASTERISK,
    ),
    ServiceLevel(
        variant="asterisk_perf2",
        numerator=("completed_within", "asterisk_abandoned_within"),
        denominator=("completed", "asterisk_abandoned"),
        meaning="ServicelevelPerf2: completed and abandoned calls within X; key exits are ignored as Asterisk does.",
        source=_ASTERISK,
    ),
    ServiceLevel(
        variant="answered_over_offered_live",
        numerator=("answered_within",),
        denominator=("legs", "overdue"),
        meaning="Answered over offered with those who can no longer be answered in time.",
        source=_PLAIN,
        live=True,
    ),
    ServiceLevel(
        variant="answered_over_offered_live_low",
        numerator=("answered_within",),
        denominator=("legs", "waiting"),
        meaning="What answered over offered becomes if all who are undecided fail: all offers are in it.",
        source=_PLAIN,
        live=True,
    ),
    ServiceLevel(
        variant="answered_over_offered_live_high",
        numerator=("answered_within", "undecided"),
        denominator=("legs", "waiting"),
        meaning="What answered over offered becomes if all who are undecided are answered in time.",
        source=_PLAIN,
        live=True,
    ),
    ServiceLevel(
        variant="connect_live",
        numerator=("answered_within", "abandoned_within", "callback_within"),
        denominator=("legs", "overdue"),
        meaning="Connect's service level with those who already wait longer than X.",
        source="Amazon Connect, historical metrics definitions, Service level",
        live=True,
    ),
    ServiceLevel(
        variant="connect_live_low",
        numerator=("answered_within", "abandoned_within", "callback_within"),
        denominator=("legs", "waiting"),
        meaning="What Connect's service level becomes if all who are undecided fail.",
        source="Amazon Connect, historical metrics definitions, Service level",
        live=True,
    ),
    ServiceLevel(
        variant="connect_live_high",
        numerator=("answered_within", "abandoned_within", "callback_within", "undecided"),
        denominator=("legs", "waiting"),
        meaning="What Connect's service level becomes if all who are undecided leave the queue in time.",
        source="Amazon Connect, historical metrics definitions, Service level",
        live=True,
    ),
)
