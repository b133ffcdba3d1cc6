"""The ticker: looks at the board when something was read and as time passes, and tells the hub what changed."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from schemas.instants import SECOND
from streams.outlets.gateway.alert_book import line_of
from streams.outlets.gateway.board import Board, View, beat_of, delta_of, laid_out_alike, snapshot_of
from streams.outlets.gateway.hub import Hub
from streams.outlets.gateway.picture import Picture
from streams.outlets.gateway.shown import Snapshot

PACE_MS = 200
"""Deltas come at most so often; what changes after a pause goes out at once."""

BEAT_MS = 5 * SECOND
SNAPSHOT_MS = 60 * SECOND


class Ticker:
    """Keeps the view that viewers have, and sends what changes in it. `clock`: the server's time, ms."""

    def __init__(self, picture: Picture, board: Board, epoch: str, clock: Callable[[], int]) -> None:
        self._picture = picture
        self._board = board
        self._clock = clock
        self._news = asyncio.Event()
        self.view: View = board.look(picture, clock())
        self.hub = Hub(epoch, self.snapshot)
        now = clock()
        self._looked, self._beat, self._healed = 0, now, now

    def snapshot(self, seq: int) -> Snapshot:
        """The board as viewers have it, at the time of now."""
        return snapshot_of(self.view, self._picture, seq, self._clock())

    def poke(self) -> None:
        """Something was read."""
        self._news.set()

    async def run(self) -> None:
        """Send what changes until cancelled."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), PACE_MS / SECOND)
            self._news.clear()
            self.tick()
            rest = PACE_MS - (self._clock() - self._looked)
            if rest > 0 and self._looked:
                await asyncio.sleep(rest / SECOND)

    def tick(self) -> None:
        """Look, and send what there is to be said now."""
        now = self._clock()
        before, self.view = self.view, self._board.look(self._picture, now)
        view, hub = self.view, self.hub
        alerts, self._picture.news = self._picture.news, []
        old_news, self._picture.old_news = self._picture.old_news, False
        for alert in alerts:
            hub.send("alert", lambda _, alert=alert: line_of(alert), now)  # type: ignore[misc]
        sent = bool(alerts)
        if old_news or not laid_out_alike(before, view) or now - self._healed >= SNAPSHOT_MS:
            self._healed = now
            hub.send("snapshot", self.snapshot, now)
            sent = True
        else:
            delta = delta_of(before, view, hub.seq + 1, now)
            if delta is not None:
                hub.send("delta", lambda _: delta, now)
                sent = True
        if now - self._beat >= BEAT_MS:
            self._beat = now
            hub.send("beat", lambda seq: beat_of(view, seq, now), now)
        self._looked = now if sent else 0
