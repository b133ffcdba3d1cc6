"""The alerts agent: what was detected and what people say in; what people are told out."""

from collections.abc import Mapping
from typing import Any

from faust import App

from agents.alerts.processor import Alerting
from agents.alerts.terms import Terms
from schemas.topics import ALERTS_COMMANDS, ALERTS_SLA, ALERTS_TRENDS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings
from streams.telemetry import ALERT_INPUTS_IGNORED


def count_ignored(ignored: Mapping[str, int]) -> None:
    """Add to the process's counter of what alerts did not act on: why -> how many."""
    for reason, n in ignored.items():
        ALERT_INPUTS_IGNORED.labels(reason).inc(n)


def terms_of(settings: Settings) -> Terms:
    """The settings as the rules take them (milliseconds)."""
    told = settings.alerts
    return Terms(
        group_by=told.group_by,
        group_wait=round(told.group_wait * 1000),
        group_interval=round(told.group_interval * 1000),
        repeat_interval=round(told.repeat_interval * 1000),
        keep_firing=round(told.keep_firing * 1000),
        stale_after=round(told.stale_after * 1000),
        mode="live" if settings.service.clock == "wall" else "replay",
        timezone=settings.metric_settings().timezone,
        names={name: queue.display_name for name, queue in settings.queues.items() if queue.display_name},
    )


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    terms = terms_of(settings)
    stage = Stage(
        name="alerts",
        inputs=(ALERTS_SLA.name, ALERTS_TRENDS.name, ALERTS_COMMANDS.name),
        processor=lambda _partition: Alerting(terms, counted=count_ignored),
        # What people say drives no clock.
        feeds={ALERTS_SLA.name: "contacts", ALERTS_TRENDS.name: "metrics"},
        marks_to=(METRICS_PARTIALS.name,),
        partitioned=False,
    )

    @app.agent(engine.add(stage), name="alerts")
    async def tell_alerts(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
