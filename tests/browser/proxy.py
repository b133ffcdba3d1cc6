"""A reverse proxy as one stands before a gateway: passes everything on, or answers by itself for a while."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import aiohttp
from aiohttp import web

_HOP = {"transfer-encoding", "connection", "keep-alive", "content-length", "content-encoding"}


class Proxy:
    """Runs on a thread of its own, on a free port of loopback.

    `to`: the gateway's address. `opened`: how many streams were passed on, `refused`: how many requests were not.
    """

    def __init__(self, to: str) -> None:
        self.to = to
        self.port = 0
        self.opened = 0
        self.refused = 0
        self._refuse: int | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(self, status: int | None) -> None:
        """Answer the API with this status from now on, and end the streams under way; None: pass everything on."""
        self._loop.call_soon_threadsafe(self._change, status)

    def __enter__(self) -> Proxy:
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the proxy did not start within 60 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _change(self, status: int | None) -> None:
        self._refuse = status
        if status is not None:
            for task in self._under_way:
                task.cancel()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as self._session:
            app = web.Application()
            app.router.add_route("*", "/{rest:.*}", self._pass_on)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.port = runner.addresses[0][1]
            self._ready.set()
            await self._stop.wait()
            self._change(503)
            await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if self._refuse is not None and request.path.startswith("/api/"):
            self.refused += 1
            return web.Response(status=self._refuse, text="no")
        body = await request.read()
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        async with self._session.request(
            request.method, f"{self.to}{request.path_qs}", data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            passed = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP]
            response = web.StreamResponse(status=answer.status)
            response.headers.extend(passed)
            await response.prepare(request)
            if request.path == "/api/v1/stream":
                self.opened += 1
            copying = asyncio.ensure_future(_copy(answer, response))
            self._under_way.add(copying)
            try:
                with suppress(asyncio.CancelledError, ConnectionError, aiohttp.ClientError):
                    await copying
            finally:
                copying.cancel()
                self._under_way.discard(copying)
            return response


async def _copy(answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    async for part in answer.content.iter_any():
        await response.write(part)
