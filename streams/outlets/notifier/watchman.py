"""The watchman: is the pipeline itself still moving? An alert that needs no pipeline to be raised.

It looks at the watermarks of all tasks as the pipeline record tells them. Whatever the reason that the least of them
grows old (a dead worker, a task that stands still, Kafka away), nobody can say what happens on the floor. Pure.
"""

from datetime import datetime, timedelta

import msgspec

from schemas.ids import alert_id
from schemas.instants import to_ms
from schemas.live import Pipeline
from schemas.notifications import BLIND, Alert, Evidence, Subject
from streams.outlets.notifier.words import duration

SHOWN = 3

CLEAR_SHARE = 0.5
"""It is over when the age is under this share of the limit: other to leave than to enter, lest it flutters."""

UNWATCHED = timedelta(seconds=10)
"""After a pause of its own (a machine that slept) it knows as little as at its start."""


class Watchman:
    """Raises and resolves one alert. `blind_after`: seconds; `begun`: when it came on duty; `open_alert`: the one that
    it left open before.

    Until all tasks have passed the instant at which it came on duty it waits for them as long: what is started together
    may have stood still before.
    """

    def __init__(self, blind_after: float, begun: datetime, open_alert: Alert | None = None) -> None:
        self.open_alert = open_alert
        self._limit = timedelta(seconds=blind_after)
        self._begun = begun
        self._looked = begun
        self._seen_fresh = False

    def look(self, now: datetime, pipeline: Pipeline | None) -> Alert | None:
        """What is to be told now: the alert, raised or resolved; None: nothing new."""
        if now - self._looked > UNWATCHED:
            self._begun, self._seen_fresh = now, False
        self._looked = now
        marks = {} if pipeline is None else {n: mark.watermark for n, mark in pipeline.tasks.items() if not mark.ended}
        least = min(marks.values(), default=None)
        age = None if least is None else now - least
        if least is not None and self._begun <= least and now - least <= self._limit:
            self._seen_fresh = True
        if self.open_alert is not None:
            if age is None or age >= self._limit * CLEAR_SHARE:
                return None
            resolved, self.open_alert = _resolved(self.open_alert, now), None
            return resolved
        known = self._seen_fresh or now - self._begun > self._limit
        if not known or (age is not None and age <= self._limit):
            return None
        late = sorted((at, name) for name, at in marks.items() if now - at > self._limit)
        self.open_alert = _raised(least or self._begun, late, len(marks), now)
        return self.open_alert


def _raised(since: datetime, late: list[tuple[datetime, str]], tasks: int, now: datetime) -> Alert:
    age = duration((now - since).total_seconds())
    if not late:
        what = "nothing has been heard of the pipeline"
    elif len(late) == tasks:
        what = "the pipeline stands still"
    else:
        what = f"{len(late)} of {tasks} tasks stand still"
    return Alert(
        id=alert_id(BLIND, {}, to_ms(since)),
        sequence=1,
        rule=BLIND,
        labels={},
        state="firing",
        severity="critical",
        mode="live",
        started_at=since,
        updated_at=now,
        summary=f"Blind: {what} for {age}, numbers and alerts are missing",
        evidence=Evidence(
            open=max(1, len(late)),
            total=max(1, len(late)),
            oldest_since=since,
            subjects=tuple(Subject(id=f"task {name}", since=at) for at, name in late[:SHOWN]),
        ),
        notify="trigger",
        told=True,
    )


def _resolved(alert: Alert, now: datetime) -> Alert:
    span = duration((now - alert.started_at).total_seconds())
    return msgspec.structs.replace(
        alert,
        sequence=alert.sequence + 1,
        state="resolved",
        updated_at=now,
        ended_at=now,
        summary=f"The pipeline moves again after {span}",
        evidence=msgspec.structs.replace(alert.evidence, open=0, oldest_since=None),
        notify="resolve",
    )
