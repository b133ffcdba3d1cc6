"""An alert as it is published: the episode, with the evidence of that moment."""

from collections.abc import Collection
from heapq import nlargest, nsmallest
from typing import TypeVar

from agents.alerts.episode import Episode
from agents.alerts.subject import Subject
from agents.alerts.terms import Terms
from agents.alerts.words import summary
from schemas.instants import from_ms, seconds
from schemas.notifications import Alert, Evidence

T = TypeVar("T")

SHOWN = 3
"""How many subjects are named."""


def alert_of(episode: Episode, subjects: Collection[Subject], terms: Terms, now: int) -> Alert:
    """The record of an alert at `now` (ms). `subjects`: those that are remembered."""
    standing = [each for each in subjects if each.stands]
    opened = [each for each in standing if each.open]
    about = opened or standing or subjects
    oldest = min((each.since for each in opened), default=None)
    target = _shared({each.target for each in about})
    business = any(each.business for each in about)
    dues = [each.found for each in about if each.contact is not None]
    evidence = Evidence(
        open=episode.open,
        total=episode.total,
        corrected=episode.corrected,
        oldest_since=None if oldest is None else from_ms(oldest),
        newest_due_at=from_ms(max(dues)) if dues else None,
        target=seconds(target),
        policy=_shared({each.policy for each in about}),
        business=business,
        subjects=tuple(each.public() for each in _shown(opened, subjects)),
        trend=episode.trend,
    )
    return Alert(
        id=episode.id,
        sequence=episode.sequence,
        rule=episode.rule,
        labels=episode.labels,
        state=episode.state,
        severity=episode.severity,
        mode=episode.mode,
        started_at=from_ms(episode.started),
        updated_at=from_ms(now),
        summary=summary(episode, terms, now, oldest=oldest, target=target, business=business),
        evidence=evidence,
        notify=episode.notify,
        told=episode.told,
        ended_at=None if episode.ended is None else from_ms(episode.ended),
        reason=episode.reason,
        acknowledged=episode.acknowledged,
        muted=episode.muted,
    )


def _shown(opened: Collection[Subject], subjects: Collection[Subject]) -> list[Subject]:
    if opened:
        return nsmallest(SHOWN, opened, key=lambda each: (each.since, each.id))
    last = nlargest(SHOWN, subjects, key=lambda each: (each.ended or 0, each.id))
    return sorted(last, key=lambda each: (each.ended or 0, each.id))


def _shared(values: set[T | None]) -> T | None:
    return next(iter(values)) if len(values) == 1 else None
