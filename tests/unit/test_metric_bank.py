"""A real day: the Anonymous Bank's 2,375 calls of 1 August 1999, straight into the metrics."""

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agents.metrics.processor import Metrics
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, Facts, facts, feed, tick

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "anonymous_bank_1999-08-01.csv"
MIDNIGHT = datetime(1999, 8, 1, tzinfo=ZoneInfo("Asia/Jerusalem")).timestamp()


def seconds(text: str) -> int:
    hours, minutes, rest = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + rest


def calls() -> Facts:
    told: Facts = []
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            wait, queue = int(row["q_time"]), row["type"]
            offered = MIDNIGHT + seconds(row["vru_exit"])
            if row["outcome"] == "AGENT":
                handled = int(row["ser_time"])
                told += facts(
                    offered, ("offered", 0), ("answered", wait), ("completed", wait), ("handled", handled), queue=queue
                )
            elif row["outcome"] == "HANG" and wait > 0:
                told += facts(offered, ("offered", 0), ("left:abandoned", wait), queue=queue)
            elif row["outcome"] == "HANG":
                told += facts(offered, ("left_ivr", 0), queue=None)
    return told


@pytest.mark.parametrize("kind", ["all", "day"])
def test_the_day_of_the_bank_gives_the_published_numbers(kind: str) -> None:
    metrics, board = Metrics(MetricSettings(timezone="Asia/Jerusalem")), Board()
    told = calls()
    for start in range(0, len(told), 500):
        feed(metrics, board, told[start : start + 500])
    tick(metrics, board, MIDNIGHT + 86_400, ended=True)
    shown = board.metrics(kind)
    counts = {metric: shown[metric].value for metric in shown if metric.startswith("contacts_")}
    assert counts["contacts_offered"] == 2237
    assert counts["contacts_answered"] == 1511
    assert counts["contacts_abandoned"] == 726
    assert counts["contacts_left_in_ivr"] == 120
    assert shown["average_speed_of_answer"].value == pytest.approx(134.846, abs=5e-4)
    assert shown["average_handle_time"].value == pytest.approx(193.786, abs=5e-4)
    assert shown["average_abandon_time"].value == pytest.approx(79.727, abs=5e-4)
    assert shown["longest_wait"].value == 1823
    assert shown["abandonment_rate"].value == pytest.approx(0.32454, abs=5e-6)
    levels = {
        variant: (shown[f"service_level.{variant}@20"].numerator, shown[f"service_level.{variant}@20"].denominator)
        for variant in ("answered_over_answered", "answered_over_offered", "removed_erlang", "excl_short")
    }
    assert levels == {
        "answered_over_answered": (404, 1511),
        "answered_over_offered": (404, 2237),
        "removed_erlang": (581, 2237),
        "excl_short": (404, 2224),
    }
