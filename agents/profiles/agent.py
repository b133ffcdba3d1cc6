"""The profiles agent: states of members of link sets in, profiles of the sets out."""

from typing import Any

from faust import App

from agents.customers.failures import count_failures
from agents.profiles.profiles import Profiles
from schemas.topics import CUSTOMERS_MEMBERS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    retention = round(settings.customers.retention * 1000)
    stage = Stage(
        name="profiles",
        inputs=(CUSTOMERS_MEMBERS.name,),
        processor=lambda _partition: Profiles(retention=retention, counted=count_failures),
        feeds={CUSTOMERS_MEMBERS.name: "customers"},
        marks_to=(METRICS_PARTIALS.name,),
    )

    @app.agent(engine.add(stage), name="profiles")
    async def unite_profiles(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
