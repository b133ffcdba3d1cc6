"""The hub: every event is encoded once and handed to all viewers as bytes; each has a short queue of its own."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from streams import telemetry
from streams.outlets.gateway.shown import encode

QUEUE = 64
RING_MS = 120_000
_DIGITS = 15
"""Of an event's number, at most."""


class Sent(NamedTuple):
    """One event of the ring."""

    seq: int
    at: int
    wire: bytes


def wire(name: str, id_: str, data: Any) -> bytes:
    """One event as it goes over the wire; `data` is encoded on one line."""
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), id_.encode(), encode(data))


class Viewer:
    """One open stream. Slower than 64 events: what it was to get is gone, and a snapshot is next."""

    def __init__(self, snapshot: Callable[[], bytes]) -> None:
        self._snapshot = snapshot
        self._waiting: deque[bytes] = deque()
        self._behind = False
        self._closed = False
        self._news = asyncio.Event()

    def offer(self, event: bytes) -> None:
        """Hand it one event."""
        if self._behind or self._closed:
            return
        if len(self._waiting) >= QUEUE:
            self._waiting.clear()
            self._behind = True
            telemetry.STREAM_DROPS.inc()
        else:
            self._waiting.append(event)
        self._news.set()

    def close(self) -> None:
        """Nothing comes after what it has already."""
        self._closed = True
        self._news.set()

    async def next(self) -> bytes | None:
        """What to send next; waits for it. None: the stream ends."""
        while True:
            if self._behind:
                self._behind = False
                return self._snapshot()
            if self._waiting:
                # All there is in one write.
                event = b"".join(self._waiting)
                self._waiting.clear()
                return event
            if self._closed:
                return None
            self._news.clear()
            await self._news.wait()


class Hub:
    """Numbers events, remembers those of the last two minutes, and knows who looks on.

    `snapshot`: the board as data, for a sequence number.
    """

    def __init__(self, epoch: str, snapshot: Callable[[int], Any]) -> None:
        self.epoch = epoch
        self.seq = 0
        self.closed = False
        self._make = snapshot
        self._ring: deque[Sent] = deque()
        self._viewers: set[Viewer] = set()

    @property
    def id(self) -> str:
        """Id of the last event."""
        return f"{self.epoch}-{self.seq}"

    def snapshot(self) -> bytes:
        """A snapshot for one viewer, under the last event's id."""
        telemetry.STREAM_EVENTS.labels("snapshot").inc()
        return wire("snapshot", self.id, self._make(self.seq))

    def send(self, name: str, make: Callable[[int], Any], now: int) -> None:
        """Send everybody an event, made for its number, at the server's time (ms)."""
        self.seq += 1
        event = wire(name, self.id, make(self.seq))
        self._ring.append(Sent(self.seq, now, event))
        while self._ring and self._ring[0].at < now - RING_MS:
            self._ring.popleft()
        for viewer in self._viewers:
            viewer.offer(event)
        telemetry.STREAM_EVENTS.labels(name).inc(len(self._viewers))

    def missed(self, last: str | None) -> bytes | None:
        """What came after the event of this id, on one piece; None where that is not known any more."""
        epoch, _, number = (last or "").rpartition("-")
        if epoch != self.epoch or not (number.isascii() and number.isdecimal()) or len(number) > _DIGITS:
            return None
        seq = int(number)
        oldest = self._ring[0].seq if self._ring else self.seq + 1
        if seq > self.seq or seq + 1 < oldest:
            return None
        return b"".join(event.wire for event in self._ring if event.seq > seq)

    def join(self) -> Viewer:
        """Somebody looks on from now."""
        viewer = Viewer(self.snapshot)
        self._viewers.add(viewer)
        telemetry.VIEWERS.set(len(self._viewers))
        if self.closed:
            viewer.close()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """No more."""
        self._viewers.discard(viewer)
        telemetry.VIEWERS.set(len(self._viewers))

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        for viewer in self._viewers:
            viewer.close()
