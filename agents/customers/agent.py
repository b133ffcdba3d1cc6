"""The customers agent: what happened to customers in, their profiles out."""

from typing import Any

from faust import App

from agents.customers.customers import Customers
from schemas.topics import CUSTOMERS_EVENTS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    stage = Stage(
        name="customers",
        inputs=(CUSTOMERS_EVENTS.name,),
        processor=lambda _partition: Customers(),
        feeds={CUSTOMERS_EVENTS.name: "contacts"},
        marks_to=(METRICS_PARTIALS.name,),
    )

    @app.agent(engine.add(stage), name="customers")
    async def track_customers(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
