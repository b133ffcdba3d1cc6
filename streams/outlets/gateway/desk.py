"""The desk: what the endpoints work with."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
from fastapi import FastAPI, Request
from starlette.responses import Response

from schemas.ids import command_id
from schemas.instants import Instant, from_ms
from schemas.policies import Policies
from streams.connectors.receiver import Receiver
from streams.outlets.gateway.access import Access, Who
from streams.outlets.gateway.board import Board
from streams.outlets.gateway.commands import Commands
from streams.outlets.gateway.errors import Refused
from streams.outlets.gateway.history import History
from streams.outlets.gateway.pace import Pace
from streams.outlets.gateway.picture import Picture
from streams.outlets.gateway.reader import Follower, Reader
from streams.outlets.gateway.ticker import Ticker

_encode = msgspec.json.Encoder().encode
_ANYBODY = "this machine"


class Desk:
    """All of it. `readers`: of what the board shows, and of contacts. `clock`: the server's time, ms. `build`: the
    version of program and pages. `receiver`: of webhooks, which come to `public_url`. `posts`, `sign_ins`: how much is
    taken of one person or address. `history`: of customers. `ids`: the customer id of an identifier; `region`: where
    phone numbers without a country code are dialled. `promised`: by the settings."""

    def __init__(
        self,
        *,
        picture: Picture,
        board: Board,
        ticker: Ticker,
        readers: tuple[Reader, Reader],
        history: History,
        ids: Callable[[str], str],
        region: str | None,
        promised: Policies,
        commands: Commands,
        access: Access,
        receiver: Receiver,
        public_url: str | None,
        build: str,
        clock: Callable[[], int],
    ) -> None:
        self.picture = picture
        self.board = board
        self.ticker = ticker
        self.reader, self.contacts_reader = readers
        self.history = history
        self.ids = ids
        self.region = region
        self.promised = promised
        self.commands = commands
        self.access = access
        self.receiver = receiver
        self.public_url = public_url
        self.build = build
        self.clock = clock
        self.posts = Pace(60, 60_000, clock)
        self.sign_ins = Pace(10, 60_000, clock)

    def unready(self) -> list[str]:
        """What is waited for."""
        return list(dict.fromkeys([*self.reader.unready(), *self.contacts_reader.unready(), *self.history.unready()]))

    def check_read(self, reader: Follower | None = None) -> None:
        """Raises Refused (503) while the past is still being read: what is known so far is not true of now."""
        reader = reader or self.reader
        if not reader.has_read:
            waiting = "; ".join(reader.unready())
            raise Refused(503, "Not ready", f"the past is still being read: {waiting}", headers={"Retry-After": "2"})


def who_asks(request: Request) -> Who:
    """Who sent a request that was let pass."""
    who: Who = request.state.who if hasattr(request.state, "who") else request.app.state.access.who(request)
    return who


def say(desk: Desk, request: Request, by: str | None, key: str | None) -> tuple[str, str, Instant]:
    """Who says something, the id of what is said, and when; the same id where it is said again under the same key.

    Raises Refused (429) for who says too much.
    """
    who = who_asks(request)
    name = who.name or by or _ANYBODY
    desk.posts.check(name if who.name else request.client.host if request.client else "")
    said = uuid4().hex if key is None else f"{who.name}\x1f{key}"
    return name, command_id(f"{request.method} {request.url.path}", said), from_ms(desk.clock())


def answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Data as JSON."""
    return Response(_encode(data), status, headers=headers, media_type="application/json")


Documented = dict[int | str, dict[str, Any]]


def answers(app: FastAPI, type_: Any, status: int = 200, what: str = "As described.") -> Documented:
    """The description of an endpoint's answer, for the API's."""
    types: list[Any] = app.state.types
    if type_ not in types:
        types.append(type_)
    name = msgspec.json.schema(type_)["$ref"].rpartition("/")[2]
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {status: {"description": what, "content": {"application/json": {"schema": schema}}}}
