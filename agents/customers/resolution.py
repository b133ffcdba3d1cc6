"""Who had to come again, and whose first contact was enough. Pure; definitions: docs/howto-customers.md.

Two contacts are within W of each other where less than W lies between their starts. W has passed for a contact when
the clock is W after its start.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from agents.customers.contact import Contact
from agents.customers.encoded import encoded
from agents.customers.memory import NEVER
from schemas.customers import RepeatContacts
from schemas.instants import DAY, HOUR

SPANS: tuple[tuple[str, int], ...] = (("24h", DAY), ("96h", 96 * HOUR), ("7d", 7 * DAY), ("30d", 30 * DAY))
"""Name and length (ms) of every W, shortest first."""

PERIOD = 90 * DAY
"""Of which contacts it is told."""

_LENGTHS = tuple(length for _, length in SPANS)
_ALL = len(SPANS)
_FEW = 8
"""So many contacts are alike for many customers."""


Visit = tuple[bool, int, int, int, int, int, bool, bool]
"""One contact among a customer's, by how many of SPANS have passed: since it began, from the one before on the same
topic, to the one after it on the same topic, from the one before on any, to the one after on any. First: somebody knows
what it is about; last: it was neither transferred nor reopened; it is resolved, as somebody said."""

_BEFORE, _AFTER, _BEFORE_ANY, _AFTER_ANY = range(2, 6)


def visits(contacts: Sequence[Contact], clock: int) -> tuple[Visit, ...]:
    """Contacts, sorted by start, with what lies between them."""
    visited: list[list[Any]] = []
    last: dict[str | None, tuple[int, list[Any]]] = {}
    before = 0
    for contact in contacts:
        started, topic, case = contact.started, contact.topic, contact.case
        visit = [topic is not None, bisect_right(_LENGTHS, clock - started), _ALL, _ALL, _ALL, _ALL, True, False]
        visit[6] = not contact.transfers and (case is None or not case.reopened)
        visit[7] = case is not None and case.resolved
        if visited:
            visit[_BEFORE_ANY] = visited[-1][_AFTER_ANY] = bisect_right(_LENGTHS, started - before)
        former = last.get(topic)
        if former is not None:
            visit[_BEFORE] = former[1][_AFTER] = bisect_right(_LENGTHS, started - former[0])
        last[topic] = (started, visit)
        visited.append(visit)
        before = started
    return cast(tuple[Visit, ...], tuple(map(tuple, visited)))


def repeats(contacts: Sequence[Contact], clock: int) -> tuple[dict[str, RepeatContacts], int]:
    """Repeats within every span of the contacts of PERIOD, encoded, and when the next is over (NEVER: none is to be).

    None of a single contact: there was nothing to repeat.
    """
    bound = clock - PERIOD
    if contacts and contacts[0].started <= bound:
        contacts = [contact for contact in contacts if contact.started > bound]
    if len(contacts) < 2:
        return {}, NEVER
    visited = visits(contacts, clock)
    due = min(
        [
            contact.started + _LENGTHS[visit[1]]
            for contact, visit in zip(contacts, visited, strict=True)
            if visit[1] < _ALL
        ],
        default=NEVER,
    )
    return (_few if len(visited) <= _FEW else _many)(visited), due


def _many(visited: tuple[Visit, ...]) -> dict[str, RepeatContacts]:
    return encoded({name: resolution(visited, place) for place, (name, _) in enumerate(SPANS)})


_few = lru_cache(maxsize=4_096)(_many)


def resolution(visited: Sequence[Visit], span: int) -> RepeatContacts:
    """Repeats and first contact resolution of one customer within one of SPANS, by its place.

    A contact of which nobody knows what it is about counts for no_repeat_any alone.
    """
    contacts = firsts = flagged = matured = alone = strict = any_matured = any_alone = 0
    for topical, age, before, after, before_any, after_any, smooth, flag in visited:
        over = age > span
        if over and before_any > span:
            any_matured += 1
            any_alone += after_any > span
        if not topical:
            continue
        contacts += 1
        if before <= span:
            continue
        firsts += 1
        flagged += flag
        if over:
            matured += 1
            if after > span:
                alone += 1
                strict += smooth
    return RepeatContacts(
        contacts=contacts,
        repeats=contacts - firsts,
        resolved=_counted(alone, any_alone, strict, flagged),
        first=_counted(matured, any_matured, matured, firsts),
    )


def _counted(topic: int, any_: int, strict: int, flagged: int) -> dict[str, int]:
    counts = {}
    if topic:
        counts["no_repeat_topic"] = topic
    if any_:
        counts["no_repeat_any"] = any_
    if strict:
        counts["strict"] = strict
    if flagged:
        counts["agent_flag"] = flagged
    return counts
