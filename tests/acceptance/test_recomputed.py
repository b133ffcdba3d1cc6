"""Every published number of the bank's day, worked out again by code that shares nothing with the agents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance import bank
from tests.acceptance.conftest import Backtest
from tests.acceptance.floor import Floor
from tests.acceptance.reading import Reader
from tests.acceptance.recomputation import Scope, Value, Window, distinct, recompute


def published(rows: list[dict[str, Any]]) -> dict[tuple[str, Scope, Window], Value]:
    found: dict[tuple[str, Scope, Window], Value] = {}
    for row in rows:
        scope, window = row["scope"], row["window"]
        interval = row.get("interval")
        key = (
            row["metric"],
            (scope.get("channel"), scope.get("queue"), scope.get("policy")),
            (window["kind"], window.get("start"), window.get("end")),
        )
        assert key not in found, f"published twice: {key}"
        found[key] = (
            row["value"],
            row["numerator"],
            row["denominator"],
            row["n"],
            None if interval is None else (interval[0], interval[1]),
        )
    return found


def test_all_published_numbers_are_those_of_a_plain_recomputation_over_the_canonical_events(
    replayed: Floor, gold: Backtest
) -> None:
    with Reader(replayed.bootstrap, replayed.namespace, "contacts.events") as reader:
        # Watermarks have no key.
        envelopes = [each.json for each in reader.to_the_end() if each.key is not None]
    assert len(envelopes) == len(bank.calls())
    recomputed = recompute(distinct(envelopes), bank.ZONE)
    out = published(gold.out["metrics"])

    assert {kind for _, _, (kind, _, _) in out} == {"15min", "30min", "60min", "day", "all"}
    queues = {scope[1] for _, scope, _ in out}
    assert {"PS", "PE", "NW", None} <= queues
    assert out.keys() == recomputed.keys()
    for key, (value, numerator, denominator, n, interval) in recomputed.items():
        assert out[key][1:4] == (numerator, denominator, n), key
        assert out[key][0] == (value if value is None else pytest.approx(value, rel=1e-12)), key
        assert out[key][4] == (interval if interval is None else pytest.approx(interval, abs=1e-6)), key


def test_a_worker_on_a_shared_kafka_gives_what_a_backtest_gives(replayed: Floor, gold: Backtest) -> None:
    outcome = replayed.outcome()
    assert outcome.counts == gold.outcome.counts
    assert outcome.numbers == gold.outcome.numbers
    assert outcome.alerts == gold.outcome.alerts
