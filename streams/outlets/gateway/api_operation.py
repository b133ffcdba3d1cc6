"""Endpoints for whoever runs it: alive, ready, counters."""

import msgspec
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from streams.outlets.gateway.access import needs
from streams.outlets.gateway.desk import Desk, answer, answers


class Ready(msgspec.Struct, frozen=True):
    """Whether it is ready, and what it waits for."""

    ready: bool
    waiting_for: list[str]


class Alive(msgspec.Struct, frozen=True):
    """The process turns."""

    status: str


def register(app: FastAPI, desk: Desk) -> None:
    """Add them."""

    @app.get("/healthz", operation_id="isAlive", tags=["operation"], responses=answers(app, Alive))
    @needs("public")
    async def healthz() -> Response:
        """200 while the process turns."""
        return answer(Alive("ok"))

    @app.get(
        "/readyz",
        operation_id="isReady",
        tags=["operation"],
        responses=answers(app, Ready) | answers(app, Ready, 503, "Not yet, or Kafka is away."),
    )
    @needs("public")
    async def readyz() -> Response:
        """200 when all topics are read to their end and Kafka answers, else 503 with what is waited for."""
        waiting = desk.unready()
        return answer(Ready(not waiting, waiting), 503 if waiting else 200)

    @app.get("/metrics", operation_id="getCounters", tags=["operation"], response_class=Response)
    @needs("viewer")
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
