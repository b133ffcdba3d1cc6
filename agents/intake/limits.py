"""What an event may say at most: it is told again further on, of many together, and a record has an end."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from agents.intake.parsing import Fault, shown
from schemas.events import AnyEvent, ContactEvent
from schemas.instants import DAY, SECOND

LONGEST_NAME = 256
"""Bytes of a name as JSON has it: of a queue, an agent, a priority, a tag and the like."""

LONGEST_ID = 1_024
"""Bytes of an id as JSON has it: of an event, a contact, a case, a customer; and of a reason that somebody gave."""

LONGEST_DURATION = 3_650 * DAY // SECOND
"""Seconds of a duration: ten years, of which sums stay numbers that any store takes."""

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between them an event happened: the zero of a program's clock lies before, a count of the wrong unit behind."""

HIGHEST_SCORE = 1_000_000
"""Of a survey's answer, and of its scale."""

_SCORES = ("score", "scale")
_NAMES = ("queue", "agent", "priority", "language", "segment", "assignee", "by", "tags")
_IDS = ("id", "source", "contact", "case", "reason", "identifiers")
_DURATIONS = ("waited", "rang", "talked", "held", "handled")
_BYTES = dict.fromkeys(_NAMES, LONGEST_NAME) | dict.fromkeys(_IDS, LONGEST_ID)

# JSON has six bytes for one character at most.
_SURELY_NAME, _SURELY_ID = LONGEST_NAME // 6, LONGEST_ID // 6

_OF_ALL = frozenset(ContactEvent.__struct_fields__)
_encode = msgspec.json.Encoder().encode


def _of_its_own(type_: Any, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in type_.__struct_fields__ and name not in _OF_ALL)


_OWN: Mapping[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    type_: (_of_its_own(type_, (*_DURATIONS, *_SCORES)), _of_its_own(type_, _BYTES)) for type_ in get_args(AnyEvent)
}
"""By type of event: numbers and texts that have a limit, beside the fields of all contacts."""


def fault_of(event: AnyEvent) -> Fault | None:
    """What of an event is beyond its limit, the first of it; None: nothing is."""
    return None if _is_usual(event) else _first_fault(event)


def _is_usual(event: AnyEvent) -> bool:
    """Whether an event is within its limits at a glance, as most are: whatever its texts are made of."""
    # Of every event, so that fields that all have are read by their names: it takes half the time.
    if not EARLIEST <= event.time < LATEST:
        return False
    queue, agent = event.queue, event.agent
    if queue is not None and len(queue) > _SURELY_NAME:
        return False
    if agent is not None and len(agent) > _SURELY_NAME:
        return False
    if len(event.id) > _SURELY_ID or len(event.source) > _SURELY_ID:
        return False
    if isinstance(event, ContactEvent):
        if len(event.contact) > _SURELY_ID or (event.case is not None and len(event.case) > _SURELY_ID):
            return False
        for identifier in event.identifiers:
            if len(identifier) > _SURELY_ID:
                return False
    numbers, texts = _OWN[type(event)]
    for field in numbers:
        number = getattr(event, field)
        if number is not None and not 0 <= number <= HIGHEST_SCORE:
            return False
    for field in texts:
        value = getattr(event, field)
        if value is None:
            continue
        for text in (value,) if isinstance(value, str) else value:
            if len(text) > _SURELY_NAME:
                return False
    return True


def _first_fault(event: AnyEvent) -> Fault | None:
    if not EARLIEST <= event.time < LATEST:
        expected = f"expected one from {EARLIEST.year} to {LATEST.year - 1}"
        return Fault("time", f"time is {event.time.isoformat()}: {expected}; the source's clock or its unit is wrong")
    for field in event.__struct_fields__:
        value = getattr(event, field)
        if field in _DURATIONS and value is not None and not 0 <= value <= LONGEST_DURATION:
            expected = f"expected 0 to {LONGEST_DURATION:,} seconds; leave it out where nobody measured it"
            return Fault("schema", f"{field} is {value}: {expected}")
        if field in _SCORES and not abs(value) <= HIGHEST_SCORE:
            return Fault("schema", f"{field} is {value}: expected at most {HIGHEST_SCORE:,}")
        if value is None or field not in _BYTES:
            continue
        for text in (value,) if isinstance(value, str) else value:
            size, longest = len(_encode(text)) - len('""'), _BYTES[field]
            if size > longest:
                what = f"an identifier of {shown(event.id)}" if field == "identifiers" else f"{field} {shown(text)}"
                return Fault("too_large", f"{what} has {size:,} bytes: expected {longest:,} at most, so shorten it")
    return None
