"""Payloads of many events: one that can't be understood takes nothing from the others."""

from collections.abc import Callable, Iterable
from typing import ParamSpec

from agents.intake.parsing import Events, Fault, Ignored, Malformed, Parsed, all_of
from schemas.events import AnyEvent

MOST_FAULTS = 100
"""So many faults of one payload are told, and that there are more."""

_Given = ParamSpec("_Given")


def tried(read: Callable[_Given, Parsed], *given: _Given.args, **named: _Given.kwargs) -> Parsed | Fault:
    """What one part of a payload says, or why it can't be understood."""
    try:
        return read(*given, **named)
    except Malformed as error:
        return Fault(error.reason, error.message)


def together(parts: Iterable[Parsed | Fault]) -> Parsed:
    """What all parts of a payload say. Where none says anything that counts: the first one's reason. Raises Malformed
    where nothing counts and a part can't be understood. Of many faults the first MOST_FAULTS are told."""
    events: list[AnyEvent] = []
    faults: list[Fault] = []
    ignored: Ignored | None = None
    more = False
    for part in parts:
        if isinstance(part, Fault):
            faults.append(part)
        elif isinstance(part, Ignored):
            ignored = ignored or part
        else:
            events += part.events
            faults += part.faults
        if len(faults) > MOST_FAULTS:
            more = True
            del faults[MOST_FAULTS:]
    if more:
        faults.append(Fault(faults[0].reason, "and more"))
    if events:
        return Events(tuple(events), tuple(faults))
    if faults:
        raise Malformed(*all_of(faults))
    return ignored or Ignored("empty_batch")
