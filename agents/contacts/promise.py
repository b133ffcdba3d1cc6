"""The promise 'answer within X': what becomes of it, what was stated, and what has to be taken back.

Attained up to and including the due instant. A breach bears its due instant whenever it is found, and stays.
Leaving at the due instant is no breach. What turns out otherwise is corrected, never silently.
"""

from collections.abc import Iterable
from functools import lru_cache

from agents.contacts.contact import Contact
from agents.contacts.offer import ANSWERED, Offer, Pair, Statement
from schemas.alerts import PolicyRef, SlaTransition, Transition
from schemas.ids import breach_id, transition_id
from schemas.instants import from_ms

CLOCK = "answer_within"

# What is said within a second bears few instants, and policies are few.
_instant = lru_cache(maxsize=1024)(from_ms)
_policy = lru_cache(maxsize=1024)(PolicyRef)

Step = tuple[Transition, int, str | None]
"""A transition, the instant (ms) at which it occurred, and its outcome or reason."""


def steps(offer: Offer, judged: int) -> tuple[Step, ...]:
    """The transitions of an offer's promise, in order, given that everything up to `judged` (ms) is known."""
    terms = offer.terms
    if terms.policy is None:
        return ()
    at_risk, due = offer.at + terms.at_risk, offer.at + terms.target
    found: tuple[Step, ...] = ()
    if offer.outcome is None:
        if judged >= at_risk and at_risk < due:
            found = (("at_risk", at_risk, None),)
        return found if judged < due else (*found, ("breached", due, None))
    stop = offer.stop
    if stop > at_risk and at_risk < due:
        found = (("at_risk", at_risk, None),)
    if stop > due:
        found = (*found, ("breached", due, None))
    if offer.outcome == ANSWERED:
        return (*found, ("fulfilled", stop, "attained" if stop <= due else "late"))
    return (*found, ("lapsed" if stop > due else "cancelled", stop, offer.outcome))


def state(contact_id: str, pairs: Iterable[Pair], after: Contact, clock: int) -> list[SlaTransition]:
    """What has to be said now of a contact's promises; the offers of `after` remember it as stated.

    `pairs`: its offers that differ from what they were or that wait; of the others nothing new can be said.
    `clock`: the task's, ms. Nothing is detected before it occurred.
    """
    said: list[SlaTransition] = []
    for was, now in pairs:
        if now is not None:
            if was is None or now.outcome is None or not _same_wait(was, now):
                _state(contact_id, after, now, clock, said)
        elif was is not None:
            # A correction says that this never was an offer.
            _restate(contact_id, after, was.copy(), (), 0, clock, said)
    return said


def _same_wait(was: Offer, now: Offer) -> bool:
    """Whether an offer that left its queue waits as long as before: then its promise stands as it was stated."""
    return was.outcome == now.outcome and was.stop == now.stop and was.at == now.at and was.terms is now.terms


def _state(contact_id: str, contact: Contact, offer: Offer, clock: int, said: list[SlaTransition]) -> None:
    wanted, said_before = steps(offer, contact.judged), offer.stated
    if not wanted and not said_before:
        return
    due = offer.at + offer.terms.target
    if not said_before:
        offer.stated = tuple([_said(contact_id, contact, offer, step, due, clock, said) for step in wanted])
        return
    for old, (transition, occurred, detail) in zip(said_before, wanted, strict=False):
        if old.occurred != occurred or old.transition != transition or old.detail != detail or old.due != due:
            break
    else:
        if len(said_before) <= len(wanted):
            # Nothing is taken back: what holds is followed by what is new.
            if len(said_before) < len(wanted):
                offer.stated = (
                    *said_before,
                    *[_said(contact_id, contact, offer, step, due, clock, said) for step in wanted[len(said_before) :]],
                )
            return
    _restate(contact_id, contact, offer, wanted, due, clock, said)


def _restate(
    contact_id: str,
    contact: Contact,
    offer: Offer,
    wanted: tuple[Step, ...],
    due: int,
    clock: int,
    said: list[SlaTransition],
) -> None:
    """Take back what is stated and not wanted, then state what is wanted and not stated."""
    version = offer.terms.version
    holding: dict[Step, Statement] = {}
    for old in offer.stated:
        step = (old.transition, old.occurred, old.detail)
        if old.due == due and step in wanted:
            holding[step] = old
            continue
        name = transition_id(contact_id, CLOCK, offer.instance, version, "corrected", old.due, offer.corrections)
        offer.corrections += 1
        wrong = _name(contact_id, offer.instance, old)
        said.append(_record(name, ("corrected", old.occurred, None), contact_id, contact, offer, old.due, clock, wrong))
    for step in wanted:
        if step in holding:
            continue
        holding[step] = _said(contact_id, contact, offer, step, due, clock, said)
    offer.stated = tuple(holding[step] for step in wanted)


def _said(
    contact_id: str, contact: Contact, offer: Offer, step: Step, due: int, clock: int, said: list[SlaTransition]
) -> Statement:
    """Say a step; the statement by which it is remembered."""
    statement = stated(offer, step, due)
    said.append(
        _record(_name(contact_id, offer.instance, statement), step, contact_id, contact, offer, due, clock, None)
    )
    return statement


def stated(offer: Offer, step: Step, due: int) -> Statement:
    """What is remembered of a step that is said now."""
    transition, occurred, detail = step
    return Statement(transition, due, occurred, detail, offer.terms.version, offer.corrections)


def _name(contact_id: str, instance: str, statement: Statement) -> str:
    """Id of the record that said it."""
    transition, version, again = statement.transition, statement.version, statement.again
    if transition == "breached":
        return breach_id(contact_id, CLOCK, instance, version, again)
    return transition_id(contact_id, CLOCK, instance, version, transition, statement.due, again)


def _record(
    name: str,
    step: Step,
    contact_id: str,
    contact: Contact,
    offer: Offer,
    due: int,
    clock: int,
    corrects: str | None,
) -> SlaTransition:
    transition, occurred, detail = step
    terms = offer.terms
    evidence: tuple[str, ...] = (offer.instance,)
    if offer.stopper is not None and transition != "at_risk":
        evidence = (offer.instance, offer.stopper)
    occurred_at = _instant(occurred)
    return SlaTransition(
        id=name,
        transition=transition,
        contact=contact_id,
        instance=offer.instance,
        policy=_policy(terms.policy or "", terms.version),
        target=terms.target / 1000,
        due_at=occurred_at if due == occurred else _instant(due),
        occurred_at=occurred_at,
        detected_at=_instant(clock) if clock > occurred else occurred_at,
        channel=contact.channel,
        queue=offer.queue,
        customer=contact.customer,
        elapsed=(occurred - offer.at) / 1000,
        remaining=(due - occurred) / 1000,
        outcome=("late" if detail == "late" else "attained") if transition == "fulfilled" else None,
        reason=detail if transition in ("cancelled", "lapsed") else None,
        corrects=corrects,
        evidence=evidence,
    )
