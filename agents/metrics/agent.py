"""The metrics agent: facts of all tasks in, live numbers out."""

from collections.abc import Mapping
from typing import Any

from faust import App

from agents.metrics.processor import Metrics
from schemas.topics import ALERTS_TRENDS, METRICS_PARTIALS
from streams.engine import Engine, Stage
from streams.settings import Settings
from streams.telemetry import METRIC_NAMES_REFUSED


def count_refused(refused: Mapping[str, int]) -> None:
    """Add to the process's counter of facts with a name too many: queue, policy or segment -> how many."""
    for kind, n in refused.items():
        METRIC_NAMES_REFUSED.labels(kind).inc(n)


def register(app: App, engine: Engine, settings: Settings) -> None:
    """Add the agent to the app."""
    metric_settings = settings.metric_settings()
    trend_settings = settings.trend_settings()
    # A backtest may amend any window, however late; in service panes are let go after a while.
    kept = {} if settings.service.clock == "wall" else {"keep_ms": None}
    stage = Stage(
        name="metrics",
        inputs=(METRICS_PARTIALS.name,),
        processor=lambda _partition: Metrics(metric_settings, trend_settings, counted=count_refused, **kept),
        feeds={METRICS_PARTIALS.name: "contacts"},
        marks_to=(ALERTS_TRENDS.name,),
        partitioned=False,
    )

    @app.agent(engine.add(stage), name="metrics")
    async def merge_metrics(batches: Any) -> None:
        async for batch in batches:
            engine.deliver(batch)
