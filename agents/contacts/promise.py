"""What has to be said of a contact's promises: what follows now, compared with what was said.

What was said and no longer follows is taken back, never silently; what follows and was not said is said.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from agents.contacts.clocks import Clock, all_clocks
from agents.contacts.contact import Contact
from agents.contacts.offer import Offer
from agents.contacts.plain import plain_events, plain_statements
from agents.contacts.run import Events, Step
from agents.contacts.stated import ANSWER_WITHIN, NOTHING_STATED, ClockKey, Stated, Statement, holds, statement_of
from schemas import alerts
from schemas.alerts import CalendarRef, Cause, ContactContext, Evidence, PolicyRef, SlaTransition, Transition
from schemas.ids import breach_id, moment_id, transition_id
from schemas.instants import from_ms
from schemas.policy_book import PolicyBook, Promise

# What is said within a second bears few instants, and policies are few.
_instant = lru_cache(maxsize=1024)(from_ms)
_policy = lru_cache(maxsize=1024)(PolicyRef)
_calendar = lru_cache(maxsize=1024)(CalendarRef)


@lru_cache(maxsize=64)
def _caller(identified: bool, transfers: int) -> ContactContext:
    return ContactContext(identified=identified, transfers=transfers)


_ONCE = frozenset(("at_risk", "fulfilled", "cancelled", "lapsed"))
"""Transitions that an instance of answer_within goes through at most once with one due instant."""

_ENDED = frozenset(("cancelled", "lapsed"))


class Speaker:
    """Says what is new of a contact's promises at `clock` (the task's, ms); `after` remembers it as stated.

    `said`: keys and values of the records, in order. `moved`: one of them changes what is promised to the customer.
    Nothing is detected before it occurred.
    """

    __slots__ = ("_after", "_clock", "_contact", "_context", "moved", "said")

    def __init__(self, contact_id: str, after: Contact, clock: int) -> None:
        self.said: list[tuple[bytes, bytes]] = []
        self.moved = False
        self._contact = contact_id
        self._after = after
        self._clock = clock
        self._context: ContactContext | None = None

    def state(self, clocks: Iterable[Clock]) -> None:
        """Say what follows of these clocks and was not said, take back what was said and does not follow."""
        stated = self._after.stated
        for clock in clocks:
            before = stated.get(clock.key, NOTHING_STATED)
            after = self._compare(clock, before, clock.course.steps)
            if after is not before:
                stated[clock.key] = after

    def state_plain(self, offer: Offer, promise: Promise) -> bool:
        """The same of an offer that promises plainly. False, and nothing is said, where anything was taken back or has
        to be."""
        stated, key = self._after.stated, ClockKey(ANSWER_WITHIN, offer.instance)
        before = stated.get(key, NOTHING_STATED)
        said, wanted = before.statements, plain_statements(offer, promise, self._after.judged)
        if before.corrections or said != wanted[: len(said)]:
            return False
        if len(said) < len(wanted):
            for new in wanted[len(said) :]:
                name = name_of(self._contact, key, new)
                self._tell(name, key, offer.queue, new, new.occurred, None, plain_events(offer, new))
            stated[key] = Stated(wanted)
        return True

    def end(self, clock: Clock, step: Step) -> None:
        """Say this step as the end of a clock."""
        self._say(clock.key, clock.queue, step, self._after.stated.get(clock.key, NOTHING_STATED).corrections)

    def take_back(self, keys: Iterable[ClockKey]) -> None:
        """Take all back that was said of clocks that never ran, as it turned out."""
        for key in keys:
            before = self._after.stated[key]
            self._after.stated[key] = self._restate(key, None, before, ())

    def _compare(self, clock: Clock, before: Stated, wanted: Sequence[Step]) -> Stated:
        said = before.statements
        if len(said) <= len(wanted) and all(map(holds, said, wanted)):
            # Nothing is taken back: what holds is followed by what is new.
            if len(said) == len(wanted):
                return before
            more = [self._say(clock.key, clock.queue, step, before.corrections) for step in wanted[len(said) :]]
            return Stated((*said, *more), before.corrections)
        return self._restate(clock.key, clock.queue, before, wanted)

    def _restate(self, key: ClockKey, queue: str | None, before: Stated, wanted: Sequence[Step]) -> Stated:
        """Take back what is stated and not wanted, then state what is wanted and not stated."""
        corrections = before.corrections
        holding: dict[int, Statement] = {}
        for old in before.statements:
            place = next((n for n, step in enumerate(wanted) if n not in holding and holds(old, step)), None)
            if place is not None:
                holding[place] = old
                continue
            self._correct(key, queue, old, corrections)
            corrections += 1
        for place, step in enumerate(wanted):
            if place not in holding:
                holding[place] = self._say(key, queue, step, corrections)
        return Stated(tuple(holding[place] for place in range(len(wanted))), corrections)

    def _say(self, key: ClockKey, queue: str | None, step: Step, again: int) -> Statement:
        statement = statement_of(step, again)
        self._tell(name_of(self._contact, key, statement), key, queue, statement, step.known, step.cause, step.events)
        return statement

    def _correct(self, key: ClockKey, queue: str | None, old: Statement, corrections: int) -> None:
        name = transition_id(self._contact, key.clock, key.instance, old.version, "corrected", old.due, corrections)
        self._tell(name, key, queue, old, old.occurred, None, (), name_of(self._contact, key, old))

    def _tell(
        self,
        name: str,
        key: ClockKey,
        queue: str | None,
        told: Statement,
        known: int,
        cause: Cause | None,
        events: Events,
        corrects: str | None = None,
    ) -> None:
        """The record of what is told from now on, or of the correction (`corrects`: the id of what was wrong) of it."""
        transition: Transition = told.transition if corrects is None else "corrected"
        occurred_at = _instant(told.occurred)
        known = max(self._clock, known)
        detail = told.detail
        record = SlaTransition(
            name,
            transition,
            self._contact,
            key.instance,
            _policy(told.policy, told.version),
            told.target / 1000,
            occurred_at if told.due == told.occurred else _instant(told.due),
            occurred_at,
            _instant(known) if known > told.occurred else occurred_at,
            "sla",
            key.clock,
            self._after.channel,
            queue,
            self._after.customer,
            told.elapsed / 1000,
            (told.target - told.elapsed) / 1000,
            ("late" if detail == "late" else "attained") if transition == "fulfilled" else None,
            detail if transition in _ENDED else None,
            cause,
            told.share,
            None if told.calendar is None else _calendar(*told.calendar),
            corrects,
            tuple([event for event, _, _ in events]) if events else (key.instance,),
            tuple([Evidence(event, _instant(at), did) for event, at, did in events]),
            self._about(),
        )
        if transition != "at_risk":
            self.moved = True
        self.said.append((name.encode(), alerts.encode(record)))

    def _about(self) -> ContactContext:
        """The contact at a glance, the same in everything that is said at once."""
        if self._context is None:
            contact = self._after
            identified, transfers = contact.identifier is not None, contact.transfers
            if contact.eventful:
                case = contact.case
                held = case.properties
                self._context = ContactContext(
                    identified=identified,
                    priority=held.priority,
                    segment=held.segment,
                    language=held.language,
                    tags=held.tags,
                    status=case.status,
                    messages=case.unanswered,
                    transfers=transfers,
                    reopened=len(case.reopened),
                )
            else:
                self._context = _caller(identified, transfers)
        return self._context


def given_up(contact_id: str, contact: Contact, book: PolicyBook, at: int) -> list[tuple[bytes, bytes]]:
    """Keys and values of the ends of its broken clocks when a contact is given up at an instant (ms) whose own end was
    lost: it waits for the deadlines of all others."""
    last = contact.copy()
    last.judged = at
    speaker = Speaker(contact_id, last, at)
    for one in all_clocks(last, book):
        now = one.course.standing()
        if now is not None and now.state == "breached" and not now.is_over:
            speaker.end(one, Step("lapsed", at, at, now.due, now.elapsed, now.term, "lost"))
    return speaker.said


def next_due(clocks: Iterable[Clock]) -> int | None:
    """The next instant (ms) at which anything follows of these clocks if nothing happens."""
    return min([due for clock in clocks if (due := clock.course.next_deadline()) is not None], default=None)


def name_of(contact_id: str, key: ClockKey, told: Statement) -> str:
    """Id of the record that said it."""
    clock, instance = key
    transition, version, again = told.transition, told.version, told.again
    if transition == "breached":
        return breach_id(contact_id, clock, instance, version, again)
    if transition == "at_risk":
        if told.first:
            return transition_id(contact_id, clock, instance, version, transition, told.due, again)
        return moment_id(contact_id, clock, instance, version, transition, told.due, told.share, again)
    if clock == ANSWER_WITHIN and transition in _ONCE and told.detail != "no_policy":
        return transition_id(contact_id, clock, instance, version, transition, told.due, again)
    return moment_id(contact_id, clock, instance, version, transition, told.due, told.occurred, again)
