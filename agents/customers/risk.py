"""Reasons why a customer may be lost: each a rule on the contacts, sorted by start. Pure; instants and spans in ms."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from agents.customers.contact import Contact
from schemas.customers import SurveyAnswer
from schemas.instants import DAY

COMPLAINT_SPAN = 30 * DAY
"""How long after its start a contact with a complaint counts."""

SCORE_SPAN = 30 * DAY
"""How long after its instant a survey's answer counts."""

LOW_SCORES: dict[str, tuple[int, int]] = {"nps": (6, 10), "csat": (2, 5), "ces": (3, 7)}
"""By kind of survey the highest low score and the scale that it is meant on; other scales in proportion."""

REPEATED = 3
"""So many contacts on one topic are too many, within REPEATED_SPAN."""

REPEATED_SPAN = 7 * DAY
BREACH_SPAN = 7 * DAY
"""How long after anything last happened in it a contact counts whose promise was broken."""

ABANDONS = 2
"""So many abandoned contacts are too many, within ABANDONED_SPAN and with no answer since."""

ABANDONED_SPAN = 7 * DAY


def complaint(contacts: Sequence[Contact], clock: int) -> bool:
    """There was a complaint lately."""
    return any(
        contact.case is not None and contact.case.complaint for contact in _since(contacts, clock - COMPLAINT_SPAN)
    )


def answers_of(contacts: Iterable[Contact]) -> list[SurveyAnswer]:
    """All answers to surveys, by their instants."""
    answers = [answer for contact in contacts if contact.case is not None for answer in contact.case.surveys]
    if len(answers) > 1:
        answers.sort(key=attrgetter("at", "kind", "scale", "score"))
    return answers


def low_score(contacts: Sequence[Contact], clock: int) -> bool:
    """The last answer to some kind of survey is a low one, and given lately."""
    last = {answer.kind: answer for answer in answers_of(contacts)}
    return any(is_low(answer) and answer.at > clock - SCORE_SPAN for answer in last.values())


def is_low(answer: SurveyAnswer) -> bool:
    """Whether a score is a low one.

    >>> is_low(SurveyAnswer(0, "csat", 2, 5)), is_low(SurveyAnswer(0, "csat", 3, 5))
    (True, False)
    """
    highest, scale = LOW_SCORES[answer.kind]
    return answer.score * scale <= highest * answer.scale


def repeated(contacts: Sequence[Contact], clock: int) -> bool:
    """The customer had to come again and again on one topic."""
    if len(contacts) < REPEATED:
        return False
    lately = _since(contacts, clock - REPEATED_SPAN)
    if len(lately) < REPEATED:
        return False
    topics = Counter(contact.topic for contact in lately if contact.topic is not None and not contact.addition)
    return any(n >= REPEATED for n in topics.values())


def broken_promise(contacts: Sequence[Contact], clock: int) -> bool:
    """A promise is overdue, or one was broken in a contact in which something happened lately."""
    return any(
        any(promise.breached for promise in contact.case.promises)
        or (contact.case.breaches > 0 and contact.touched > clock - BREACH_SPAN)
        for contact in contacts
        if contact.case is not None
    )


def abandoned(contacts: Sequence[Contact], clock: int) -> bool:
    """The customer gave up waiting more than once, and nobody has answered since."""
    gave_up, bound = 0, clock - ABANDONED_SPAN
    for contact in reversed(contacts):
        if contact.started <= bound:
            return False
        if contact.outcome == "answered":
            return False
        gave_up += contact.outcome == "abandoned"
        if gave_up >= ABANDONS:
            return True
    return False


Rule = Callable[[Sequence[Contact], int], bool]

RULES: dict[str, Rule] = {
    "abandoned": abandoned,
    "broken_promise": broken_promise,
    "complaint": complaint,
    "low_score": low_score,
    "repeated": repeated,
}
_OF_CALLS: dict[str, Rule] = {"abandoned": abandoned, "repeated": repeated}
"""The rules that may hold where no contact has a case."""


def reasons(contacts: Sequence[Contact], clock: int) -> list[str]:
    """The reasons that hold at `clock`, in the order of the alphabet."""
    rules = _OF_CALLS if plain(contacts) else RULES
    return [name for name, holds in rules.items() if holds(contacts, clock)]


def plain(contacts: Iterable[Contact]) -> bool:
    """None of the contacts has a case."""
    for contact in contacts:  # noqa: SIM110 - a generator costs three times as much
        if contact.case is not None:
            return False
    return True


def _since(contacts: Sequence[Contact], bound: int) -> Sequence[Contact]:
    """The contacts that started later than `bound`."""
    place = len(contacts)
    while place and contacts[place - 1].started > bound:
        place -= 1
    return contacts[place:]
