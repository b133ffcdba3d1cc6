"""An alerts task on a bench: what was detected and said goes in, what people are told comes out. Seconds from START."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.alerts.processor import Alerting
from agents.alerts.terms import Terms
from schemas import alerts, notifications, trends
from schemas.alerts import PolicyRef, SlaTransition
from schemas.instants import from_ms, to_ms
from schemas.notifications import Acknowledge, Alert, AnyCommand, AnyNotification, Delivery, EndMute, Mute, StartMute
from schemas.trends import TrendEvidence, TrendTransition
from streams.processor import Headers

START = to_ms(datetime.fromisoformat("2026-03-02T13:28:00+00:00"))
"""14:28 in Berlin."""

TERMS = Terms(
    group_wait=30_000,
    group_interval=300_000,
    repeat_interval=3_600_000,
    keep_firing=300_000,
    stale_after=900_000,
    timezone="Europe/Berlin",
    names={"sales": "Sales"},
)
TARGET = 20
Said = SlaTransition | TrendTransition | AnyCommand | bytes


@dataclass
class Line:
    """The parts of a consumer record that the rules look at."""

    topic: str
    value: bytes | None
    key: bytes | None = b"k"
    partition: int = 0
    offset: int = 7
    timestamp: int = 0
    headers: Headers = ()


def ms(seconds: float) -> int:
    return START + round(seconds * 1000)


def instant(seconds: float) -> datetime:
    return from_ms(ms(seconds))


def _sla(contact: str, transition: Any, due: float, at: float, **said: Any) -> SlaTransition:
    facts: dict[str, Any] = {
        "id": f"{transition}-{contact}-{due:g}",
        "instance": f"offer-{contact}",
        "policy": PolicyRef("answer-within-default", 1),
        "target": TARGET,
        "detected_at": instant(at),
        "channel": "phone",
        "queue": "sales",
    }
    return SlaTransition(
        contact=contact, transition=transition, due_at=instant(due), occurred_at=instant(at), **facts | said
    )


def breach(contact: str, due: float, **said: Any) -> SlaTransition:
    """A caller in sales has waited past 20 s."""
    return _sla(contact, "breached", due, due, **said)


def answered(contact: str, due: float, at: float, **said: Any) -> SlaTransition:
    """Answered late."""
    return _sla(contact, "fulfilled", due, at, **{"outcome": "late"} | said)


def gone(contact: str, due: float, at: float, **said: Any) -> SlaTransition:
    """Left the queue after the breach."""
    return _sla(contact, "lapsed", due, at, **{"reason": "abandoned"} | said)


def corrected(wrong: SlaTransition, **said: Any) -> SlaTransition:
    """What was said turned out not to be so."""
    changed: dict[str, Any] = {"id": f"not-{wrong.id}", "transition": "corrected", "corrects": wrong.id}
    return alerts.decode(alerts.encode(_replaced(wrong, **changed | said)))


def _replaced(wrong: SlaTransition, **changed: Any) -> SlaTransition:
    values = {name: getattr(wrong, name) for name in wrong.__struct_fields__} | {"outcome": None, "reason": None}
    return SlaTransition(**values | changed)


def trend(transition: Any, since: float, at: float, **said: Any) -> TrendTransition:
    """More calls than usual in sales: 31 against 16."""
    facts: dict[str, Any] = {"rule": "arrivals.high", "queue": "sales", "channel": "phone"}
    evidence = TrendEvidence(observed=31, expected=16, statistic=9, threshold=6, days=14)
    facts = facts | {"evidence": evidence} | said
    name = f"{facts['rule']}-{facts.get('queue')}-{facts.get('source')}-{since:g}"
    return TrendTransition(
        id=f"{transition}-{name}",
        trend=name,
        transition=transition,
        since=instant(since),
        detected_at=instant(at),
        **facts,
    )


def silence(transition: Any, since: float, at: float, **said: Any) -> TrendTransition:
    """Nothing is heard of the source pbx, until a record comes."""
    facts: dict[str, Any] = {"observed": int(transition == "closed"), "expected": 12, "statistic": 12, "threshold": 9}
    evidence = TrendEvidence(**facts | said)
    return trend(transition, since, at, rule="source.silent", queue=None, channel=None, source="pbx", evidence=evidence)


def acknowledge(alert: str, at: float, by: str = "Dana", name: str = "ack-1") -> Acknowledge:
    return Acknowledge(id=name, alert=alert, by=by, at=instant(at))


def mute(at: float, until: float, name: str = "mute-1", **matchers: str) -> StartMute:
    return StartMute(id=name, matchers=matchers, by="Dana", why="works", at=instant(at), until=instant(until))


def unmute(at: float, mute: str = "mute-1") -> EndMute:
    return EndMute(id=f"un{mute}", mute=mute, by="Dana", at=instant(at))


def line_of(said: Said, topic: str | None = None) -> Line:
    if isinstance(said, bytes):
        return Line(topic or "alerts.sla", said)
    if isinstance(said, SlaTransition):
        return Line("n.alerts.sla", alerts.encode(said))
    if isinstance(said, TrendTransition):
        return Line("n.alerts.trends", trends.encode(said))
    return Line("n.alerts.commands", notifications.encode(said))


@dataclass
class Desk:
    """One task: `changelog` holds what was flushed, `said` all that was ever published."""

    terms: Terms = TERMS
    said: list[AnyNotification] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    changelog: dict[bytes, bytes | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rules = Alerting(self.terms, counted=self._count)

    def _count(self, ignored: Any) -> None:
        for why, n in ignored.items():
            self.ignored[why] = self.ignored.get(why, 0) + n

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Any = (), partition: int | None = None
    ) -> None:
        assert topic == "alerts.notifications"
        assert key is not None
        assert value is not None
        said = notifications.decode(value)
        assert not isinstance(said, Delivery)
        assert said.id == key.decode()
        self.said.append(said)

    def take(self, *said: Said, topic: str | None = None) -> None:
        for each in said:
            self.rules.take(line_of(each, topic), self)

    def at(self, seconds: float, *said: Said) -> list[Alert]:
        """Move the clock, take what was said, flush; returns the alerts that were published."""
        self.rules.advance(ms(seconds), self)
        self.take(*said)
        return self.flush()

    def flush(self, *, ended: bool = False) -> list[Alert]:
        before = len(self.said)
        self.rules.before_flush(self, ended=ended)
        self.changelog.update(self.rules.changes())
        return [each for each in self.said[before:] if isinstance(each, Alert)]

    def until(self, end: float, *said: tuple[float, Said], step: float = 1.0) -> list[tuple[float, str, str | None]]:
        """Live through it, a flush a step; returns (seconds, state, notify) of every alert that was published."""
        waiting = sorted(said, key=lambda each: each[0])
        story: list[tuple[float, str, str | None]] = []
        now = 0.0
        while now <= end:
            due = [each for at, each in waiting if now - step < at <= now]
            story += [(now, each.state, each.notify) for each in self.at(now, *due)]
            now += step
        return story

    def told(self) -> list[tuple[float, str]]:
        """(seconds, what) of everything that receivers were to be told."""
        return [
            ((to_ms(each.updated_at) - START) / 1000, each.notify)
            for each in self.said
            if isinstance(each, Alert) and each.notify
        ]

    def alert(self) -> Alert:
        """The last word on an alert."""
        return [each for each in self.said if isinstance(each, Alert)][-1]

    def mutes(self) -> list[Mute]:
        return [each for each in self.said if isinstance(each, Mute)]

    def restarted(self) -> Desk:
        """Another task that has read this one's changelog."""
        other = Desk(self.terms, self.said, self.ignored, dict(self.changelog))
        for key, value in self.changelog.items():
            other.rules.restore(key, value)
        other.rules.restored()
        return other
