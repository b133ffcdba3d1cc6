"""What a contact adds to the measured facts: signed differences between two states of it."""

from collections.abc import Iterable

from agents.contacts import entry as kinds
from agents.contacts.case import SOLVED
from agents.contacts.contact import Contact
from agents.contacts.offer import ANSWERED, Offer, Pair
from agents.contacts.run import Fact
from schemas.instants import MINUTE
from schemas.partials import CallKey, FactKey
from schemas.policy_book import PolicyBook

Differences = list[tuple[FactKey, int]]
CallDifferences = list[tuple[CallKey, int]]
"""Calls of agents, answered and over."""

_TURNS = frozenset((kinds.OPENED, kinds.SETTLED, kinds.MERGED))


def add_difference(
    before: Contact | None,
    after: Contact,
    pairs: Iterable[Pair],
    facts: Differences,
    calls: CallDifferences,
    book: PolicyBook,
) -> None:
    """Add to `facts` and `calls` what changed from `before` to `after`, whose offers differ by `pairs`.

    `book`: what is promised, by whose calendars business time goes; `before` was measured by what was heard then. The
    sum of all differences of a contact is what its last state measures, however it got there.
    """
    channel = after.channel
    for was, now in pairs:
        if now is None:
            if was is not None:
                _add(channel, was, -1, facts)
        elif was is None:
            _add(channel, now, 1, facts)
        else:
            _change(channel, was, now, facts)
        # In writing an agent holds several conversations at a time, and of many nobody says when they end.
        if channel == "phone" and (was is not None or (now is not None and now.outcome is not None)):
            _call(was, now, calls)
    if after.eventful or (before is not None and before.eventful):
        if before is not None and before.eventful:
            _surveys(before, -1, facts)
        _surveys(after, 1, facts)
        _resolutions(before, after, book, facts)
    if after.unoffered or (before is not None and before.unoffered):
        if before is not None:
            _unoffered(before, -1, facts, calls)
        _unoffered(after, 1, facts, calls)
    if after.left_ivr is not None or (before is not None and before.left_ivr is not None):
        if before is not None:
            _left_ivr(before, -1, facts)
        _left_ivr(after, 1, facts)


def lost_calls(contact: Contact) -> CallDifferences:
    """The difference in calls when a contact is given up whose end never came."""
    if contact.channel != "phone":
        return []
    return [
        ((offer.agent, offer.answered, None), -1)
        for offer in (*contact.offers, *contact.unoffered)
        if offer.outcome == ANSWERED and offer.completed is None and offer.agent is not None
    ]


def _change(channel: str, a: Offer, b: Offer, facts: Differences) -> None:
    if a.at != b.at or a.queue != b.queue:
        _add(channel, a, -1, facts)
        _add(channel, b, 1, facts)
        return
    if a.outcome is None and b.outcome is None:
        return
    pane = b.at // MINUTE
    if a.outcome != b.outcome or a.wait != b.wait:
        facts.append((_outcome(channel, a, pane), -1))
        facts.append((_outcome(channel, b, pane), 1))
    elif a.completed == b.completed and a.agent == b.agent and a.handle_time == b.handle_time:
        return
    if a.outcome == ANSWERED:
        _conversation(channel, a, pane, -1, facts)
    if b.outcome == ANSWERED:
        _conversation(channel, b, pane, 1, facts)


def _add(channel: str, offer: Offer, sign: int, facts: Differences) -> None:
    pane = offer.at // MINUTE
    facts.append(((channel, offer.queue, pane, "offered", 0), sign))
    facts.append((_outcome(channel, offer, pane), sign))
    if offer.outcome == ANSWERED:
        _conversation(channel, offer, pane, sign, facts)


def _outcome(channel: str, offer: Offer, pane: int) -> FactKey:
    outcome = offer.outcome
    if outcome is None:
        return (channel, offer.queue, pane, "waiting", offer.at)
    if outcome == ANSWERED:
        return (channel, offer.queue, pane, "answered", offer.wait)
    return (channel, offer.queue, pane, "left:" + outcome, offer.wait)


def _conversation(channel: str, offer: Offer, pane: int, sign: int, facts: Differences) -> None:
    if offer.completed is not None:
        facts.append(((channel, offer.queue, pane, "completed", offer.wait), sign))
        facts.append(((channel, offer.queue, pane, "handled", offer.handle_time), sign))


