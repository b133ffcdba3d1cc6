"""The contacts agent: canonical events in; promises, facts and what happened to the customer out."""

from collections.abc import Mapping
from typing import Any

import structlog
from faust import App

from agents.contacts.contact import Contact
from agents.contacts.processor import Contacts
from schemas.topics import (
    AGENTS_EVENTS,
    ALERTS_SLA,
    CONTACTS_EVENTS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_LINKS,
    METRICS_PARTIALS,
)
from streams.engine import Engine, Stage
from streams.settings import Settings
from streams.telemetry import CONTACTS_UNJUDGED, EVENTS

log = structlog.get_logger()


def count_source_records(outcomes: Mapping[str, int]) -> None:
    """Add to the process's counter of source records: 'outcome' or 'outcome:reason' -> how many.

    A flush that fails is worked out again and then counted again; the exact numbers are those of metrics.live.
    """
    for name, n in outcomes.items():
        outcome, _, reason = name.partition(":")
        EVENTS.labels(outcome, reason).inc(n)


def report_unjudged(contact: Contact, error: Exception) -> None:
    """Say that the rules cannot tell what has become due of a contact: by its customer's id, which names nobody."""
    CONTACTS_UNJUDGED.inc()
    log.error("contact.unjudged", customer=contact.customer, channel=contact.channel, exc_info=error)


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    service = settings.service
    grace_ms = round(service.grace * 1000) if service.clock == "wall" else 0
    policies = settings.policy_settings()
    namespace = settings.customer_namespace()

    def processor(partition: int) -> Contacts:
        return Contacts(
            f"contacts-{partition}",
            policies=policies,
            namespace=namespace,
            grace_ms=grace_ms,
            counted=count_source_records,
            unjudged=report_unjudged,
        )

    stage = Stage(
        name="contacts",
        inputs=(CONTACTS_EVENTS.name, AGENTS_EVENTS.name),
        processor=processor,
        feeds={CONTACTS_EVENTS.name: "intake", AGENTS_EVENTS.name: "intake"},
        marks_to=(CUSTOMERS_EVENTS.name, CUSTOMERS_LINKS.name, METRICS_PARTIALS.name, ALERTS_SLA.name),
    )

    @app.agent(engine.add(stage), name="contacts")
    async def track_contacts(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
