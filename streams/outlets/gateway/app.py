"""The app: every endpoint, wired; nothing is started."""

import time
from collections.abc import Iterable
from uuid import UUID, uuid4

import msgspec
from fastapi import FastAPI

from schemas.ids import customer_ids
from schemas.instants import SECOND
from schemas.topics import CUSTOMERS_EVENTS
from streams.connectors.link import Link
from streams.connectors.receiver import Receiver
from streams.connectors.secrets import Source
from streams.outlets.gateway import (
    api_alerts,
    api_board,
    api_contacts,
    api_customers,
    api_identities,
    api_metrics,
    api_operation,
    api_policies,
    errors,
    pages,
)
from streams.outlets.gateway.access import Access, GuardedRoute
from streams.outlets.gateway.board import Board
from streams.outlets.gateway.commands import Commands
from streams.outlets.gateway.desk import Desk
from streams.outlets.gateway.edge import Edge
from streams.outlets.gateway.errors import ProblemDetails
from streams.outlets.gateway.history import History
from streams.outlets.gateway.hooks import Hooks
from streams.outlets.gateway.openapi import openapi_of
from streams.outlets.gateway.pages import STATIC, Files
from streams.outlets.gateway.picture import SHOWN, Picture
from streams.outlets.gateway.reader import Reader
from streams.outlets.gateway.ticker import Ticker
from streams.sections import Sections
from streams.sla_policies import policies_of

API_VERSION = "1"
_ABOUT = (
    "Live numbers, open contacts and alerts of a contact centre. Errors are application/problem+json (RFC 9457). "
    "Lists come in pages: give `next` as `cursor` with the same filter. The stream is described in "
    "docs/reference/stream.md."
)


def now_ms() -> int:
    """The server's time."""
    return int(time.time() * SECOND)


def build_desk(
    settings: Sections,
    bootstrap: str,
    files: Files,
    sources: Iterable[Source] = (),
    secret: UUID | None = None,
) -> Desk:
    """What the endpoints work with. `sources`: of webhooks. `secret`: under which customers get their ids; without it
    nobody is found by an identifier."""
    namespace, folder = settings.service.namespace, settings.service.data_folder
    url = settings.history.url
    board = Board(settings)
    picture = Picture(namespace, board.layout)
    ticker = Ticker(picture, board, uuid4().hex[:8], now_ms)
    return Desk(
        picture=picture,
        board=board,
        ticker=ticker,
        readers=(
            Reader(bootstrap, namespace, SHOWN, picture, ticker.poke, now_ms),
            # Between its records stand watermarks, day and night: from its start it would take minutes.
            Reader(bootstrap, namespace, (CUSTOMERS_EVENTS,), picture, lambda: None, now_ms, reach=_reach(settings)),
        ),
        history=History(bootstrap, namespace, folder, None if url is None else url.get_secret_value(), now_ms),
        ids=customer_ids(secret or uuid4()),
        region=settings.service.region,
        promised=policies_of(settings),
        commands=Commands(bootstrap, namespace),
        access=Access(settings.keys, now_ms, https=(settings.gateway.public_url or "").startswith("https:")),
        receiver=Receiver(sources, Link(bootstrap, namespace), folder / "spool"),
        public_url=settings.gateway.public_url,
        build=files.build(),
        clock=now_ms,
    )


def _reach(settings: Sections) -> int:
    """How long a contact may wait before it is taken for lost, ms."""
    waits = [queue.max_wait for queue in settings.queues.values() if queue.max_wait is not None]
    return round(max([settings.sla.max_wait, *waits]) * SECOND)


def build_app(desk: Desk, files: Files) -> FastAPI:
    """The API and the pages."""
    app = FastAPI(
        title="Floorwalker", version=API_VERSION, description=_ABOUT, openapi_url=None, docs_url=None, redoc_url=None
    )
    app.router.route_class = GuardedRoute
    app.state.access = desk.access
    app.state.types = [ProblemDetails]
    errors.register(app)
    for part in (
        api_board,
        api_metrics,
        api_contacts,
        api_customers,
        api_identities,
        api_alerts,
        api_policies,
        api_operation,
    ):
        part.register(app, desk)
    app.state.openapi = msgspec.json.format(msgspec.json.encode(openapi_of(app)), indent=2)
    pages.register(app, files)
    return app


def build_gateway(desk: Desk, files: Files, names: frozenset[str] | None) -> Edge:
    """All that is served: the API, the pages and the addresses of webhooks, behind the edge. `names`: see Edge."""
    return Edge(Hooks(build_app(desk, files), desk), names, https=desk.access.https)


def openapi_json() -> str:
    """The description of the API, for the reference."""
    files = Files(STATIC)
    document: bytes = build_app(build_desk(Sections(), "", files), files).state.openapi
    return document.decode() + "\n"
