"""A picture that is told what the topics would say, and a board that looks at it."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from schemas import live, notifications
from schemas.customers import CustomerContact, encode_contact
from schemas.instants import from_ms
from schemas.live import LiveMetrics, Metric, Pipeline, Scope, SourceSeen, TaskMark, Trends, TrendState, Window
from schemas.topics import ALERTS_NOTIFICATIONS, CUSTOMERS_EVENTS, METRICS_LIVE
from streams.outlets.gateway.board import Board, View
from streams.outlets.gateway.picture import Picture
from streams.outlets.gateway.shown import Tile
from streams.sections import Sections

T0 = 1_780_905_600_000
"""2026-06-08 08:00 UTC, a Monday."""

LEVEL = "service_level.answered_over_offered@20"


class Told(NamedTuple):
    """A record of a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    timestamp: int
    partition: int = 0
    offset: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


class Floor:
    """The picture and its board. `sections`: as in floorwalker.toml."""

    def __init__(self, **sections: Any) -> None:
        self.settings = Sections.model_validate(sections)
        self.board = Board(self.settings)
        self.picture = Picture("", self.board.layout)

    def tell(self, topic: str, key: bytes | None, value: bytes | None, at: int) -> None:
        self.picture.take(Told(topic, key, value, at), at)

    def metrics(
        self,
        at: int,
        metrics: dict[str, Metric],
        *,
        kind: str = "all",
        start: int | None = None,
        end: int | None = None,
        **scope: str,
    ) -> None:
        begins, ends = (None if each is None else from_ms(each) for each in (start, end))
        of, window = Scope(**scope), Window(kind, begins, ends)  # type: ignore[arg-type]
        closed = start is not None and end is not None and end <= at
        record = LiveMetrics(scope=of, window=window, watermark=from_ms(at), revision=1, closed=closed, metrics=metrics)
        self.tell(METRICS_LIVE.name, msgspec.json.encode({"scope": of, "window": window}), live.encode(record), at)

    def waiting(self, at: int, n: int, oldest: float | None, **scope: str) -> None:
        metrics = {"contacts_in_queue": Metric(value=n, n=n), "oldest_waiting": Metric(value=oldest, n=n)}
        self.metrics(at, metrics, **scope)

    def level(self, at: int, n: int, m: int, **scope: str) -> None:
        level = Metric(value=n / m if m else None, n=m, numerator=n, denominator=m)
        self.metrics(at, {LEVEL: level}, kind="rolling30min", **scope)

    def pipeline(self, at: int, heard: int | None = None, **sources: SourceSeen) -> None:
        tasks = {"contacts-0": TaskMark(watermark=from_ms(at + 500)), "metrics-0": TaskMark(watermark=from_ms(at))}
        record = Pipeline(tasks=tasks, read=0, accepted=0, ignored=0, failed=0, duplicates=0, sources=sources)
        self.tell(METRICS_LIVE.name, live.PIPELINE_KEY, live.encode(record), at if heard is None else heard)

    def trends(self, at: int, *series: TrendState) -> None:
        record = Trends(watermark=from_ms(at), series=list(series))
        self.tell(METRICS_LIVE.name, live.TRENDS_KEY, live.encode(record), at)

    def say(self, record: notifications.AnyNotification, at: int = T0) -> None:
        self.tell(ALERTS_NOTIFICATIONS.name, b"k", notifications.encode(record), at)

    def contact(self, contact: CustomerContact) -> None:
        self.tell(CUSTOMERS_EVENTS.name, contact.customer.encode(), encode_contact(contact), T0)

    def look(self, now: int) -> View:
        return self.board.look(self.picture, now)

    def tile(self, now: int, name: str) -> Tile:
        return self.look(now).tiles()[name]


def alert(name: str = "a1", **changes: Any) -> notifications.Alert:
    """An alert of the queue sales."""
    known: dict[str, Any] = {
        "id": name,
        "sequence": 1,
        "rule": "sla.breached",
        "labels": {"queue": "sales"},
        "state": "firing",
        "severity": "critical",
        "mode": "live",
        "started_at": from_ms(T0),
        "updated_at": from_ms(T0),
        "summary": "sales: 3 past 20 s",
        "evidence": notifications.Evidence(open=3, total=4),
    }
    return notifications.Alert(**{**known, **changes})
