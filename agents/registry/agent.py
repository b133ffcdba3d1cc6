"""The registry agent: who says who is who in, link sets out; and policies, passed on to every contacts task."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from faust import App

from agents.registry.graph import Rules
from agents.registry.processor import Registry
from agents.registry.promises import Promises
from schemas.policies import SlaPolicy
from schemas.topics import CUSTOMERS_IDENTITIES, CUSTOMERS_LINKS, METRICS_PARTIALS, POLICIES
from streams.engine import Engine, Stage
from streams.settings import Settings
from streams.telemetry import POLICIES_WAITING, REGISTRY_INPUTS

log = structlog.get_logger()

CROWDED = 10
"""Who was named with so many times the identifiers of one customer is nobody's own."""


def count_inputs(became: Mapping[str, int]) -> None:
    """Add to the process's counter of statements and policies: what became of them -> how many."""
    for outcome, n in became.items():
        REGISTRY_INPUTS.labels(outcome).inc(n)


def tell_of_waiting(policy: SlaPolicy, calendars: Sequence[str]) -> None:
    """Count and log a version of a policy that waits for calendars."""
    POLICIES_WAITING.inc()
    log.warning(
        "policies.waiting",
        policy=policy.id,
        version=policy.version,
        calendars=list(calendars),
        hint="nobody has defined these calendars, so it promises nothing by them: publish them, or put them into the "
        "settings of all workers",
    )


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    limit = settings.identities.max_identifiers
    calendars = {each.id for each in settings.policy_settings().calendars}
    rules = Rules(limit, settings.identities.single, crowd=CROWDED * limit)
    stage = Stage(
        name="registry",
        inputs=(CUSTOMERS_LINKS.name, POLICIES.name),
        processor=lambda _partition: Registry(
            partitions=settings.service.partitions,
            rules=rules,
            retention=round(settings.customers.retention * 1000),
            promises=Promises(calendars, tell_of_waiting),
            counted=count_inputs,
        ),
        # What is promised drives no clock.
        feeds={CUSTOMERS_LINKS.name: "contacts"},
        marks_to=(CUSTOMERS_IDENTITIES.name, METRICS_PARTIALS.name),
        partitioned=False,
    )

    @app.agent(engine.add(stage), name="registry")
    async def know_who_is_who(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