def _call(was: Offer | None, now: Offer | None, calls: CallDifferences) -> None:
    """What an agent's time in a call was said to be, and what it is now."""
    if was is not None and was.outcome == ANSWERED:
        if now is not None and now.agent == was.agent and now.answered == was.answered and now.outcome == ANSWERED:
            if was.agent is not None:
                if was.completed is not None:
                    calls.append(((was.agent, was.answered, _end(was, was.completed)), -1))
                if now.completed is not None:
                    calls.append(((was.agent, now.answered, _end(now, now.completed)), 1))
            return
        _tell(was, -1, calls)
    if now is not None and now.outcome == ANSWERED:
        _tell(now, 1, calls)


def _tell(offer: Offer, sign: int, calls: CallDifferences) -> None:
    if offer.agent is not None:
        calls.append(((offer.agent, offer.answered, None), sign))
        if offer.completed is not None:
            calls.append(((offer.agent, offer.answered, _end(offer, offer.completed)), sign))


def _unoffered(contact: Contact, sign: int, facts: Differences, calls: CallDifferences) -> None:
    """Conversations that no queue offered. Their handle time counts like that of others, but for our own calls'."""
    for offer in contact.unoffered:
        if contact.channel == "phone":
            _tell(offer, sign, calls)
        if offer.completed is not None and not contact.outbound:
            facts.append(((contact.channel, offer.queue, offer.at // MINUTE, "handled", offer.handle_time), sign))


def _end(offer: Offer, completed: int) -> int:
    """When the agent was done with a call. Wrap-up follows the conversation, and a measured handle time holds it."""
    if offer.handled is None:
        return max(offer.answered, completed + offer.wrapup)
    return max(offer.answered + offer.handled, completed)


def _left_ivr(contact: Contact, sign: int, facts: Differences) -> None:
    # Whoever was offered to a queue did not end before any.
    if contact.left_ivr is not None and not contact.offers:
        facts.append(((contact.channel, None, contact.left_ivr // MINUTE, "left_ivr", 0), sign))


def _surveys(contact: Contact, sign: int, facts: Differences) -> None:
    """Answers of surveys, by the queue that the contact was in when they came."""
    case = contact.case
    for answer in case.surveys:
        queue = case.held_at(answer.at).queue
        measure = f"survey:{answer.kind}:{answer.scale}"
        facts.append(((contact.channel, queue, answer.at // MINUTE, measure, round(answer.score * 100)), sign))


def _resolutions(before: Contact | None, after: Contact, book: PolicyBook, facts: Differences) -> None:
    if before is not None and _goes_on(before, after, book):
        return
    was: list[FactKey] = []
    if before is not None and before.status is not None:
        was = _resolved(before, book.as_of(before.heard, before.last))
    now = [] if after.status is None else _resolved(after, book)
    if was != now:
        facts.extend((key, -1) for key in was)
        facts.extend((key, 1) for key in now)


def _goes_on(before: Contact, after: Contact, book: PolicyBook) -> bool:
    """Whether all that came is one later event that solves nothing: most do."""
    tail = after.tail
    return (
        tail is not None
        and tail.kind not in _TURNS
        and tail.time > before.last
        and after.lines == before.lines + 1
        and before.heard >= len(book.entries)
        and after.log.startswith(before.log)
    )


def _resolved(contact: Contact, book: PolicyBook) -> list[FactKey]:
    """When it was solved and opened again, and how long it took from its beginning to the first and the last solve:
    by the minute and the queue of each. Business time goes by the calendar by which its total resolution is promised
    at that solve, for the whole. Of one that was settled the beginning is forgotten, and nothing more is told."""
    if contact.packed:
        return []
    case = contact.case
    solved, reopened = _turns(case.facts)
    told = [(at, "solved", 0) for at in solved] + [(at, "reopened", 0) for at in reopened]
    # Of what has a status when it is first heard of, nobody knows when it began.
    if solved and (case.facts[0].kind != "status" or case.facts[0].status == "new"):
        began = case.facts[0].at
        for name, at in (("first_resolution", solved[0]), ("full_resolution", solved[-1])):
            told.append((at, name, at - began))
            calendar = book.promise("total_resolution", case.held_at(at), at).calendar
            if calendar is not None:
                told.append((at, f"{name}_business", calendar.elapsed(began, at)))
    return [(contact.channel, case.held_at(at).queue, at // MINUTE, name, value) for at, name, value in told]


def _turns(facts: Iterable[Fact]) -> tuple[list[int], list[int]]:
    """The instants (ms) at which a contact was solved, and those at which it was opened again, until it was merged."""
    solved: list[int] = []
    reopened: list[int] = []
    for fact in facts:
        if fact.kind == "merged":
            break
        if fact.kind == "status" and (fact.status in SOLVED) != (len(solved) > len(reopened)):
            (solved if fact.status in SOLVED else reopened).append(fact.at)
    return solved, reopened
