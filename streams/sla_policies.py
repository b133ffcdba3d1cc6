"""What the settings promise, as the rules take it."""

from schemas.instants import SECOND
from schemas.policies import (
    CLOCKS,
    AnswerWithin,
    CalendarTerms,
    Filter,
    Policies,
    QueuePolicy,
    SlaPolicy,
    Target,
)
from streams import sla_sections
from streams.sections import Queue, Sections, Sla
from streams.sla_sections import ROUND_THE_CLOCK, CalendarSection, PolicySection, id_of

RANK_STEP = 10
"""Ranks between two policies of the file: room for one that is published from elsewhere."""


def policies_of(sections: Sections) -> Policies:
    """All that the settings promise: of every queue (milliseconds), policies and calendars."""
    return Policies(
        default=QueuePolicy(answer_within=_promise(sections.sla), max_wait_ms=_ms(sections.sla.max_wait)),
        queues={name: _queue_policy(name, queue, sections.sla) for name, queue in sections.queues.items()},
        sla=tuple(_policy(policy, place) for place, policy in enumerate(sections.policies, start=1)),
        calendars=tuple(
            _calendar(name, calendar, sections.service.timezone) for name, calendar in sections.calendars.items()
        ),
    )


def _policy(policy: PolicySection, place: int) -> SlaPolicy:
    given = policy.targets.given()
    return SlaPolicy(
        id=policy.id,
        version=policy.version,
        rank=RANK_STEP * place if policy.rank is None else policy.rank,
        effective_from=policy.effective_from,
        retired=policy.retired,
        applies=Filter(
            channels=policy.channels,
            queues=policy.queues,
            priorities=policy.priorities,
            segments=policy.segments,
            tags=policy.tags,
            languages=policy.languages,
        ),
        targets={clock: _target(given[clock], policy) for clock in CLOCKS if clock in given},
        calendar_mode=policy.calendar_mode,
    )


def _target(target: sla_sections.Target, policy: PolicySection) -> Target:
    calendar = policy.calendar if target.calendar is None else target.calendar
    return Target(
        target=target.within,
        at_risk=policy.at_risk if target.at_risk is None else target.at_risk,
        calendar=None if calendar == ROUND_THE_CLOCK else calendar,
    )


def _calendar(name: str, calendar: CalendarSection, timezone: str) -> CalendarTerms:
    return CalendarTerms(
        id=id_of(name, calendar),
        version=calendar.version,
        effective_from=calendar.effective_from,
        timezone=calendar.timezone or timezone,
        hours=calendar.hours,
        holidays=calendar.holidays,
        closed=calendar.closed,
        open=calendar.open,
    )


def _ms(seconds: float) -> int:
    return round(seconds * SECOND)


def _promise(sla: Sla) -> AnswerWithin | None:
    if not sla.answer_within:
        return None
    return AnswerWithin(id=sla.id, version=sla.version, target_ms=_ms(sla.answer_within), at_risk_share=sla.at_risk)


def _queue_policy(name: str, queue: Queue, sla: Sla) -> QueuePolicy:
    """A queue's own promise gets an id of its own; one that differs in nothing is the floor's."""
    max_wait_ms = _ms(sla.max_wait if queue.max_wait is None else queue.max_wait)
    own = (queue.answer_within, queue.at_risk, queue.version, queue.id)
    if all(each is None for each in own):
        return QueuePolicy(answer_within=_promise(sla), max_wait_ms=max_wait_ms)
    within = sla.answer_within if queue.answer_within is None else queue.answer_within
    promise = AnswerWithin(
        id=queue.id or f"answer-within-{name}",
        version=queue.version or 1,
        target_ms=_ms(within),
        at_risk_share=sla.at_risk if queue.at_risk is None else queue.at_risk,
    )
    return QueuePolicy(answer_within=promise if within else None, max_wait_ms=max_wait_ms)
