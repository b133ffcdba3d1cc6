"""Endpoints: what is known of customers, for whoever answers them."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from schemas.customers import CustomerProfile
from schemas.identifiers import typed_identifier
from schemas.identities import LinkSet
from schemas.instants import Instant, from_ms
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers
from streams.outlets.gateway.errors import Fault, Refused
from streams.outlets.gateway.paging import after_of, cursor_of
from streams.outlets.history.store import Known

MOST = 100
_FORMS = "give an e-mail address, a phone number, mailto:ADDRESS, tel:NUMBER, or KIND:ID such as crm:42"


class CustomerNow(msgspec.Struct, kw_only=True, frozen=True):
    """One customer. `profile`: as of its `as_of`; what is due between that and `server_time` has come due since.
    `identities`: who is who in the link set of the identifier that was asked for, null where it was never linked."""

    server_time: Instant
    profile: CustomerProfile
    identities: LinkSet | None


class Customers(msgspec.Struct, kw_only=True, frozen=True):
    """A page of customers, by their ids."""

    server_time: Instant
    items: list[CustomerProfile]
    next: str | None


class LookUp(BaseModel):
    """Who is asked for."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    identifier: str = Field(
        min_length=1, max_length=320, description=f"{_FORMS}; numbers without + are dialled in service.region"
    )


def register(app: FastAPI, desk: Desk) -> None:
    """Add them."""

    @app.get("/api/v1/customers", operation_id="listCustomers", tags=["customers"], responses=answers(app, Customers))
    @needs("lead")
    async def customers(
        at_risk: Annotated[bool | None, Query(description="with signs of being lost, or without")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """All customers of whom something is known. A link set is one of them."""
        desk.check_read(desk.history)
        filters = {"at_risk": at_risk}
        after = after_of(cursor, filters)
        found = await desk.history.ask(lambda store: store.page(after[0] if after else "", limit + 1, at_risk))
        page = found[:limit]
        following = cursor_of((page[-1][0],), filters) if len(found) > limit else None
        items = [msgspec.Raw(record) for _, record in page]
        return answer({"server_time": from_ms(desk.clock()), "items": items, "next": following})

    @app.get(
        "/api/v1/customers/{id}", operation_id="getCustomer", tags=["customers"], responses=answers(app, CustomerNow)
    )
    @needs("lead")
    async def customer(id: str) -> Response:  # noqa: A002 - the name in the path
        """One customer, by the customer id of any of its identifiers."""
        return await _known(desk, id)

    @app.post(
        "/api/v1/customers/look-up",
        operation_id="lookUpCustomer",
        tags=["customers"],
        responses=answers(app, CustomerNow),
    )
    @needs("lead")
    async def look_up(body: LookUp) -> Response:
        """One customer, by an identifier. It is in no URL and in no log."""
        try:
            identifier = typed_identifier(body.identifier, desk.region)
        except ValueError as error:
            detail = f"{error}; {_FORMS}"
            fault = Fault("#/identifier", detail)
            raise Refused(422, "Invalid request", f"#/identifier: {detail}", errors=[fault]) from None
        return await _known(desk, desk.ids(identifier))


async def _known(desk: Desk, customer: str) -> Response:
    desk.check_read(desk.history)
    known = await desk.history.ask(lambda store: store.customer(customer))
    if known is None:
        raise Refused(404, "Not found", "nothing is known of this customer (any more)")
    return answer(_now(known, from_ms(desk.clock())))


def _now(known: Known, now: Instant) -> dict[str, object]:
    """A CustomerNow, from records that are passed on as they are."""
    identities = None if known.identities is None else msgspec.Raw(known.identities)
    return {"server_time": now, "profile": msgspec.Raw(known.profile), "identities": identities}
