"""Endpoint: the contacts that are open now."""

from typing import Annotated

import msgspec
from fastapi import FastAPI, Query
from starlette.responses import Response

from schemas.instants import Instant, from_ms
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers
from streams.outlets.gateway.open_contacts import ContactState, state_of
from streams.outlets.gateway.paging import page_of


class ContactNow(msgspec.Struct, kw_only=True, frozen=True):
    """One contact. `since`: since when it is in its state; `open`: neither in a queue nor with an agent."""

    contact: str
    customer: str
    channel: str
    queue: str | None
    agent: str | None
    state: ContactState
    since: Instant
    started_at: Instant
    offers: int
    transfers: int


class Contacts(msgspec.Struct, frozen=True):
    """A page of contacts, those that have been in their state longest first."""

    items: list[ContactNow]
    next: str | None


def register(app: FastAPI, desk: Desk) -> None:
    """Add it."""

    @app.get("/api/v1/contacts", operation_id="listContacts", tags=["contacts"], responses=answers(app, Contacts))
    @needs("viewer")
    async def contacts(
        queue: Annotated[str | None, Query(description="in this queue")] = None,
        channel: Annotated[str | None, Query(description="on this channel")] = None,
        state: Annotated[ContactState | None, Query(description="in this state")] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """The contacts that are open, with no name, address or text of the customer. Of those that have not changed for
        longer than `sla.max_wait`, only what happened since the gateway started is known."""
        desk.check_read(desk.contacts_reader)
        found = []
        for contact in desk.picture.contacts.all():
            at, since = state_of(contact)
            if queue in (None, contact.queue) and channel in (None, contact.channel) and state in (None, at):
                found.append(
                    ContactNow(
                        contact=contact.contact,
                        customer=contact.customer,
                        channel=contact.channel,
                        queue=contact.queue,
                        agent=contact.agent if at == "answered" else None,
                        state=at,
                        since=from_ms(since),
                        started_at=from_ms(contact.started),
                        offers=contact.offers,
                        transfers=contact.transfers,
                    )
                )
        filters = {"queue": queue, "channel": channel, "state": state}
        page, following = page_of(
            found, lambda each: (each.since.isoformat(), each.contact, each.customer), limit, cursor, filters
        )
        return answer(Contacts(page, following))
