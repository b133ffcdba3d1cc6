"""The stream: server-sent events to one viewer."""

import logging
from collections.abc import AsyncIterator, Callable

from sse_starlette import EventSourceResponse
from sse_starlette.sse import AppStatus, SendTimeoutError
from starlette.types import Receive, Scope, Send

from streams import telemetry
from streams.outlets.gateway.hub import Hub, wire
from streams.outlets.gateway.shown import Hello

SEND_TIMEOUT = 10
PING = 15
_RETRY = b"retry: 2000\n\n"
_FAREWELL = b": the gateway ends\n\n"
_CUT_OFF = "ASGI callable returned without completing response."

# The hub ends streams at shutdown; the library's own way is for the whole process, and for good.
AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]


class Stream(EventSourceResponse):
    """Server-sent events; a viewer that takes nothing for 10 s is cut off, which is no fault of ours."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side ends it."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            telemetry.STREAM_DROPS.inc()


def quieten() -> None:
    """Keep the server from logging a viewer that was cut off as an error."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: _CUT_OFF not in record.getMessage())


async def events(hub: Hub, hello: Hello, last: str | None, allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
    """What one viewer gets: what it missed since the event `last`, else a snapshot; then what happens, while
    `allowed`."""
    viewer = hub.join()
    try:
        missed = hub.missed(last)
        greeting = wire("hello", hub.id if missed is None else str(last), hello)
        yield _RETRY + greeting + (hub.snapshot() if missed is None else missed)
        while (event := await viewer.next()) is not None:
            if not allowed():
                return
            yield event
        yield _FAREWELL
    finally:
        hub.leave(viewer)


def response(content: AsyncIterator[bytes]) -> Stream:
    """The answer that carries them."""
    return Stream(content, ping=PING, send_timeout=SEND_TIMEOUT, sep="\n")
