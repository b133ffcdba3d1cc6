"""Endpoints: which identifiers are one customer's, as people say it, and the links that they should look at."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from schemas.identifiers import nodes_of, statement, typed_identifier
from schemas.identities import Node, Review, StatementKind
from schemas.instants import Instant, from_ms
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.api_alerts import IdempotencyKey, Taken
from streams.outlets.gateway.desk import Desk, answer, answers, say
from streams.outlets.gateway.errors import Fault, Refused
from streams.outlets.gateway.paging import after_of, cursor_of

MOST = 10
"""Identifiers that one request may name."""

_Typed = Annotated[str, Field(min_length=1, max_length=320)]


class Reviews(msgspec.Struct, kw_only=True, frozen=True):
    """A page of links that were said and do not hold, by their ids."""

    server_time: Instant
    items: list[Review]
    next: str | None


class Identifiers(BaseModel):
    """The identifiers that something is said of. They are in no URL and in no log."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    identifiers: list[_Typed] = Field(
        min_length=1,
        max_length=MOST,
        description="e-mail addresses, phone numbers, or KIND:ID such as crm:42; numbers without + are dialled in "
        "service.region",
    )
    reason: str | None = Field(default=None, min_length=1, max_length=500)
    by: str | None = Field(
        default=None,
        min_length=1,
        max_length=60,
        description="who says it; where there are keys, the key's name counts",
    )


def register(app: FastAPI, desk: Desk) -> None:
    """Add them."""

    @app.get(
        "/api/v1/identities/review", operation_id="listReviews", tags=["customers"], responses=answers(app, Reviews)
    )
    @needs("lead")
    async def review(
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """Links that were said and do not hold, and why."""
        desk.check_read(desk.history)
        after = after_of(cursor, {})
        found = await desk.history.ask(lambda store: store.reviews(after[0] if after else "", limit + 1))
        page = found[:limit]
        following = cursor_of((page[-1][0],), {}) if len(found) > limit else None
        items = [msgspec.Raw(record) for _, record in page]
        return answer({"server_time": from_ms(desk.clock()), "items": items, "next": following})

    _speak(app, desk, "linked", "link", 2, "linkIdentifiers", "Say that identifiers are one customer's.")
    _speak(
        app, desk, "unlinked", "unlink", 1, "unlinkIdentifiers",
        "Say that the first identifier is none of the others; alone, that it is nobody else's.",
    )  # fmt: skip
    _speak(app, desk, "blocked", "block", 1, "blockIdentifiers", "Have identifiers linked with nothing.")
    _speak(app, desk, "unblocked", "unblock", 1, "unblockIdentifiers", "Let identifiers be linked again.")


def _speak(
    app: FastAPI, desk: Desk, kind: StatementKind, path: str, least: int, operation: str, description: str
) -> None:
    """One endpoint by which a person speaks on identifiers."""

    @needs("lead")
    async def speak(request: Request, body: Identifiers, idempotency_key: IdempotencyKey = None) -> Response:
        nodes = _nodes(desk, body.identifiers, least, in_order=kind == "unlinked")
        by, said, at = say(desk, request, body.by, idempotency_key)
        await desk.commands.state(statement(kind, nodes, "person", at, by=by, reason=body.reason, id_=said))
        return answer(Taken(said, at), 202)

    route: Callable[..., Callable[[Callable[..., Awaitable[Response]]], Any]] = app.post
    route(
        f"/api/v1/identities/{path}",
        operation_id=operation,
        tags=["customers"],
        description=description,
        status_code=202,
        response_class=Response,
        responses=answers(app, Taken, 202),
    )(speak)


def _nodes(desk: Desk, typed: list[str], least: int, *, in_order: bool) -> list[Node]:
    identifiers = []
    faults = []
    for place, text in enumerate(typed):
        try:
            identifiers.append(typed_identifier(text, desk.region))
        except ValueError as error:
            faults.append(Fault(f"#/identifiers/{place}", str(error)))
    distinct = list(dict.fromkeys(identifiers))
    if not faults and len(distinct) < max(least, min(len(typed), 2)):
        faults = [Fault("#/identifiers", "the same one again, or one alone: give different ones")]
    if faults:
        raise Refused(422, "Invalid request", f"{faults[0].pointer}: {faults[0].detail}", errors=faults)
    nodes = nodes_of(desk.ids, distinct)
    if in_order:
        first = desk.ids(distinct[0])
        nodes.sort(key=lambda node: node.customer != first)
    return nodes
