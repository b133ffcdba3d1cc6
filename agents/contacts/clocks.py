"""The clocks of a contact: what runs (from its events) and what is promised of it (from the book of policies). Pure."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

from agents.contacts.case import Held
from agents.contacts.contact import Contact
from agents.contacts.judge import Course, course_of
from agents.contacts.offer import ANSWERED, Offer
from agents.contacts.plain import plain_open, plain_promise
from agents.contacts.run import End, Run, Span, Term
from agents.contacts.stated import ANSWER_WITHIN, ClockKey
from schemas.alerts import Cause
from schemas.customers import OpenPromise
from schemas.policies import ClockName
from schemas.policy_book import NO_PROMISE, PolicyBook, Promise, Properties

_ENDING: frozenset[ClockName] = frozenset(("first_reply", "next_reply", "periodic_update", "pausable_update"))
"""Clocks that never run again once they ended."""


class Clock(NamedTuple):
    """One clock instance of a contact, as far as the contact is judged. `queue`: the one whose promise it is."""

    key: ClockKey
    queue: str | None
    course: Course


def offer_run(offer: Offer) -> Run:
    """The clock of an offer: from the offer to its answer."""
    instance, stop = offer.instance, offer.stop
    if offer.outcome is None:
        return Run(ANSWER_WITHIN, instance, (Span(offer.at, None, instance),))
    if offer.outcome == ANSWERED:
        end = End(stop, "fulfilled", offer.stopper)
    else:
        end = End(stop, "cancelled", offer.stopper, offer.outcome)
    return Run(ANSWER_WITHIN, instance, (Span(offer.at, stop, instance),), (end,))


def offer_clock(contact: Contact, offer: Offer, book: PolicyBook) -> Clock:
    """The promise of an offer to its queue, whatever else becomes of the contact."""
    key = ClockKey(ANSWER_WITHIN, offer.instance)
    # A wait as its source measured it may end after the event that tells of it.
    start, until = offer.at, max(_until(contact), offer.stop)
    if contact.eventful:
        timeline = [
            Held(held.at, held.event, held.properties._replace(queue=offer.queue)) for held in contact.case.timeline
        ]
    else:
        timeline = [Held(0, None, Properties(contact.channel, offer.queue))]
    terms = _terms(book, ANSWER_WITHIN, timeline, start, until)
    return Clock(key, offer.queue, course_of(offer_run(offer), terms, contact.judged))


def case_clocks(contact: Contact, book: PolicyBook, since: float = 0) -> Iterator[Clock]:
    """Every other clock of a contact, in the order in which they started. `since`: but for those that ended for good
    before that instant (ms)."""
    case = contact.case
    until = _until(contact)
    for run in contact.runs:
        if run.ends and run.ends[-1].at < since and run.clock in _ENDING:
            continue
        first = run.clock == "next_reply" and run.first_cycle
        terms = _terms(book, run.clock, case.timeline, run.start, until, first_cycle=first)
        key = ClockKey(run.clock, run.instance)
        yield Clock(key, case.properties.queue, course_of(run, terms, contact.judged))


def all_clocks(contact: Contact, book: PolicyBook, since: float = 0) -> list[Clock]:
    """Every clock of a contact: those of its offers, then the others where any policy has targets for them. `since`: as
    in case_clocks."""
    return [*(offer_clock(contact, offer, book) for offer in contact.offers), *_others(contact, book, since)]


def _others(contact: Contact, book: PolicyBook, since: float) -> Iterator[Clock]:
    if contact.lines and book.reckons(contact.channel):
        yield from case_clocks(contact, book, since)


def clock_keys(contact: Contact, book: PolicyBook) -> list[ClockKey]:
    """The instances of `all_clocks`, in its order."""
    keys = [ClockKey(ANSWER_WITHIN, offer.instance) for offer in contact.offers]
    if contact.lines and book.reckons(contact.channel):
        keys += [ClockKey(run.clock, run.instance) for run in contact.runs]
    return keys


def open_promises(contact: Contact, book: PolicyBook, clocks: Sequence[Clock] = ()) -> tuple[OpenPromise, ...]:
    """What is promised and not done yet. `clocks`: all of the contact, as it is, that may not be over, where known."""
    found: list[OpenPromise | None] = []
    if clocks:
        found += map(_open_promise, clocks)
        return tuple([one for one in found if one is not None])
    for offer in contact.offers:
        # One that left its queue waits for nothing any more.
        if offer.outcome is None:
            promise = plain_promise(contact, offer, book)
            if promise is None:
                found.append(_open_promise(offer_clock(contact, offer, book)))
            else:
                found.append(plain_open(offer, promise, contact.judged))
    found += map(_open_promise, _others(contact, book, inf))
    return tuple([one for one in found if one is not None])


def _open_promise(clock: Clock) -> OpenPromise | None:
    now = clock.course.standing()
    if now is None or now.is_over:
        return None
    paused = now.state == "paused"
    due = None if paused else now.due
    remaining = now.remaining if paused else None
    return OpenPromise(
        clock.key.clock, now.term.policy or "", now.term.version, due, remaining, now.state == "breached"
    )


def _until(contact: Contact) -> int:
    return max(contact.judged, contact.last)


def _terms(
    book: PolicyBook,
    clock: ClockName,
    timeline: Sequence[Held],
    start: int,
    until: int,
    *,
    first_cycle: bool = False,
) -> list[Term]:
    """What is promised of a clock from its start until an instant (ms), by the properties of its contact over time.

    `first_cycle`: of a next reply before the first one, which is promised where nothing is promised of the first.
    """
    changed: dict[int, str | None] = dict.fromkeys(book.changes(start, until))
    properties = timeline[0].properties
    held: dict[int, Held] = {}
    for one in timeline:
        if one.at <= start:
            properties = one.properties
        elif one.at <= until:
            held[one.at] = one
            changed[one.at] = one.event
    promise = _promise(book, clock, properties, start, first_cycle)
    terms = [_term(start, promise)]
    for at in sorted(changed):
        former, properties = properties, held[at].properties if at in held else properties
        before, promise = promise, _promise(book, clock, properties, at, first_cycle)
        if before == promise:
            continue
        is_contact = properties is not former and before == _promise(book, clock, former, at, first_cycle)
        terms.append(_term(at, promise, changed[at], "contact_changed" if is_contact else _cause(before, promise)))
    return terms


def _promise(book: PolicyBook, clock: ClockName, properties: Properties, at: int, first_cycle: bool) -> Promise:
    if first_cycle and book.promise("first_reply", properties, at).policy is not None:
        return NO_PROMISE
    return book.promise(clock, properties, at)


def _term(at: int, promise: Promise, event: str | None = None, cause: Cause | None = None) -> Term:
    policy, version, target, at_risk, calendar, mode = promise
    return Term(at, policy, version, target, at_risk, calendar, event, cause, mode)


def _cause(before: Promise, after: Promise) -> Cause:
    """Why the same contact is promised something else: a new version of the calendar, else the policy."""
    one, other = before.calendar, after.calendar
    is_calendar = before[:3] == after[:3] and one is not None and other is not None and one.id == other.id
    return "calendar_changed" if is_calendar else "policy_changed"
