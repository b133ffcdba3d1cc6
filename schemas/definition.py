"""What is said of a metric: its meaning, unit, formula and source, and where it is published."""

from typing import Literal

import msgspec

Unit = Literal["contacts", "agents", "promises", "answers", "s", "fraction", "points", "score"]
Direction = Literal["higher", "lower", "neutral"]
Shown = Literal[
    "always",
    "live",
    "without_queue",
    "staffed",
    "floor",
    "promised",
    "promised_live",
    "fulfilled",
    "surveyed",
    "solved",
]


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What one metric id means.

    `suffix`: what the published id has behind this one. `shown` says where it is published: `live` on kind 'all' and
    the rolling windows, as of the clock; `without_queue` not in the scope of a queue; `staffed` as `live`, on the whole
    floor and in the scopes of one queue on all channels, where a state of an agent is known; `floor` on the whole floor
    alone, where there is any time of agents; `promised` where a clock was decided, of policies (also in a queue) and
    segments too, and `promised_live` of them as `live`, where a clock was decided or is open; `fulfilled` of them where
    such a clock was fulfilled, in time or late; `surveyed` where a survey was answered; `solved` where a contact was
    solved or opened again. `least`: of fewer observations it says little; `widest`: so it does where half of its 95 %
    interval is wider.
    """

    id: str
    unit: Unit
    direction: Direction
    meaning: str
    formula: str
    source: str
    version: int = 1
    suffix: str = ""
    shown: Shown = "always"
    least: int = 10
    widest: float | None = None
