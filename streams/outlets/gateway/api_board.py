"""Endpoints: who one is, signing in and out, the board, its stream."""

from typing import Annotated

import msgspec
from fastapi import Body, FastAPI, Header, Query, Request
from starlette.responses import Response

from streams.outlets.gateway import stream
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers, who_asks
from streams.outlets.gateway.errors import Refused
from streams.outlets.gateway.shown import SCHEMA, BoardName, Hello, Limits, Snapshot

_EVENTS = "Server-sent events: docs/reference/stream.md."


class Me(msgspec.Struct, frozen=True):
    """Who one is. `name` null: anybody on this machine, where there are no keys."""

    name: str | None
    role: str
    board: BoardName
    build: str


def register(app: FastAPI, desk: Desk) -> None:
    """Add them."""
    board = desk.board

    @app.get("/api/v1/me", operation_id="getMe", tags=["people"], responses=answers(app, Me))
    @needs("wall")
    async def me(request: Request) -> Response:
        """Who you are, and what you may do."""
        who = who_asks(request)
        return answer(Me(who.name, who.role, board.name, desk.build))

    @app.post("/session", operation_id="signIn", tags=["people"], status_code=204, response_class=Response)
    @needs("public")
    async def sign_in(
        request: Request, key: Annotated[str, Body(embed=True, min_length=1, max_length=200)]
    ) -> Response:
        """Swap a key for a session cookie: for pages."""
        desk.sign_ins.check(request.client.host if request.client else "")
        who = desk.access.by_key(key)
        if who is None:
            raise Refused(401, "Not signed in", "that is no key that is known here")
        token, seconds = desk.access.sign_in(who)
        response = Response(status_code=204)
        response.set_cookie(
            desk.access.cookie,
            token,
            max_age=seconds,
            path="/",
            secure=desk.access.https,
            httponly=True,
            samesite="strict",
        )
        return response

    @app.delete("/session", operation_id="signOut", tags=["people"], status_code=204, response_class=Response)
    @needs("public")
    async def sign_out(request: Request) -> Response:
        """End the session."""
        desk.access.sign_out(request)
        response = Response(status_code=204)
        response.delete_cookie(desk.access.cookie, path="/", secure=desk.access.https, httponly=True, samesite="strict")
        return response

    @app.get("/api/v1/board", operation_id="getBoard", tags=["board"], responses=answers(app, Snapshot))
    @needs("wall")
    async def snapshot(
        board: Annotated[str, Query(description="which board")] = "floor",
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The board as its stream has it now."""
        _check(board)
        hub = desk.ticker.hub
        etag = f'W/"{hub.id}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if if_none_match is not None and etag in if_none_match:
            return Response(status_code=304, headers=headers)
        return answer(desk.ticker.snapshot(hub.seq), headers=headers)

    @app.get(
        "/api/v1/stream",
        operation_id="followBoard",
        tags=["board"],
        response_class=Response,
        responses={
            200: {"description": "Server-sent events (docs/reference/stream.md).", "content": {"text/event-stream": {}}}
        },
    )
    @needs("wall")
    async def follow(
        request: Request,
        board: Annotated[str, Query(description="which board")] = "floor",
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The board and what changes in it, as it changes."""
        _check(board)
        who = who_asks(request)
        hello = Hello(
            schema=SCHEMA,
            server_time=desk.clock(),
            mode="replay" if desk.board.replay else "live",
            build=desk.build,
            role=who.role,
            board=desk.board.name,
            limits=Limits(),
        )
        allowed = lambda: desk.access.who(request) is not None  # noqa: E731 - a name for it says no more
        return stream.response(stream.events(desk.ticker.hub, hello, last_event_id, allowed))


def _check(board: str) -> None:
    if board != "floor":
        raise Refused(404, "Not found", "there is no such board; there is: floor")
