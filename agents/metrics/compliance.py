"""Compliance: what became of promises, in numbers."""

from functools import lru_cache

from agents.metrics.evaluate import encoded, share
from agents.metrics.promises import Now
from schemas.definitions import CATALOGUE
from schemas.live import Metric
from schemas.policies import CLOCKS

ATTAINED, BREACHED = "attained", "breached"
NAMES: dict[tuple[str, str], str] = {
    (measure, clock): f"{measure}:{clock}" for measure in (ATTAINED, BREACHED) for clock in CLOCKS
}
"""What is counted in the ledger, by measure and clock."""

COUNTED = frozenset(NAMES.values())
_OF: dict[str, tuple[str, str]] = {name: of for of, name in NAMES.items()}
_VERSIONS = {name: each.version for name, each in CATALOGUE.items() if each.suffix == ".CLOCK"}
_IDLE = Now(0, 0, 0, None)
_KNOWN = 1 << 14
_KNOWN_NOW = 1 << 10

Decided = dict[str, tuple[int, int]]
"""Clock -> how many were attained, and how many breached."""

Standing = dict[str, tuple[int, int, bytes]]
"""Clock -> how many are open, how many of them at risk, and the metric that says when the first is due."""


def decided_of(counts: dict[str, int]) -> Decided:
    """What a ledger's counts say of clocks."""
    found: Decided = {}
    for name, n in counts.items():
        of = _OF.get(name)
        if of is not None:
            met, breached = found.get(of[1], (0, 0))
            found[of[1]] = (met + n, breached) if of[0] == ATTAINED else (met, breached + n)
    return found


def decided(found: Decided) -> list[bytes]:
    """The metrics (see `evaluate.encoded`) of every clock that was decided."""
    return [_decided(clock, met, breached) for clock, (met, breached) in found.items()]


def standing(ever: Decided, now: dict[str, Now], instant: int) -> Standing:
    """How every clock of a scope stands at `instant` (ms) that is open or was `ever` decided."""
    found: Standing = {}
    for clock in {**ever, **now}:
        running, at_risk, paused, due = now.get(clock, _IDLE)
        left = _time_left(clock, running, None if due is None else max(0, due - instant))
        found[clock] = running + paused, at_risk, left
    return found


def undecided(here: Decided, stands: Standing) -> list[bytes]:
    """The metrics of every clock in a window that is as of the clock; `here`: decided in it."""
    found: list[bytes] = []
    for clock, (still, at_risk, left) in stands.items():
        met, breached = here.get(clock, (0, 0))
        found += (_undecided(clock, met, breached, still, at_risk), left)
    if not here.keys() <= stands.keys():
        # Facts may come in any order: of all time there may be none yet of what a window has.
        found += decided({clock: counts for clock, counts in here.items() if clock not in stands})
    return found


# Scopes and windows share their numbers, and much is sent again as only time passes.
@lru_cache(maxsize=_KNOWN)
def _decided(clock: str, met: int, breached: int) -> bytes:
    return encoded(
        {
            f"sla_compliance.{clock}": share(met, met + breached, _VERSIONS["sla_compliance"]),
            f"sla_met.{clock}": _count("sla_met", met, met),
            f"sla_breached.{clock}": _count("sla_breached", breached, breached),
        }
    )


@lru_cache(maxsize=_KNOWN)
def _undecided(clock: str, met: int, breached: int, still: int, at_risk: int) -> bytes:
    whole = met + breached + still
    low, high = "sla_compliance_live_low", "sla_compliance_live_high"
    live = {
        f"sla_open.{clock}": _count("sla_open", still, still),
        f"sla_at_risk.{clock}": _count("sla_at_risk", at_risk, still),
        f"{low}.{clock}": share(met, whole, _VERSIONS[low]),
        f"{high}.{clock}": share(met + still, whole, _VERSIONS[high]),
    }
    return b"%b,%b" % (_decided(clock, met, breached), encoded(live))


@lru_cache(maxsize=_KNOWN_NOW)
def _time_left(clock: str, running: int, left: int | None) -> bytes:
    value = None if left is None else left / 1000
    return encoded({f"time_to_breach.{clock}": Metric(value=value, n=running, version=_VERSIONS["time_to_breach"])})


def _count(metric: str, value: int, n: int) -> Metric:
    return Metric(value=value, n=n, version=_VERSIONS[metric])
