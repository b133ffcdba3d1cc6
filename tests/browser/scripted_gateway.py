"""A gateway whose stream says what a test tells it to say: the contract of docs/reference/stream.md, scripted.

A real HTTP server with the page's own files and the strict headers of the real one; what it stands in for is Kafka.
`python -m tests.browser.scripted_gateway` shows a board to look at.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.browser import scenes

STATIC = Path(__file__).parents[2] / "streams" / "outlets" / "gateway" / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), screen-wake-lock=(self), fullscreen=(self)",
}
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class ScriptedGateway:
    """Runs on a thread of its own, on a free port of loopback.

    `opening`: what a new stream is told, made anew for each. `refuse`: the status by which streams are refused (None:
    they are let in); `let_in`: what /api/v1/me answers, `name`: the key's name there. `answers`: (status, detail) for
    POSTs by path, else 202. `details`: what the API says of an alert, by id; without it it says what the opening
    snapshot has of it, and no more. `posts`: what came in. `opened`: how many streams were asked for, `last_ids`: with
    what Last-Event-ID.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.opening: Callable[[], list[tuple[str, scenes.Said]]] = lambda: [
            ("hello", scenes.hello()),
            ("snapshot", scenes.snapshot(**scenes.troubled())),
        ]
        self.refuse: int | None = None
        self.let_in = 200
        self.name: str | None = None
        self.key = "fw_wall_secret"
        self.answers: dict[str, tuple[int, str]] = {}
        self.details: dict[str, scenes.Said] = {}
        self.posts: list[tuple[str, Any]] = []
        self.opened = 0
        self.last_ids: list[str | None] = []
        self._seq = 0
        self._viewers: dict[web.StreamResponse, asyncio.Event] = {}
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="scripted-gateway", daemon=True)

    def __enter__(self) -> ScriptedGateway:
        self._thread.start()
        if not self._ready.wait(60):
            raise RuntimeError("the scripted gateway did not start within 60 s")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def say(self, name: str, said: scenes.Said) -> None:
        """Tell every open stream."""
        self._run(self._tell(name, said))

    def hang_up(self) -> None:
        """End every open stream, as a restart does."""
        self._run(self._hang_up())

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.get("/", self._file),
                web.get("/static/{name}", self._file),
                web.get("/blank", self._blank),
                web.get("/api/v1/stream", self._stream),
                web.get("/api/v1/me", self._me),
                web.get("/api/v1/alerts/{id}", self._alert),
                web.post("/session", self._session),
                web.post("/api/v1/{rest:.*}", self._post),
            ]
        )
        app.on_response_prepare.append(self._headers)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await self._hang_up()
        await runner.cleanup()

    async def _headers(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    async def _file(self, request: web.Request) -> web.Response:
        path = STATIC / request.match_info.get("name", "index.html")
        if path.parent != STATIC or not path.is_file():
            raise web.HTTPNotFound
        body = await asyncio.to_thread(path.read_bytes)
        return web.Response(body=body, content_type=KINDS[path.suffix], charset="utf-8")

    async def _blank(self, _: web.Request) -> web.Response:
        """A page without anything, to try single modules in."""
        page = '<!doctype html><title>blank</title><link rel="icon" href="/static/icon.svg">'
        return web.Response(text=page, content_type="text/html")

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        self.opened += 1
        self.last_ids.append(request.headers.get("Last-Event-ID"))
        if self.refuse is not None:
            return web.Response(status=self.refuse)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        await response.write(b"retry: 200\n\n")
        for name, said in self.opening():
            await response.write(self._encode(name, said))
        ended = self._viewers[response] = asyncio.Event()
        try:
            await ended.wait()
        finally:
            self._viewers.pop(response, None)
        return response

    def _encode(self, name: str, said: scenes.Said) -> bytes:
        self._seq += 1
        return f"id: 1-{self._seq}\nevent: {name}\ndata: {json.dumps(said)}\n\n".encode()

    async def _tell(self, name: str, said: scenes.Said) -> None:
        line = self._encode(name, said)
        for viewer in tuple(self._viewers):
            try:
                await viewer.write(line)
            except ConnectionError:
                self._viewers.pop(viewer).set()

    async def _hang_up(self) -> None:
        for ended in tuple(self._viewers.values()):
            ended.set()

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"name": self.name, "role": "lead"}, status=self.let_in)

    async def _alert(self, request: web.Request) -> web.Response:
        id_ = request.match_info["id"]
        known = [one for name, said in self.opening() if name == "snapshot" for one in said["alerts"]]
        told = {one["id"]: scenes.details(one) for one in known} | self.details
        return web.json_response(told[id_]) if id_ in told else self._problem(404, "there is no such alert")

    async def _session(self, request: web.Request) -> web.Response:
        said = await request.json()
        self.posts.append((request.path, said))
        if said.get("key") != self.key:
            return self._problem(401, "the key is unknown")
        self.let_in, self.refuse = 200, None
        return web.Response(status=204)

    async def _post(self, request: web.Request) -> web.Response:
        self.posts.append((request.path, await request.json()))
        if request.path in self.answers:
            return self._problem(*self.answers[request.path])
        return web.json_response({}, status=202)

    def _problem(self, status: int, detail: str) -> web.Response:
        body = json.dumps({"type": "about:blank", "title": "Refused", "status": status, "detail": detail})
        return web.Response(status=status, text=body, content_type="application/problem+json")


def main() -> None:
    """Show a board until interrupted."""
    with ScriptedGateway(8081) as gateway:
        print(gateway.url)
        try:
            while True:
                threading.Event().wait(2)
                gateway.say("beat", scenes.beat())
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
