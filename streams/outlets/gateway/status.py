"""Status: what colour a number has. Every rule enters and leaves a status at other values, so that a number that moves
about a limit does not flicker. Pure.

| number | bad | leaves bad | warn | leaves warn |
|---|---|---|---|---|
| oldest waiting, target T | over T | at 0.8 T | from 0.75 T | at 0.6 T |
| service level, target T | under T, surely | at T, or interval to T + 2 points | under T | at T + 2 points |
| abandonment | over 8 %, surely over 5 % | under 6 % | over 5 % | under 4 % |
| agents ready, minimum M | under M | at M | at M, after bad | over M |

Surely: all of the 95 % interval (Wilson) is on that side.

A ratio of fewer than 10 cases is `low_n`: it says too little for a colour.
"""

from schemas.statistics import wilson
from streams.outlets.gateway.shown import Status

FEW = 10
_BAD, _LEAVES_BAD = 1.0, 0.8
_WARN, _LEAVES_WARN = 0.75, 0.6
_LEVEL_MARGIN = 0.02
ABANDON_BAD, _ABANDON_LEAVES_BAD = 0.08, 0.06
ABANDON_WARN, _ABANDON_LEAVES_WARN = 0.05, 0.04
WORST: tuple[Status, ...] = ("bad", "warn", "good", "neutral")
"""Worst first."""


def of_wait(before: Status | None, waited: float | None, target: float | None) -> Status:
    """Status of how long the oldest has waited (seconds; None: nobody waits), against what is promised."""
    if not target:
        return "neutral"
    if waited is None:
        return "good"
    if waited > _BAD * target or (before == "bad" and waited > _LEAVES_BAD * target):
        return "bad"
    if waited >= _WARN * target or (before in ("warn", "bad") and waited > _LEAVES_WARN * target):
        return "warn"
    return "good"


def of_service_level(before: Status | None, n: int, m: int, target: float) -> Status:
    """Status of n of m within the promised time, against the share that is wanted."""
    interval = wilson(n, m)
    if interval is None:
        return "neutral"
    if m < FEW:
        return "low_n"
    value, upper = n / m, interval[1]
    clear = round(min(1.0, target + _LEVEL_MARGIN), 6)
    if value < target and (upper < target or (before == "bad" and upper < clear)):
        return "bad"
    if value < target or (before in ("warn", "bad") and value < clear):
        return "warn"
    return "good"


def of_abandonment(before: Status | None, n: int, m: int) -> Status:
    """Status of n of m who gave up."""
    interval = wilson(n, m)
    if interval is None:
        return "neutral"
    if m < FEW:
        return "low_n"
    value, lower = n / m, interval[0]
    surely = value > ABANDON_BAD and lower > ABANDON_WARN
    if surely or (before == "bad" and value >= _ABANDON_LEAVES_BAD):
        return "bad"
    if value > ABANDON_WARN or (before in ("warn", "bad") and value >= _ABANDON_LEAVES_WARN):
        return "warn"
    return "good"


def of_agents(before: Status | None, ready: float, minimum: int | None) -> Status:
    """Status of how many agents are ready, against how many are wanted (None: nobody said)."""
    if minimum is None:
        return "neutral"
    if ready < minimum:
        return "bad"
    return "warn" if before in ("warn", "bad") and ready == minimum else "good"


def worst(statuses: list[Status]) -> Status:
    """The worst of some; neutral of none."""
    return min(statuses, key=WORST.index, default="neutral")


def word_of_wait(status: Status, target: float | None) -> str:
    """The status in words."""
    limit = "" if not target else f"{target:g} s" if target < 600 else f"{target / 60:g} min"
    return {"good": "ON TARGET", "warn": f"CLOSE TO {limit}", "bad": f"OVER {limit}"}.get(status, "")


def word_of_service_level(status: Status, value: float | None, target: float) -> str:
    """The status in words; with a question mark where chance may explain that the value is below."""
    share = f"{100 * target:g} %"
    warn = f"BELOW {share}?" if value is not None and value < target else f"CLOSE TO {share}"
    words = {"good": "ON TARGET", "warn": warn, "bad": f"BELOW {share}", "low_n": "LOW N"}
    return words.get(status, "")


def word_of_abandonment(status: Status) -> str:
    """The status in words."""
    bad, warn = f"OVER {100 * ABANDON_BAD:g} %", f"OVER {100 * ABANDON_WARN:g} %"
    return {"good": "ON TARGET", "warn": warn, "bad": bad, "low_n": "LOW N"}.get(status, "")


def word_of_agents(status: Status, minimum: int | None) -> str:
    """The status in words."""
    return {"good": "ON TARGET", "warn": "AT MINIMUM", "bad": f"BELOW {minimum}"}.get(status, "")
