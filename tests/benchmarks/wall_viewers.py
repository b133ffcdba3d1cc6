"""`python -m tests.benchmarks.wall_viewers PORT COUNT TILE RESULT`: so many viewers on one stream, in one process.

Says `open` on stdout when all have their snapshot. Reads until its stdin is closed; then the file RESULT has what each
event's journey was.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import msgspec

_REQUEST = b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"


class Viewed(msgspec.Struct):
    """`values`: the counts that deltas brought, by event number; `received`: when each viewer had that event (s).

    `missing`: events that a viewer did not get between its first and its last; `snapshots`: events that were snapshots
    out of turn. `ended`: streams that ended early.
    """

    viewers: int
    events: int
    deltas: int
    missing: int
    ended: int
    bytes: int
    values: dict[int, int]
    received: dict[int, list[float]]


class Viewer(asyncio.Protocol):
    """One open stream. `got`: when each event came, by number; `opened_at`: the number of the first snapshot."""

    def __init__(self, tile: str | None) -> None:
        self.got: dict[int, float] = {}
        self.opened_at = 0
        self.deltas = 0
        self.values: dict[int, int] = {}
        self.ready = asyncio.get_running_loop().create_future()
        self.ended = False
        self.bytes = 0
        self._tile = tile
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        now = time.time()
        self.bytes += len(data)
        # Chunk sizes of HTTP stand on lines of their own: no line of an event looks like one.
        *whole, self._left = (self._left + data).split(b"\n\n")
        for event in whole:
            self._take(event, now)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self.ended = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("a stream was refused"))

    def _take(self, event: bytes, now: float) -> None:
        at = event.find(b"event: ")
        if at < 0:
            return
        name, id_, data = event[at:].split(b"\n", 2)
        if name == b"event: hello":
            return
        seq = int(id_.rpartition(b"-")[2])
        if name == b"event: snapshot" and not self.ready.done():
            self.opened_at = seq
            self.ready.set_result(None)
            return
        self.got[seq] = now
        if name == b"event: delta":
            self.deltas += 1
            if self._tile is not None:
                tile = json.loads(data.removeprefix(b"data: "))["tiles"].get(self._tile)
                if tile is not None and tile["value"] is not None:
                    self.values[seq] = int(tile["value"])


async def watch(port: int, count: int, tile: str) -> Viewed:
    """Open so many streams; watch until stdin is closed."""
    loop = asyncio.get_running_loop()
    viewers: list[Viewer] = []
    for number in range(count):
        viewer = Viewer(None if number else tile)
        await loop.create_connection(lambda viewer=viewer: viewer, "127.0.0.1", port)  # type: ignore[misc]
        viewers.append(viewer)
    async with asyncio.timeout(60):
        await asyncio.gather(*(viewer.ready for viewer in viewers))
    print("open", flush=True)
    # What comes later goes to all of them.
    began = max(viewer.opened_at for viewer in viewers)
    await asyncio.to_thread(sys.stdin.read)
    # What is under way arrives.
    last = max(max(viewer.got, default=0) for viewer in viewers)
    await asyncio.sleep(1)
    known = range(began + 1, last + 1)
    values = {seq: value for seq, value in viewers[0].values.items() if seq in known}
    return Viewed(
        viewers=count,
        events=len(known),
        deltas=viewers[0].deltas,
        missing=sum(seq not in viewer.got for viewer in viewers for seq in known),
        ended=sum(viewer.ended for viewer in viewers),
        bytes=sum(viewer.bytes for viewer in viewers),
        values=values,
        received={seq: [viewer.got[seq] for viewer in viewers if seq in viewer.got] for seq in values},
    )


def main() -> None:
    """Run as told on the command line."""
    port, count, tile, result = sys.argv[1:]
    Path(result).write_bytes(msgspec.json.encode(asyncio.run(watch(int(port), int(count), tile))))


if __name__ == "__main__":
    main()
