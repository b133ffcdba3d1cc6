"""The addresses that providers post to. What proves who sends is the provider's own: no key of ours is needed."""

import asyncio
import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.topics import MIB
from streams.connectors.hooks import Answer, Delivery
from streams.connectors.receiver import RETRY_AFTER, Declined
from streams.outlets.gateway.desk import Desk
from streams.outlets.gateway.errors import Refused, problem

SLOWEST_BODY = 10.0
"""Seconds in which a body must be there."""

MOST_UNDER_WAY = 256 * MIB
"""Bytes of bodies that are being read at a time: whoever sends is not known before the last of them."""


_ADDRESS = re.compile(r"/hooks/([^/]+)/([^/]+)")
_METHODS = ("GET", "HEAD", "POST")


class _Route(NamedTuple):
    """By what requests are counted, as routes of the app are."""

    path: str


_ROUTE = _Route("/hooks/{provider}/{source}")


class UnderWay:
    """How many bytes of bodies are being read."""

    def __init__(self) -> None:
        self.size = 0


class Hooks:
    """The app with these addresses in front of it, for it has nothing to say here: FastAPI's ways take longer than all
    that is done for a delivery. Plain ASGI."""

    def __init__(self, app: ASGIApp, desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self._under_way = UnderWay()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        address = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if address is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE
        try:
            answer = await self._heard(address[1], address[2], Request(scope, receive))
            response = Response(answer.body, answer.status, media_type=answer.content_type)
        except Refused as refused:
            response = problem(scope, refused)
        await response(scope, receive, send)

    async def _heard(self, provider: str, source: str, request: Request) -> Answer:
        """The answer to a request. Raises Refused."""
        if request.method not in _METHODS:
            allow = {"Allow": ", ".join(_METHODS)}
            raise Refused(405, "Method not allowed", "deliveries are posted", headers=allow)
        receiver = self._desk.receiver
        try:
            found = receiver.find(provider, source)
            body = await _body(request, found.hook.largest, self._under_way) if request.method == "POST" else b""
            return await receiver.receive(found, _delivery(request, body, self._desk))
        except Declined as why:
            receiver.declined(provider, source, why)
            raise Refused(why.status, why.title, why.detail, headers=why.headers) from None


def _delivery(request: Request, body: bytes, desk: Desk) -> Delivery:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    query = request.scope["query_string"].decode("latin-1")
    base = desk.public_url.rstrip("/") if desk.public_url else f"http://{headers.get('host', '')}"
    path = request.scope.get("raw_path", request.url.path.encode()).decode("latin-1")
    return Delivery(
        method=request.method,
        url=f"{base}{path}{'?' if query else ''}{query}",
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        headers=headers,
        body=body,
        at=desk.clock(),
    )


async def _body(request: Request, largest: int, under_way: UnderWay) -> bytes:
    """The body as it comes. Raises Declined: too large (413), not all there (400), too slow or too many (503): some
    providers drop what is answered by 408."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > largest:
        raise _too_large(largest)
    parts, size = [], 0
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            async for part in request.stream():
                size += len(part)
                under_way.size += len(part)
                if size > largest:
                    raise _too_large(largest)
                if under_way.size > MOST_UNDER_WAY:
                    detail = "too much is being received at the moment; send it again"
                    raise Declined(503, "Unavailable", detail, "crowded", {"Retry-After": "1", "Connection": "close"})
                parts.append(part)
    except TimeoutError:
        detail = f"a body must be there within {SLOWEST_BODY:g} s"
        later = {"Retry-After": str(RETRY_AFTER), "Connection": "close"}
        raise Declined(503, "Too slow", detail, "too_slow", later) from None
    except ClientDisconnect:
        raise Declined(400, "Invalid request", "the body ended too early", "cut_off") from None
    finally:
        under_way.size -= size
    return b"".join(parts)


def _too_large(largest: int) -> Declined:
    return Declined(413, "Too large", f"a body has {largest} bytes at most", "too_large", {"Connection": "close"})
