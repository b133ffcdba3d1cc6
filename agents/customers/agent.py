"""The customers agent: what happened to customers and who is who in; profiles and states of members out."""

from typing import Any

from faust import App

from agents.customers.customers import Customers
from agents.customers.failures import count_failures
from schemas.topics import CUSTOMERS_EVENTS, CUSTOMERS_IDENTITIES, CUSTOMERS_MEMBERS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    retention = round(settings.customers.retention * 1000)
    stage = Stage(
        name="customers",
        inputs=(CUSTOMERS_EVENTS.name, CUSTOMERS_IDENTITIES.name),
        processor=lambda _partition: Customers(retention=retention, counted=count_failures),
        feeds={CUSTOMERS_EVENTS.name: "contacts", CUSTOMERS_IDENTITIES.name: "registry"},
        marks_to=(CUSTOMERS_MEMBERS.name, METRICS_PARTIALS.name),
    )

    @app.agent(engine.add(stage), name="customers")
    async def track_customers(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
