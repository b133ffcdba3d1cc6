"""The edge: what holds for every request before and after the app has it. Plain ASGI: streams pass as they are."""

import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams import telemetry
from streams.outlets.gateway.errors import Refused, problem

log = structlog.get_logger()

LARGEST_BODY = 64 * 1024
HOOKS = "/hooks/"
"""Below it providers post: bodies of other kinds and sizes, from no page, each with the provider's own proof."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "media-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGE_POLICY = _POLICY + "; require-trusted-types-for 'script'"
# Swagger UI writes markup by innerHTML and styles into elements.
DOCS_POLICY = _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "img-src 'self'", "img-src 'self' data:"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), autoplay=(self), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "magnetometer=(), microphone=(), midi=(), payment=(), usb=(), fullscreen=(self), screen-wake-lock=(self)"
    ),
}


class Edge:
    """Gives every request an id, refuses what no page of ours sends, and puts the headers on every answer.

    `names`: what a request's Host may be (None: anything). `https`: people reach it by https.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] | None, *, https: bool) -> None:
        self.app = app
        self._names = names
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = uuid4().hex
        began, answered = time.perf_counter(), False
        status = 500

        async def reply(message: Message) -> None:
            nonlocal answered, status
            if message["type"] == "http.response.start":
                answered, status = True, message["status"]
                self._dress(message, scope)
            await send(message)

        try:
            refused = self._refused(scope)
            if refused is not None:
                await problem(scope, refused)(scope, receive, reply)
            else:
                await self.app(scope, receive if scope["path"].startswith(HOOKS) else _limited(receive), reply)
        except Exception:
            log.exception("gateway.failed", path=scope["path"], request_id=scope["state"]["request_id"])
            if answered:
                raise
            fault = Refused(500, "Internal error", "a fault of the program; its log has the request_id")
            await problem(scope, fault)(scope, receive, reply)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            # A client may send any word for a method, and each label is kept for good.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            telemetry.REQUESTS.labels(method, route, status).inc()
            if not route.endswith("/stream"):
                telemetry.REQUEST_SECONDS.labels(route).observe(time.perf_counter() - began)

    def _refused(self, scope: Scope) -> Refused | None:
        headers = Headers(scope=scope)
        if self._names is not None and _hostname(headers.get("host", "")) not in self._names:
            return Refused(
                421,
                "Unknown host",
                "this gateway listens on loopback and is not known by that name: set gateway.public_url to the "
                "address that people open",
            )
        if scope["method"] in _SAFE or scope["path"].startswith(HOOKS):
            return None
        if not _from_our_page(headers):
            return Refused(403, "Foreign page", "a page of another site may not change anything here")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > LARGEST_BODY:
            return Refused(413, "Too large", f"a body has {LARGEST_BODY} bytes at most")
        has_body = length != "0" or "transfer-encoding" in headers
        if has_body and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return Refused(415, "Not JSON", "send the body as application/json")
        return None

    def _dress(self, message: Message, scope: Scope) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
            headers[name] = value
        headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Request-Id"] = scope["state"]["request_id"]
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=31536000"


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _from_our_page(headers: Headers) -> bool:
    """Whether a request that changes something comes from a page of ours or from no page at all."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False


def _limited(receive: Receive) -> Receive:
    read = 0

    async def limited() -> Message:
        nonlocal read
        message: Any = await receive()
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            raise HTTPException(413, f"a body has {LARGEST_BODY} bytes at most")
        return message  # type: ignore[no-any-return]

    return limited
