"""What tiles say of promises and surveys."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.live import Metric
from streams.outlets.gateway.shown import Tile
from streams.outlets.gateway.tiles import reason_of
from streams.sections import Sections
from tests.unit.gateway_floor import T0, Floor


def tile_of(metric: str, window: str, kind: str, metrics: dict[str, Metric]) -> Tile:
    floor = Floor(tiles=[{"metric": metric, "window": window}])
    floor.metrics(T0, metrics, kind=kind)
    floor.pipeline(T0)
    (tile,) = floor.look(T0).tiles().values()
    return tile


def test_compliance_says_how_many_of_how_many() -> None:
    share = Metric(value=0.75, n=12, numerator=9, denominator=12, interval=(0.467695, 0.911058))
    tile = tile_of("sla_compliance.first_reply", "60min", "rolling60min", {"sla_compliance.first_reply": share})
    assert (tile.kind, tile.unit, tile.value, tile.n, tile.m) == ("ratio", "fraction", 0.75, 9, 12)
    assert (tile.note, tile.reason, tile.status) == ("9 of 12, last 60 min", None, "neutral")


def test_the_time_to_breach_says_how_many_run_and_that_all_are_paused() -> None:
    name, opened = "time_to_breach.first_reply", "sla_open.first_reply"
    running = tile_of(name, "now", "all", {name: Metric(value=95.0, n=3), opened: Metric(value=4, n=4)})
    assert (running.kind, running.unit, running.value, running.note) == ("duration", "s", 95.0, "3 running")
    paused = tile_of(name, "now", "all", {name: Metric(value=None, n=0), opened: Metric(value=1, n=1)})
    assert (paused.value, paused.reason, paused.note) == (None, "paused", "")
    nothing = tile_of(name, "now", "all", {name: Metric(value=None, n=0), opened: Metric(value=0, n=0)})
    assert nothing.reason == "no_cases"


def test_a_median_says_of_how_many_it_is_and_that_they_are_few() -> None:
    name = "next_response_time_median"
    few = tile_of(name, "60min", "rolling60min", {name: Metric(value=75.5, n=9, interval=(20.0, 100.0))})
    assert (few.kind, few.unit, few.value, few.reason) == ("duration", "s", 75.5, "low_n")
    assert few.note == "9 replies, last 60 min"
    one = tile_of(name, "day", "day", {name: Metric(value=75.5, n=1)})
    assert one.note == "1 reply, today"


def test_those_at_risk_are_of_those_open() -> None:
    name = "sla_at_risk.first_reply"
    assert tile_of(name, "now", "all", {name: Metric(value=2, n=7)}).note == "of 7 open"


def test_points_of_few_answers_say_so() -> None:
    tile = tile_of("nps", "day", "day", {"nps": Metric(value=25.0, n=12, numerator=3, denominator=12)})
    assert (tile.kind, tile.unit, tile.value, tile.reason, tile.note) == (
        "count", "points", 25.0, "low_n", "12 answers, today",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "n", "interval", "reason"),
    [
        ("nps", 99, (0.0, 30.0), "low_n"),
        ("nps", 100, (-9.0, 30.0), None),
        ("csat_mean", 29, None, "low_n"),
        ("csat_mean", 30, None, None),
        ("csat", 29, (0.7, 0.8), "low_n"),
        ("csat", 30, (0.33, 0.67), "low_n"),
        ("csat", 40, (0.36, 0.64), None),
        ("first_response_time_p90", 9, None, "low_n"),
        ("first_response_time_p90", 10, None, None),
        ("first_response_time", 9, None, None),
        ("sla_compliance.first_reply", 9, (0.7, 1.0), "low_n"),
        ("sla_compliance.first_reply", 10, (0.2, 1.0), None),
    ],
)
def test_how_many_answers_a_number_needs_is_its_own(
    name: str, n: int, interval: tuple[float, float] | None, reason: str | None
) -> None:
    metric = Metric(value=0.5, n=n, numerator=n / 2, denominator=n, interval=interval)
    assert reason_of(name, {name: metric}, n) == reason


@pytest.mark.parametrize(
    ("tile", "why"),
    [
        ({"metric": "sla_compliance"}, "it needs .CLOCK behind it, such as sla_compliance.first_reply"),
        ({"metric": "sla_compliance.lunch"}, "it needs .CLOCK behind it, such as sla_compliance.first_reply"),
        ({"metric": "nps.support"}, "it has nothing behind it: nps"),
        ({"metric": "sla_compliance_live_low.first_reply", "window": "day"}, "is not measured over a day"),
        ({"metric": "sla_compliance.first_reply", "window": "now"}, "is of a window"),
    ],
)
def test_a_tile_of_what_nobody_publishes_is_refused_with_what_to_do(tile: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Sections.model_validate({"tiles": [tile]})
