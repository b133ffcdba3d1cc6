"""/healthz, /readyz and /metrics of a process, on its own port."""

from collections.abc import Callable
from typing import Any

import mode
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

log = structlog.get_logger()

GRACE = 1.0
"""Seconds that whoever is being answered has left when the process ends: a scraper that reads no more has no claim."""


class PortTaken(Exception):
    """The port for /healthz, /readyz and /metrics is in use."""


class Health(mode.Service):
    """Serves the three pages while its parent runs. Port 0 takes any free one.

    /healthz: 200 while the process turns. /readyz: 200 when `unready()` is empty, else 503 with what it names.
    """

    def __init__(self, port: int, unready: Callable[[], list[str]], host: str = "127.0.0.1", **options: Any) -> None:
        super().__init__(**options)
        self.port = port
        self._host = host
        self._unready = unready
        self._runner: web.AppRunner | None = None

    async def on_start(self) -> None:
        """Begin to listen; raises PortTaken where another process listens already."""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        try:
            await site.start()
        except OSError as error:
            raise PortTaken(
                f"{self._host}:{self.port} is in use: give this process another port (--port, or service.port; "
                "0 takes any free one)"
            ) from error
        self.port = self._runner.addresses[0][1]
        log.info("health.listening", host=self._host, port=self.port)

    async def on_stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        unready = self._unready()
        return web.json_response({"ready": not unready, "waiting_for": unready}, status=503 if unready else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
