"""What became of promises: clocks met, breached and at risk, by policy and clock, from their transitions. Pure."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from schemas.alerts import SlaTransition
from schemas.policies import ClockName

End = Literal["met", "breached", "cancelled", "open"]

Row = tuple[str, ClockName]
"""A policy's id and a clock."""

_Instance = tuple[str, ClockName, str]


class Kept(NamedTuple):
    """How many clock instances ended how. `at_risk`: of all of them, those that were at risk at some time."""

    met: int = 0
    breached: int = 0
    cancelled: int = 0
    open: int = 0
    at_risk: int = 0

    @property
    def share(self) -> float | None:
        """Met of all that are decided; None where none is."""
        decided = self.met + self.breached
        return self.met / decided if decided else None


def compliance(transitions: Iterable[SlaTransition]) -> dict[Row, Kept]:
    """What became of each policy's clocks, given all transitions in the order in which they were said.

    What was taken back counts for nothing. A breach stays one whatever came later; an instance counts for the policy by
    which its end was judged.
    """
    found: dict[Row, Kept] = {}
    for (_, clock, _), stands in _standing(transitions).items():
        end, last = _end(stands)
        row = (last.policy.id, clock)
        kept = found.get(row, Kept())
        at_risk = kept.at_risk + any(each.transition == "at_risk" for each in stands)
        found[row] = kept._replace(at_risk=at_risk, **{end: getattr(kept, end) + 1})
    return dict(sorted(found.items()))


def rows(kept: dict[Row, Kept]) -> list[dict[str, Any]]:
    """The same as data, a row for each policy and clock."""
    return [
        {"policy": policy, "clock": clock, **each._asdict(), "compliance": each.share}
        for (policy, clock), each in kept.items()
    ]


def _standing(transitions: Iterable[SlaTransition]) -> dict[_Instance, list[SlaTransition]]:
    """The transitions of each instance that were not taken back; instances of which none is left are left out."""
    found: dict[_Instance, list[SlaTransition]] = {}
    for each in transitions:
        stands = found.setdefault((each.contact, each.clock, each.instance), [])
        if each.transition == "corrected":
            stands[:] = [known for known in stands if known.id != each.corrects]
        else:
            stands.append(each)
    return {instance: stands for instance, stands in found.items() if stands}


def _end(stands: list[SlaTransition]) -> tuple[End, SlaTransition]:
    """How an instance ended, and the transition that says so."""
    breach = next((each for each in stands if each.transition == "breached"), None)
    if breach is not None:
        return "breached", breach
    # Of one instant what was said last, but for its beginning: that may have been taken back and said anew.
    last = max(reversed(stands), key=lambda each: (each.occurred_at, each.transition != "activated"))
    if last.transition == "fulfilled":
        return "met", last
    return ("cancelled" if last.transition == "cancelled" else "open"), last
