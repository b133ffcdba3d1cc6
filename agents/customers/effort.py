"""How hard it was for a customer, what they thought of it, and which channel they like. Pure; instants and spans ms."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from agents.customers.contact import Contact
from schemas.customers import Effort, PreferredChannel, SurveyAnswer, SurveyScores
from schemas.instants import DAY, from_ms
from schemas.statistics import wilson

EFFORT_SPAN = 30 * DAY
"""Over which effort is counted."""

HOP_SPAN = DAY
"""Who comes back on another channel within it has changed channels over one matter."""

MATTER_SPAN = 7 * DAY
"""Who comes back on the same topic within it and gets another agent tells the story again."""

PREFERRED_FROM = 2
"""Of fewer contacts there is nothing to prefer."""

SURE_FROM = 5
"""Of fewer contacts nobody can be sure which channel a customer prefers."""


def effort(contacts: Sequence[Contact], clock: int) -> Effort | None:
    """What the contacts (sorted by start) cost the customer lately; None: nothing out of the ordinary."""
    if len(contacts) == 1 and contacts[0].case is None and not contacts[0].transfers:
        return None
    bound = clock - EFFORT_SPAN
    hops = retold = reopened = 0
    before: dict[str, Contact] = {}
    for contact in contacts:
        case, topic = contact.case, contact.topic
        if contact.started > bound:
            retold += max(contact.transfers, 0 if case is None else case.agents - 1)
            former = None if topic is None else before.get(topic)
            if former is not None:
                since = contact.started - former.started
                hops += since < HOP_SPAN and former.channel != contact.channel
                strangers = None not in (former.agent, contact.agent) and former.agent != contact.agent
                retold += since < MATTER_SPAN and strangers
        if topic is not None:
            before[topic] = contact
        reopened += case is not None and any(at > bound for at in case.reopened)
    return Effort(channel_hops=hops, retold=retold, reopened=reopened) if hops or retold or reopened else None


def preferred_channel(used: Mapping[str, int], contacts: Sequence[Contact]) -> PreferredChannel | None:
    """The channel of most contacts, of several the last used; None of fewer than PREFERRED_FROM.

    `used`: how many contacts by channel, of those with any; `contacts`: sorted by start.
    """
    n = sum(used.values())
    if n < PREFERRED_FROM:
        return None
    ranked = sorted(used.items(), key=itemgetter(1), reverse=True)
    channel, most = ranked[0]
    others = ranked[1][1] if len(ranked) > 1 else 0
    if others == most:
        likely = {name for name, count in ranked if count == most}
        channel = next((contact.channel for contact in reversed(contacts) if contact.channel in likely), min(likely))
    return _preferred(channel, most, others, n)


@lru_cache(maxsize=4_096)
def _preferred(channel: str, most: int, others: int, n: int) -> PreferredChannel:
    low, high = wilson(most, n) or (0.0, 1.0)
    return PreferredChannel(
        channel=channel,
        share=round(most / n, 4),
        n=n,
        interval=(round(low, 4), round(high, 4)),
        sure=n >= SURE_FROM and round(low, 4) > others / n,
    )


def survey_scores(answers: Sequence[SurveyAnswer]) -> dict[str, SurveyScores]:
    """The answers to each kind of survey, by their instants, that are on the scale of its last one."""
    scores = {}
    for kind, last in {answer.kind: answer for answer in answers}.items():
        alike = [answer.score for answer in answers if answer.kind == kind and answer.scale == last.scale]
        scores[kind] = SurveyScores(
            n=len(alike),
            scale=last.scale,
            last=last.score,
            last_at=from_ms(last.at),
            mean=round(sum(alike) / len(alike), 4),
        )
    return dict(sorted(scores.items()))
