"""What metrics.live must say in the end of promises: how many were kept and broken, by clock, of all and by policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.chaos.numbers import Number


def compliance_of(promises: Iterable[dict[str, Any]]) -> dict[str | None, dict[str, Number]]:
    """By policy, None for all of them: the metrics of every clock that was decided."""
    counts: dict[str | None, Counter[tuple[str, bool]]] = {}
    for promise in promises:
        decided = _decided(promise["stated"])
        if decided is not None:
            policy, kept = decided
            for scope in (None, policy):
                counts.setdefault(scope, Counter())[promise["clock"], kept] += 1
    return {scope: _metrics(own) for scope, own in counts.items()}


def _decided(stated: list[list[Any]]) -> tuple[str, bool] | None:
    """The policy, and whether it was kept: once broken it is not; what was given up in time is neither."""
    for name, *_, policy in stated:
        if name == "breached":
            return policy, False
    if stated and stated[-1][0] == "fulfilled":
        return stated[-1][-1], True
    return None


def _metrics(counts: Counter[tuple[str, bool]]) -> dict[str, Number]:
    metrics: dict[str, Number] = {}
    for clock in sorted({clock for clock, _ in counts}):
        kept, broken = counts[clock, True], counts[clock, False]
        metrics[f"sla_met.{clock}"] = [kept, None, None]
        metrics[f"sla_breached.{clock}"] = [broken, None, None]
        metrics[f"sla_compliance.{clock}"] = [kept / (kept + broken), kept, kept + broken]
        metrics[f"sla_open.{clock}"] = [0, None, None]
        metrics[f"sla_at_risk.{clock}"] = [0, None, None]
    return metrics
