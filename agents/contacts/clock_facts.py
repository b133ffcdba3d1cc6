"""What the clocks of a contact add to the measured facts: signed differences between two states of it. Pure."""

from collections.abc import Iterable

from agents.contacts.contact import Contact
from agents.contacts.stated import ANSWER_WITHIN, NOTHING_STATED, Stated, Statement
from agents.contacts.stated import ClockKey as Instance
from schemas.durations import OF_CLOCKS
from schemas.instants import MINUTE
from schemas.partials import TOOK, ClockKey

ClockDifferences = list[tuple[ClockKey, int]]

OPEN = frozenset(("open", "at_risk", "paused"))
"""Measures of a clock that is not over."""

_KEPT = frozenset(("at_risk", "retargeted"))
"""Transitions after which a clock runs or pauses as before."""


def clock_differences(before: Contact | None, after: Contact) -> ClockDifferences:
    """What the clocks of `after` measure that those of `before` did not, and the other way round.

    The sum of all differences of a contact is what its last state measures, however it got there.
    """
    if before is None:
        return _sum(after, after.stated) if after.stated else []
    known = before.stated
    if before.eventful or after.eventful or len(after.stated) > len(after.offers) or _queues(before) != _queues(after):
        since = before.stands_until(after)
        keys = [
            key for key, stated in after.stated.items() if known.get(key) is not stated or not _is_past(stated, since)
        ]
    else:
        keys = [key for key, stated in after.stated.items() if known.get(key) is not stated]
    if not keys:
        return []
    was, now = _sum(before, keys), _sum(after, keys)
    if not was or not now:
        return now or [(key, -n) for key, n in was]
    sums: dict[ClockKey, int] = {}
    for key, n in now:
        sums[key] = sums.get(key, 0) + n
    for key, n in was:
        sums[key] = sums.get(key, 0) - n
    return [(key, n) for key, n in sums.items() if n]


def _is_past(stated: Stated, since: int) -> bool:
    """Whether what is measured of it was settled before an instant (ms)."""
    if not stated.statements:
        return True
    last = stated.statements[-1]
    return last.occurred < since and last.transition in ("fulfilled", "cancelled", "lapsed")


def lost_clocks(contact: Contact) -> ClockDifferences:
    """The difference when a contact is given up or settled whose clocks nobody will end any more."""
    return [(key, -n) for key, n in _sum(contact, contact.stated) if key[5] in OPEN]


def _queues(contact: Contact) -> list[str | None]:
    return [offer.queue for offer in contact.offers]


def _sum(contact: Contact, keys: Iterable[Instance]) -> ClockDifferences:
    facts: ClockDifferences = []
    for key in keys:
        statements = contact.stated.get(key, NOTHING_STATED).statements
        if statements:
            _measure(contact, key, statements, facts)
    return facts


def _measure(contact: Contact, instance: Instance, statements: tuple[Statement, ...], facts: ClockDifferences) -> None:
    """What one instance measures: once broken for ever, else by what was said last."""
    last = statements[-1]
    ended: Statement | None = last if last.transition == "fulfilled" else None
    for said in statements:
        if said.transition == "breached":
            ended = said
            break
    if ended is not None:
        at, measure = (ended.occurred, "attained") if ended.transition == "fulfilled" else (ended.due, "breached")
        facts.append((_key(contact, instance, ended, at, measure, at // MINUTE), 1))
        if last.transition == "fulfilled" and instance.clock in OF_CLOCKS:
            at, took = last.occurred, f"{TOOK}{last.elapsed}"
            facts.append((_key(contact, instance, last, at, took, at // MINUTE), 1))
    elif last.transition != "cancelled" and _pauses(statements):
        facts.append((_key(contact, instance, last, None, "paused", 0), 1))
    elif last.transition != "cancelled":
        key = _key(contact, instance, last, None, "open", last.due)
        facts.append((key, 1))
        for said in statements:
            if said.transition == "at_risk" and said.due == last.due:
                facts.append(((*key[:5], "at_risk", last.due), 1))
                break


def _pauses(statements: tuple[Statement, ...]) -> bool:
    """Whether a clock that is not over pauses: what is promised of it may change meanwhile."""
    for said in reversed(statements):
        if said.transition not in _KEPT:
            return said.transition == "paused"
    return False


def _key(contact: Contact, instance: Instance, said: Statement, at: int | None, measure: str, value: int) -> ClockKey:
    """`at`: the instant (ms) whose queue and segment count, None for what is so now."""
    queue: str | None = None
    segment: str | None = None
    clock, started_by = instance
    if contact.eventful or clock != ANSWER_WITHIN:
        case = contact.case
        held = case.properties if at is None else case.held_at(at)
        queue, segment = held.queue, held.segment
    if clock == ANSWER_WITHIN:
        for offer in contact.offers:
            if offer.instance == started_by:
                queue = offer.queue
                break
    return said.policy, clock, contact.channel, queue, segment, measure, value
