"""One offer of a contact to a queue: when, how it left, and what its promise was."""

from collections.abc import Callable

import msgspec

from schemas.alerts import Transition
from schemas.policies import Policies

ANSWERED = "answered"
SYSTEM = "system"

# How an offer came to be closed without an event that said so.
SUPERSEDED = 1
BY_END = 2


class Terms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What its queue promised when the offer was first seen (durations ms); later policies don't touch it.

    `policy` None: no promise.
    """

    policy: str | None
    version: int
    target: int
    at_risk: int
    max_wait: int


TermsOf = Callable[[str | None], Terms]


def terms_of(policies: Policies) -> TermsOf:
    """The terms of every queue, each made once."""
    made: dict[str | None, Terms] = {}

    def of(queue: str | None) -> Terms:
        terms = made.get(queue)
        if terms is None:
            policy = policies.of(queue)
            promise = policy.answer_within
            if promise is None:
                terms = Terms(None, 0, 0, 0, policy.max_wait_ms)
            else:
                target = promise.target_ms
                at_risk = min(promise.at_risk_ms, target)
                terms = Terms(promise.id, promise.version, target, at_risk, policy.max_wait_ms)
            made[queue] = terms
        return terms

    return of


class Statement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A transition that was sent and holds. `due` and `occurred`: ms. `detail`: outcome or reason.

    `version` and `again` are the policy's version and the offer's `corrections` when it was said: its id is made of
    them.
    """

    transition: Transition
    due: int
    occurred: int
    detail: str | None
    version: int
    again: int


class Offer(msgspec.Struct, gc=False):
    """One stay in a queue and the conversation that came of it. Instants and durations in ms.

    `instance`: id of the contact.offered event. `outcome`: 'answered', a reason for leaving, or None while it
    waits. `stop` = `at` + `wait`: when the waiting ended. `stopper`: id of the event that ended it, None for a
    maximum wait that ran out. `implied`: no event said so itself (SUPERSEDED, BY_END). `stated`: transitions that
    were sent and hold; `corrections`: how many were taken back.
    """

    instance: str
    queue: str | None
    at: int
    terms: Terms
    outcome: str | None = None
    wait: int = 0
    stop: int = 0
    stopper: str | None = None
    implied: int = 0
    agent: str | None = None
    answered: int = 0
    completed: int | None = None
    talked: int | None = None
    held: int | None = None
    handled: int | None = None
    hold: int = 0
    hold_since: int | None = None
    wrapup: int = 0
    wrapup_since: int | None = None
    stated: tuple[Statement, ...] = ()
    corrections: int = 0

    def copy(self) -> "Offer":
        """A copy that can be changed and leaves this one as it is."""
        return twin_of(self)

    def leave(self, outcome: str, wait: int, stopper: str | None, implied: int = 0) -> None:
        """The waiting is over, `wait` ms after the offer."""
        self.outcome = outcome
        self.wait = wait if wait > 0 else 0
        self.stop = self.at + self.wait
        self.stopper = stopper
        self.implied = implied

    @property
    def handle_time(self) -> int:
        """Talk + hold + wrap-up, ms, of a completed offer: as measured, else from the times of the events."""
        if self.handled is not None:
            return self.handled
        if self.talked is not None:
            return self.talked + (self.hold if self.held is None else self.held) + self.wrapup
        return (self.completed or self.answered) - self.answered + self.wrapup

    def next_deadline(self, horizon: int) -> int:
        """The next instant after `horizon` at which this open offer changes if nothing happens."""
        terms = self.terms
        if terms.policy is not None:
            for after in (terms.at_risk, terms.target):
                if after < terms.max_wait and self.at + after > horizon:
                    return self.at + after
        return self.at + terms.max_wait


twin_of: Callable[[Offer], Offer] = Offer.__copy__  # type: ignore[attr-defined]
"""`Offer.copy` without a call in between: every event copies its contact's offers."""

Pair = tuple[Offer | None, Offer | None]
"""What an offer was before something happened and what it is after it; None where there was or is none."""
