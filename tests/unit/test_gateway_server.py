"""The gateway's HTTP: who begins a request and does not end its head is not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from streams.outlets.gateway.server import HEAD_SECONDS, Protocol

REQUEST = b"POST / HTTP/1.1\r\nHost: floor.example\r\nContent-Length: 4\r\n\r\n"
KEEP_ALIVE = 5.0


class Transport(asyncio.Transport):
    """A connection that is nowhere."""

    closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Timer:
    def __init__(self, seconds: float, callback: Callable[[], None], timers: list[Timer]) -> None:
        self.seconds, self.callback, self._timers = seconds, callback, timers
        timers.append(self)

    def cancel(self) -> None:
        self._timers.remove(self)


class Connection:
    """One connection, with timers that go off when they are told to."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.transport = Transport()
        self.state = ServerState()
        config = uvicorn.Config(self._app, interface="asgi3", log_config=None, proxy_headers=False, ws="none")
        self.protocol = Protocol(config, self.state, {}, self)  # type: ignore[arg-type]
        self.protocol.connection_made(self.transport)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answering.wait()
        await PlainTextResponse("well")(scope, receive, send)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return Timer(seconds, callback, self.timers)

    def create_task(self, job: Awaitable[None], **named: object) -> asyncio.Task[None]:
        return asyncio.ensure_future(job)

    def says(self, data: bytes) -> None:
        self.protocol.data_received(data)

    async def answered(self) -> None:
        await asyncio.gather(*self.state.tasks)

    @property
    def waiting(self) -> list[float]:
        return [each.seconds for each in self.timers]


def talking(body: Callable[[Connection], Awaitable[None]]) -> None:
    async def whole() -> None:
        connection = Connection()
        await body(connection)
        connection.protocol.connection_lost(None)
        assert connection.waiting == []

    asyncio.run(whole())


def test_a_connection_is_closed_that_says_nothing_or_half_a_head() -> None:
    async def body(connection: Connection) -> None:
        (timer,) = connection.timers
        assert timer.seconds == HEAD_SECONDS
        for data in (REQUEST[:5], REQUEST[5:30], REQUEST[30:-2]):
            connection.says(data)
            assert connection.timers == [timer]
        timer.callback()
        assert connection.transport.closed

    talking(body)


def test_nobody_is_hurried_while_a_request_is_under_way() -> None:
    async def body(connection: Connection) -> None:
        connection.answering.clear()
        connection.says(REQUEST)
        assert connection.waiting == []
        connection.says(b"bo")
        connection.says(b"dy")
        assert connection.waiting == []
        connection.answering.set()
        await connection.answered()
        assert connection.waiting == [KEEP_ALIVE]

    talking(body)


def test_on_a_connection_that_is_kept_the_next_head_is_waited_for_as_long() -> None:
    async def body(connection: Connection) -> None:
        for _ in range(2):
            connection.says(REQUEST + b"body")
            await connection.answered()
            connection.says(REQUEST[:5])
            (timer,) = connection.timers
            assert timer.seconds == HEAD_SECONDS
            connection.says(REQUEST[5:20])
            assert connection.timers == [timer]
            connection.says(REQUEST[20:] + b"body")
            assert connection.waiting == []
            await connection.answered()
        connection.says(REQUEST[:5])
        connection.timers[0].callback()
        assert connection.transport.closed

    talking(body)
