"""The commonest clock by a short path: the promise of an offer to a queue, of a contact of which only queues and calls
tell, under one promise all along, round the clock.

What is told here is what clocks.py and judge.py tell of it, without the steps in between.
"""

from agents.contacts.contact import Contact
from agents.contacts.offer import ANSWERED, Offer
from agents.contacts.run import Events
from agents.contacts.stated import ANSWER_WITHIN, Statement
from schemas.alerts import Transition
from schemas.customers import OpenPromise
from schemas.policy_book import PolicyBook, Promise, Properties


def plain_promise(contact: Contact, offer: Offer, book: PolicyBook) -> Promise | None:
    """What is promised of an offer; None where this takes the long way."""
    if contact.eventful or book.changes(offer.at, max(contact.judged, contact.last, offer.stop)):
        return None
    promise = book.promise(ANSWER_WITHIN, Properties(contact.channel, offer.queue), offer.at)
    return promise if promise.calendar is None else None


def plain_statements(offer: Offer, promise: Promise, judged: int) -> tuple[Statement, ...]:
    """What follows of an offer up to `judged` (ms), and what it came to."""
    policy, version, target, shares, _, _ = promise
    if policy is None or target <= 0:
        return ()
    start, stop, outcome = offer.at, offer.stop, offer.outcome
    due = start + target
    until = judged + 1 if outcome is None else stop
    found = [Statement("activated", due, start, None, version, 0, policy, target, 0)]
    for share in shares:
        used = round(target * share)
        if used < target and start + used < until:
            first = share == shares[0]
            found.append(Statement("at_risk", due, start + used, None, version, 0, policy, target, used, share, first))
    if due < until:
        found.append(Statement("breached", due, due, None, version, 0, policy, target, target))
    if outcome is not None:
        transition, detail = _end(outcome, late=due < until)
        found.append(Statement(transition, due, stop, detail, version, 0, policy, target, stop - start))
    return tuple(found)


def plain_events(offer: Offer, statement: Statement) -> Events:
    """What a statement of an offer rests on."""
    started: Events = ((offer.instance, offer.at, "started"),)
    if offer.stopper is None or statement.transition not in ("fulfilled", "cancelled", "lapsed"):
        return started
    return (*started, (offer.stopper, offer.stop, "stopped"))


def plain_due(offer: Offer, promise: Promise, judged: int) -> int | None:
    """The next instant (ms) after `judged` at which something follows of an offer if nothing happens."""
    if offer.outcome is not None or promise.policy is None or promise.target <= 0:
        return None
    due = offer.at + promise.target
    if due <= judged:
        return None
    instants = [offer.at + round(promise.target * share) for share in promise.at_risk]
    return min([at for at in instants if at > judged], default=due)


def plain_open(offer: Offer, promise: Promise, judged: int) -> OpenPromise | None:
    """What is promised of an offer that waits."""
    if promise.policy is None or promise.target <= 0:
        return None
    due = offer.at + promise.target
    return OpenPromise(ANSWER_WITHIN, promise.policy, promise.version, due, None, due <= judged)


def _end(outcome: str, *, late: bool) -> tuple[Transition, str]:
    if outcome == ANSWERED:
        return "fulfilled", "late" if late else "attained"
    return "lapsed" if late else "cancelled", outcome
