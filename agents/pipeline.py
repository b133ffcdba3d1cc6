"""The one place that wires the pipeline: settings in, a Faust app with its stages out; nothing is started."""

import asyncio
from itertools import chain, repeat

import structlog

from agents.alerts.agent import register as register_alerts
from agents.contacts.agent import register as register_contacts
from agents.customers.agent import register as register_customers
from agents.intake.agent import register as register_intake
from agents.metrics.agent import register as register_metrics
from agents.profiles.agent import register as register_profiles
from agents.registry.agent import register as register_registry
from streams.engine import Engine, build_app
from streams.engine.app import FloorwalkerApp
from streams.engine.setbacks import Setbacks
from streams.health import Health
from streams.service_check import refuse_in_service
from streams.settings import Settings
from streams.topics import TopicsUnserved, ensure_topics, partition_counts

log = structlog.get_logger()
BACKOFF = (0.5, 1.0, 2.0, 5.0)


class NoBroker(Exception):
    """No Kafka was named and none is embedded in this process."""


def build(settings: Settings) -> tuple[FloorwalkerApp, Engine]:
    """The whole pipeline on the Kafka that the settings name. Raises NoBroker where they name none."""
    service = settings.service
    if not service.bootstrap:
        raise NoBroker(
            "no Kafka is named: set service.bootstrap in floorwalker.toml, FLOORWALKER_SERVICE__BOOTSTRAP or "
            "--bootstrap HOST:PORT; `floorwalker up` brings a Kafka of its own"
        )
    bootstrap = service.bootstrap
    app, engine = build_app(
        bootstrap=bootstrap,
        namespace=service.namespace,
        partitions=partition_counts(service.partitions),
        wall=service.clock == "wall",
        flush_interval=service.flush_interval,
        lead=service.grace,
        session_timeout=service.session_timeout,
        data_folder=str(service.data_folder),
    )

    waiting = ["kafka"]
    health = Health(service.port, lambda: waiting or engine.unready())

    async def prepare() -> None:
        # Before anything connects: whoever asks /readyz while Kafka is away gets an answer.
        await health.maybe_start()
        await _topics_when_kafka_is_there(bootstrap, service.namespace, service.partitions)
        if service.clock == "event":
            await refuse_in_service(bootstrap, service.namespace, service.partitions)
        waiting.clear()

    app.prepare = prepare
    stages = (
        register_intake,
        register_contacts,
        register_registry,
        register_customers,
        register_profiles,
        register_metrics,
        register_alerts,
    )
    for register in stages:
        register(app, engine, settings)
    app.add_dependency(health)
    return app, engine


async def _topics_when_kafka_is_there(bootstrap: str, namespace: str, partitions: int) -> None:
    for pause in chain(BACKOFF, repeat(BACKOFF[-1])):
        try:
            await ensure_topics(bootstrap, namespace, partitions)
        except Exception as error:
            if not (isinstance(error, TopicsUnserved) or Setbacks.of_kafka(error)):
                raise
            log.warning("kafka.away", bootstrap=bootstrap, error=repr(error), next_try_seconds=pause)
            await asyncio.sleep(pause)
        else:
            return
