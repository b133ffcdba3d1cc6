"""The ticker: which news viewers are told one by one, and which by a snapshot."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiokafka import TopicPartition

from schemas import notifications
from schemas.instants import from_ms
from schemas.topics import ALERTS_NOTIFICATIONS
from streams.outlets.gateway.reader import Reader
from streams.outlets.gateway.ticker import PACE_MS, Ticker
from tests.unit.gateway_floor import T0, Floor, Told, alert

PLACE = TopicPartition(ALERTS_NOTIFICATIONS.name, 0)


class Gateway:
    """A ticker with one viewer, and a reader that stands at the begin of a topic with so many alerts."""

    def __init__(self, past: int) -> None:
        self.now = T0
        self.floor = Floor()
        self.ticker = Ticker(self.floor.picture, self.floor.board, "e", lambda: self.now)
        self.viewer = self.ticker.hub.join()
        self.reader = Reader("", "", (ALERTS_NOTIFICATIONS,), self.floor.picture, self.ticker.poke, lambda: self.now)
        self.reader.away = None
        self.reader._positions, self.reader._ends = {PLACE: 0}, {PLACE: past}
        self.at = 0

    def read(self, *alerts: notifications.Alert) -> None:
        """The reader reads what was said next."""
        records = [Told(PLACE.topic, b"k", notifications.encode(each), self.now) for each in alerts]
        self.at += len(records)
        self.reader._positions = asyncio.run(self.reader._take(None, records, {PLACE: self.at}))  # type: ignore[arg-type]
        self.reader.has_read = self.reader.has_read or not self.reader.unready()

    def told(self) -> list[tuple[str, Any]]:
        """What the viewer gets at the next tick."""
        self.now += PACE_MS
        self.ticker.tick()
        if not self.viewer._waiting:
            return []
        lines = (asyncio.run(self.viewer.next()) or b"").decode().split("\n")
        names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
        data = [msgspec.json.decode(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        return list(zip(names, data, strict=True))


def test_alerts_of_the_past_are_no_news_but_a_snapshot() -> None:
    gateway = Gateway(past=3)
    gateway.read(alert("a1"), alert("a2"), alert("a1", sequence=2, state="resolved", updated_at=from_ms(T0)))
    ((name, data),) = gateway.told()
    assert name == "snapshot"
    assert [(each["id"], each["state"]) for each in data["alerts"]] == [("a2", "firing"), ("a1", "resolved")]
    assert gateway.told() == []


def test_what_is_said_once_the_past_is_read_is_told_at_once() -> None:
    gateway = Gateway(past=1)
    gateway.read(alert("a1"))
    gateway.told()
    gateway.read(alert("a2"), alert("a3"))
    told = gateway.told()
    assert [(name, data["id"]) for name, data in told if name == "alert"] == [("alert", "a2"), ("alert", "a3")]
    assert "snapshot" not in dict(told)
