"""The state of the metrics: every kind of it has a place of its own in the changelog."""

from __future__ import annotations

from agents.metrics.processor import Metrics
from schemas.policies import MetricSettings


def test_every_store_has_a_byte_of_its_own() -> None:
    kinds = [store._prefix for store in Metrics(MetricSettings())._stores]
    assert sorted(set(kinds)) == sorted(kinds)
