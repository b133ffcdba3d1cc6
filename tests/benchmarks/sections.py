"""All that is measured, by its name in build/bench.json."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any, Protocol

from tests.benchmarks import (
    backtest,
    contacts_agent,
    customers_job,
    formats,
    growth,
    intake,
    latency,
    look_up,
    memory,
    open_contacts,
    pipeline,
    registry,
    restore,
    takeover,
    wallboard,
    webhooks,
)

Say = Callable[[str], None]


class Section(Protocol):
    """A module that measures one thing."""

    def section(self, told: Namespace, say: Say) -> dict[str, Any]:
        """Measure; returns what build/bench.json says. Raises MeasurementFailed."""

    def table(self, section: dict[str, Any]) -> list[str]:
        """Lines of Markdown that show it."""


SECTIONS: dict[str, Section] = {
    "intake": intake,
    "formats": formats,
    "customers_job": customers_job,
    "contacts_agent": contacts_agent,
    "pipeline": pipeline,
    "latency": latency,
    "restore": restore,
    "memory": memory,
    "open_contacts": open_contacts,
    "registry": registry,
    "takeover": takeover,
    "growth": growth,
    "backtest": backtest,
    "wallboard": wallboard,
    "webhooks": webhooks,
    "look_up": look_up,
}
