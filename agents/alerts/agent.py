"""The alerts agent: what was detected and what people say in; what people are told out."""

from typing import Any

from faust import App

from agents.alerts.processor import Alerting
from schemas.topics import ALERTS_COMMANDS, ALERTS_SLA, ALERTS_TRENDS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    stage = Stage(
        name="alerts",
        inputs=(ALERTS_SLA.name, ALERTS_TRENDS.name, ALERTS_COMMANDS.name),
        processor=lambda _partition: Alerting(),
        # What people say drives no clock.
        feeds={ALERTS_SLA.name: "contacts", ALERTS_TRENDS.name: "metrics"},
        marks_to=(METRICS_PARTIALS.name,),
        partitioned=False,
    )

    @app.agent(engine.add(stage), name="alerts")
    async def tell_alerts(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
