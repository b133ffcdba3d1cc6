"""Endpoints: alerts and mutes, and what people say to them."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Header, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from schemas.instants import Instant, from_ms, to_ms
from schemas.notifications import (
    BLIND,
    CLOSED,
    Acknowledge,
    Alert,
    AlertState,
    Delivery,
    EndMute,
    Mute,
    Severity,
    StartMute,
)
from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers, say
from streams.outlets.gateway.errors import Fault, Refused
from streams.outlets.gateway.paging import page_of

LONGEST_MUTE = timedelta(hours=24)

Label = Literal["rule", "queue", "channel", "policy", "source"]
IdempotencyKey = Annotated[
    str | None, Header(max_length=200, description="the same one again says the same thing once")
]


class Alerts(msgspec.Struct, frozen=True):
    """A page of alerts, the newest first."""

    items: list[Alert]
    next: str | None


class AlertDetails(msgspec.Struct, frozen=True):
    """One alert, and what became of its messages."""

    alert: Alert
    deliveries: list[Delivery]


class Mutes(msgspec.Struct, frozen=True):
    """A page of the mutes that hold now."""

    items: list[Mute]
    next: str | None


class Taken(msgspec.Struct, frozen=True):
    """What you said is kept and will be done. `id`: of what was said; of a new mute it is the mute's."""

    id: str
    at: Instant


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    by: str | None = Field(
        default=None,
        min_length=1,
        max_length=60,
        description="who says it; where there are keys, the key's name counts",
    )


class Acknowledgement(_Body):
    """Somebody looks after it."""

    note: str | None = Field(default=None, min_length=1, max_length=500)


class NewMute(_Body):
    """What is not to be told until when, and why."""

    matchers: dict[Label, Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=1)
    why: str = Field(min_length=1, max_length=200)
    until: AwareDatetime = Field(description="24 h ahead at most")


def register(app: FastAPI, desk: Desk) -> None:
    """Add them."""
    book = desk.picture.book

    @app.get("/api/v1/alerts", operation_id="listAlerts", tags=["alerts"], responses=answers(app, Alerts))
    @needs("viewer")
    async def alerts(
        state: Annotated[AlertState | Literal["open"] | None, Query(description="open: not over")] = None,
        severity: Annotated[Severity | None, Query()] = None,
        rule: Annotated[str | None, Query()] = None,
        queue: Annotated[str | None, Query()] = None,
        channel: Annotated[str | None, Query()] = None,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """Alerts as they stand; of those that are over, the last 2,000."""
        desk.check_read()
        filters = {"state": state, "severity": severity, "rule": rule, "queue": queue, "channel": channel}
        found = [
            alert
            for alert in book.alerts.values()
            if (state is None or alert.state == state or (state == "open" and alert.state not in CLOSED))
            and severity in (None, alert.severity)
            and rule in (None, alert.rule)
            and queue in (None, alert.labels.get("queue"))
            and channel in (None, alert.labels.get("channel"))
        ]
        page, following = page_of(found, _newest_first, limit, cursor, filters)
        return answer(Alerts(page, following))

    @app.get("/api/v1/alerts/{id}", operation_id="getAlert", tags=["alerts"], responses=answers(app, AlertDetails))
    @needs("viewer")
    async def alert(id: str) -> Response:  # noqa: A002 - the name in the path
        """One alert with its evidence, and what became of its messages."""
        desk.check_read()
        return answer(AlertDetails(known(id), book.deliveries(id)))

    taken: dict[str, Any] = {"status_code": 202, "response_class": Response, "responses": answers(app, Taken, 202)}

    @app.post(
        "/api/v1/alerts/{id}/acknowledgement",
        operation_id="acknowledgeAlert",
        tags=["alerts"],
        **taken,
    )
    @needs("lead")
    async def acknowledge(
        id: str,  # noqa: A002 - the name in the path
        request: Request,
        body: Acknowledgement,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Say that somebody looks after an alert. It shows when the alerts agent has it."""
        desk.check_read()
        found = known(id)
        if found.state in CLOSED:
            raise Refused(409, "Closed", "this alert is over: there is nothing to acknowledge")
        if found.rule == BLIND:
            raise Refused(
                409,
                "Ends by itself",
                "the notifier raised this alert because the pipeline stands still, tells it once, and ends it when the "
                "numbers move again: see what stands still by `floorwalker status`",
            )
        by, command, at = say(desk, request, body.by, idempotency_key)
        await desk.commands.send(Acknowledge(id=command, alert=id, by=by, at=at, note=body.note))
        return answer(Taken(command, at), 202)

    @app.get("/api/v1/mutes", operation_id="listMutes", tags=["mutes"], responses=answers(app, Mutes))
    @needs("viewer")
    async def mutes(
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str | None, Query(max_length=2_000)] = None,
    ) -> Response:
        """The mutes that hold now."""
        desk.check_read()
        running = book.running(desk.clock())
        page, following = page_of(running, lambda each: (each.until.isoformat(), each.id), limit, cursor, {})
        return answer(Mutes(page, following))

    @app.post(
        "/api/v1/mutes",
        operation_id="startMute",
        tags=["mutes"],
        **taken,
    )
    @needs("lead")
    async def mute(request: Request, body: NewMute, idempotency_key: IdempotencyKey = None) -> Response:
        """Have alerts that match all of `matchers` told to nobody until then."""
        desk.check_read()
        by, command, at = say(desk, request, body.by, idempotency_key)
        if not at < body.until <= at + LONGEST_MUTE:
            fault = Fault("#/until", "not within the next 24 h")
            raise Refused(422, "Invalid request", f"{fault.pointer}: {fault.detail}", errors=[fault])
        matchers = {str(label): value for label, value in body.matchers.items()}
        until = from_ms(to_ms(body.until))
        await desk.commands.send(StartMute(id=command, matchers=matchers, by=by, why=body.why, at=at, until=until))
        return answer(Taken(command, at), 202)

    @app.delete(
        "/api/v1/mutes/{id}",
        operation_id="endMute",
        tags=["mutes"],
        **taken,
    )
    @needs("lead")
    async def unmute(
        id: str,  # noqa: A002 - the name in the path
        request: Request,
        by: Annotated[str | None, Query(min_length=1, max_length=60)] = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Lift a mute before its time."""
        desk.check_read()
        if id not in book.mutes:
            raise Refused(404, "Not found", "there is no such mute, or it is over")
        name, command, at = say(desk, request, by, idempotency_key)
        await desk.commands.send(EndMute(id=command, mute=id, by=name, at=at))
        return answer(Taken(command, at), 202)

    def known(name: str) -> Alert:
        found = book.alerts.get(name)
        if found is None:
            raise Refused(404, "Not found", "there is no such alert, or it has been over for long")
        return found


def _newest_first(alert: Alert) -> tuple[str, str]:
    return f"{10**15 - to_ms(alert.started_at):015d}", alert.id
