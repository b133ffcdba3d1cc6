"""The network between one worker and the brokers: TCP proxies that can be cut, and that see each request.

Kafka's clients go where the brokers tell them to, so every broker has a listener for each worker, which sends the
worker to its proxies (`EmbeddedKafka(listeners=...)`). A cut keeps connections open and holds all that comes, as a
network does that loses packets: what was under way arrives after the mending, late, as it does from a zombie. A refusal
resets connections, old and new.

A request begins with its size (int32) and what it asks for (int16); see Kafka's protocol guide, 'Protocol Primitive
Types' and 'Request Header'. So a `Trap` can close at a given request.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from threading import Event, Thread

from streams.kafka.ports import LOOPBACK, free_port

CHUNK = 256 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by a reset


class Line(Enum):
    """The state of the way to one broker."""

    WHOLE = "whole"
    CUT = "cut"
    REFUSED = "refused"


@dataclass(slots=True)
class Trap:
    """Closes at the first request of one kind: calls `strike` before it is passed on, or right after.

    `strike` runs in the network's thread and must not wait. The request that it strikes before never arrives.
    """

    api_key: int
    passed_on: bool
    strike: Callable[[], None]
    closed: Event


class Proxy:
    """The way from one worker to one broker. Made by `Network`; lives in the network's thread."""

    def __init__(self, net: Network, port: int) -> None:
        self.port = port
        self.upstream = 0
        self.trap: Trap | None = None
        self._net = net
        self._line = Line.WHOLE
        self._whole = asyncio.Event()
        self._whole.set()
        self._connections: set[asyncio.StreamWriter] = set()

    def turn(self, line: Line) -> None:
        """Cut, refuse or mend."""
        self._line = line
        if line is Line.CUT:
            self._whole.clear()
            return
        self._whole.set()
        if line is Line.REFUSED:
            for writer in self._connections:
                _reset(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on until either side ends it."""
        self._connections.add(writer)
        up_writer: asyncio.StreamWriter | None = None
        try:
            await self._whole.wait()
            if self._line is Line.REFUSED:
                _reset(writer)
                return
            up_reader, up_writer = await asyncio.open_connection(LOOPBACK, self.upstream)
            self._connections.add(up_writer)
            ways = {
                asyncio.create_task(self._requests(reader, up_writer)),
                asyncio.create_task(self._answers(up_reader, writer)),
            }
            _, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in others:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            _reset(writer)  # nobody listens there: so the worker is told
        finally:
            for each in (writer, up_writer):
                if each is not None:
                    self._connections.discard(each)
                    each.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(4)
                (size,) = struct.unpack(">i", head)
                request = await reader.readexactly(size)
                await self._whole.wait()
                if self._line is Line.REFUSED:
                    return
                trap = self._net.trap_for(request)
                if trap is not None and not trap.passed_on:
                    trap.strike()
                    trap.closed.set()
                    return
                writer.write(head + request)
                await writer.drain()
                if trap is not None:
                    trap.strike()
                    trap.closed.set()
                    return

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._whole.wait()
                if self._line is Line.REFUSED:
                    return
                writer.write(chunk)
                await writer.drain()


class Network:
    """The ways from one worker to all brokers, run by a thread of their own. For any thread to use."""

    def __init__(self, brokers: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._trap: Trap | None = None
        self._proxies = [Proxy(self, free_port()) for _ in range(brokers)]
        self._servers: list[asyncio.Server] = []
        self._thread = Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    @property
    def ports(self) -> tuple[int, ...]:
        """Where the worker finds each broker."""
        return tuple(proxy.port for proxy in self._proxies)

    @property
    def bootstrap(self) -> str:
        """The same as the worker's settings take it."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self.ports)

    def lead_to(self, ports: list[int]) -> None:
        """Where the brokers themselves listen."""
        for proxy, port in zip(self._proxies, ports, strict=True):
            proxy.upstream = port

    def turn(self, line: Line, brokers: tuple[int, ...] | None = None) -> None:
        """Cut, refuse or mend the ways to some brokers, or to all."""
        chosen = [proxy for i, proxy in enumerate(self._proxies) if brokers is None or i in brokers]

        async def do() -> None:
            for proxy in chosen:
                proxy.turn(line)

        asyncio.run_coroutine_threadsafe(do(), self._loop).result(10)

    def set_trap(self, trap: Trap | None) -> None:
        """Wait for a request; None: no longer."""
        self._trap = trap

    def trap_for(self, request: bytes) -> Trap | None:
        """The trap that this request closes."""
        trap = self._trap
        if trap is None or len(request) < 2 or struct.unpack_from(">h", request)[0] != trap.api_key:
            return None
        self._trap = None
        return trap

    def close(self) -> None:
        """End all connections and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        for proxy in self._proxies:
            self._servers.append(await asyncio.start_server(proxy.serve, LOOPBACK, proxy.port, limit=CHUNK))

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        own = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
