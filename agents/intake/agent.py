"""The intake agent: channel payloads in, canonical events and outcomes out."""

from typing import Any

from faust import App

from agents.intake.processor import Intake
from schemas.topics import AGENTS_EVENTS, CHANNEL_TOPICS, CONTACTS_EVENTS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    service = settings.service

    def processor(_partition: int) -> Intake:
        return Intake(
            wall_clock=service.clock == "wall",
            namespace=service.namespace,
            region=service.region,
            regions=settings.regions(),
            settings=settings.source_settings(),
        )

    stage = Stage(
        name="intake",
        inputs=tuple(topic.name for topic in CHANNEL_TOPICS),
        processor=processor,
        marks_to=(CONTACTS_EVENTS.name, AGENTS_EVENTS.name, METRICS_PARTIALS.name),
    )

    @app.agent(engine.add(stage), name="intake")
    async def understand_payloads(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
