"""The gateway as a process: reads, ticks and serves until it is told to end."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from streams.connectors.hooks import Hook
from streams.connectors.keeping import say_who_is_gone
from streams.connectors.secrets import sources_of
from streams.ending import end
from streams.health import PortTaken
from streams.outlets.gateway.app import build_desk, build_gateway
from streams.outlets.gateway.desk import Desk
from streams.outlets.gateway.exposure import check_exposure, names_of
from streams.outlets.gateway.pages import STATIC, Files
from streams.outlets.gateway.stream import quieten
from streams.outlets.history.errors import HistoryUnusable
from streams.settings import Settings

log = structlog.get_logger()

GRACE_SECONDS = 2
HEAD_SECONDS = 15.0
"""How long the head of a request may take: of the first from the connection on, of others from their first bytes."""
_BACKLOG = 2_048


class Protocol(H11Protocol):
    """HTTP as uvicorn has it, which has no patience with who begins a request and does not end its head."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """More of a request, or of several."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class _Server(uvicorn.Server):
    """Ends open streams first: it would wait for them."""

    def __init__(self, config: uvicorn.Config, farewell: Callable[[], None]) -> None:
        super().__init__(config)
        self._farewell = farewell

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal to end; a second one ends at once. It is not raised again afterwards: having ended is no failure."""
        self._farewell()
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve(
    settings: Settings, bootstrap: str, host: str, port: int, providers: Mapping[str, Hook] | None = None
) -> None:
    """Serve until a signal. Port 0 takes any free one. `providers`: of webhooks. Raises Exposed where others could
    reach it and there are no keys, PortTaken where another process listens already, SettingsError where [[hooks]] name
    what is not there, SpoolInUse where another gateway has the data folder, HistoryUnusable where the
    history's database can't be used."""
    check_exposure(settings, host)
    sources = sources_of(settings.hooks, providers or {})
    say_who_is_gone(settings.service.data_folder / "spool", (name for _, name in settings.names_of_sources()))
    listening = _listen(host, port)
    files = Files(STATIC)
    desk = build_desk(settings, bootstrap, files, sources, settings.customer_namespace())
    try:
        await desk.receiver.open()
        await asyncio.to_thread(desk.history.open)
    except (OSError, HistoryUnusable):
        listening.close()
        raise
    app = build_gateway(desk, files, names_of(settings, host))
    config = uvicorn.Config(
        app,
        http=Protocol,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="none",
    )
    loop = asyncio.get_running_loop()
    server = _Server(config, lambda: _soon(loop, desk))
    quieten()
    log.info("gateway.listening", host=host, port=listening.getsockname()[1], build=desk.build)
    jobs = (desk.reader.run(), desk.contacts_reader.run(), desk.ticker.run(), desk.receiver.run(), desk.history.run())
    working = [asyncio.create_task(job) for job in jobs]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        done, _ = await asyncio.wait({serving, *working}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            # What reads and ticks never ends by itself.
            task.result()
    finally:
        desk.ticker.hub.close()
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving
        await end(*working)
        await desk.commands.close()
        await desk.receiver.close()
        await asyncio.to_thread(desk.history.close)
        listening.close()


def _soon(loop: asyncio.AbstractEventLoop, desk: Desk) -> None:
    # A signal comes between any two instructions.
    loop.call_soon_threadsafe(desk.ticker.hub.close)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio sends at once; else the second half of an answer waits 40 ms for an ACK (Nagle).
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise PortTaken(
            f"{host}:{port} can't be listened on ({error.strerror}): give another port (--port, or gateway.port; "
            "0 takes any free one)"
        ) from error
    listening.setblocking(False)
    return listening
