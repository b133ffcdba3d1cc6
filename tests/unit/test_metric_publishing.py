"""When windows are sent: paced by the clock, once more when they end, again when they are amended."""

import json
from datetime import UTC, datetime

import pytest

from agents.metrics.processor import Metrics
from agents.metrics.tally import UnknownMeasure
from schemas.live import LiveMetrics
from schemas.partials import Partial
from schemas.partials import encode as encode_partial
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, PartialRecord, facts, feed, restart, taken_back, tick

NINE = datetime(2026, 10, 20, 9, tzinfo=UTC).timestamp()
FLOOR_KINDS = {"15min", "30min", "60min", "day", "all", "rolling15min", "rolling30min", "rolling60min"}


def of_floor(sent: list[LiveMetrics]) -> dict[str, LiveMetrics]:
    return {window.window.kind: window for window in sent if window.scope.channel is window.scope.queue is None}


def test_a_fact_is_sent_at_once_for_every_window_and_scope_that_it_counts_in() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE + 1, ("offered", 0), ("answered", 3)))
    sent = tick(metrics, board, NINE + 10)
    scopes = {(window.scope.channel, window.scope.queue) for window in sent}
    assert scopes == {(None, None), ("phone", None), (None, "support"), ("phone", "support")}
    assert len(sent) == len(scopes) * len(FLOOR_KINDS)
    assert set(of_floor(sent)) == FLOOR_KINDS
    assert all(window.metrics["contacts_answered"].value == 1 for window in sent)


def test_one_window_is_sent_at_most_four_times_a_second_and_the_last_word_is_not_lost() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    offers = [facts(NINE + n / 10, ("offered", 0), ("answered", 3)) for n in range(4)]
    counted = []
    for n, offer in enumerate(offers):
        feed(metrics, board, offer)
        sent = of_floor(tick(metrics, board, NINE + 10 + 0.08 * n))
        counted.append(sent["day"].metrics["contacts_offered"].value if "day" in sent else None)
    sent = of_floor(tick(metrics, board, NINE + 10.25))
    counted.append(sent["day"].metrics["contacts_offered"].value)
    assert counted == [1, None, None, None, 4]
    assert tick(metrics, board, NINE + 11.5) == []


def test_what_was_held_back_is_sent_when_its_time_has_come_with_no_further_news() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    for n in range(2):
        feed(metrics, board, facts(NINE, ("offered", 0), ("answered", 3)))
        tick(metrics, board, NINE + 0.1 * n)
    assert board.value("contacts_offered") == 1
    metrics.advance(round((NINE + 0.2) * 1000), board)
    assert board.value("contacts_offered") == 1
    metrics.advance(round((NINE + 0.25) * 1000), board)
    assert board.value("contacts_offered") == 2


def test_facts_are_shown_while_another_task_holds_the_clock_up() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    for n in range(1, 4):
        feed(metrics, board, facts(NINE, ("offered", 0), ("answered", n)))
        metrics.marks({"contacts-0": (round(NINE * 1000), False), "contacts-1": (round((NINE + n) * 1000), False)})
        metrics.before_flush(board, ended=False)
        assert board.value("contacts_offered") == n


def test_a_window_is_sent_once_more_when_the_clock_passes_its_end() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE + 60, ("offered", 0), ("answered", 3)))
    assert not any(window.closed for window in tick(metrics, board, NINE + 70))
    assert tick(metrics, board, NINE + 71) == []
    closed = [w for w in tick(metrics, board, NINE + 900) if w.closed]
    assert {w.window.kind for w in closed} == {"15min"}
    assert len(closed) == 4
    assert [w for w in tick(metrics, board, NINE + 901) if w.closed] == []
    closed = [w for w in tick(metrics, board, NINE + 86_400) if w.closed]
    assert {w.window.kind for w in closed} == {"30min", "60min", "day"}


def test_the_end_of_a_window_waits_for_no_pace() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, facts(NINE + 890, ("offered", 0)))
    tick(metrics, board, NINE + 899.9)
    closed = of_floor([w for w in tick(metrics, board, NINE + 900) if w.closed])
    assert set(closed) == {"15min"}


def test_a_late_fact_amends_a_closed_window_with_a_higher_revision() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE + 60, ("offered", 0)))
    tick(metrics, board, NINE + 70)
    (first,) = (w for w in tick(metrics, board, NINE + 5 * 3600) if w.window.kind == "15min" and w.scope.queue is None
                and w.scope.channel is None)  # fmt: skip
    feed(metrics, board, facts(NINE + 60, ("left:abandoned", 800)))
    amended = of_floor(tick(metrics, board, NINE + 5 * 3600 + 1))["15min"]
    assert amended.closed
    assert amended.revision > first.revision
    assert (amended.metrics["contacts_offered"].value, amended.metrics["contacts_abandoned"].value) == (1, 1)
    queue = board.of("15min", "phone", "support")[0].metrics
    assert (queue["contacts_offered"].value, queue["contacts_abandoned"].value) == (1, 1)


def test_the_key_of_a_window_stays_and_its_revisions_grow_over_a_restart() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    changelog = dict(metrics.changes())
    feed(metrics, board, facts(NINE, ("offered", 0)))
    tick(metrics, board, NINE + 1)
    before = {key: json.loads(value)["revision"] for key, value in board.last.items() if b"scope" in key}
    metrics = restart(metrics, changelog, Metrics(MetricSettings()))
    feed(metrics, board, facts(NINE, ("answered", 5)))
    tick(metrics, board, NINE + 6)
    after = {key: json.loads(value)["revision"] for key, value in board.last.items() if b"scope" in key}
    assert after.keys() == before.keys()
    assert all(after[key] > before[key] for key in before)
    assert b'{"scope":{},"window":{"kind":"rolling15min","start":null,"end":null}}' in after


def test_news_not_yet_sent_when_a_worker_dies_is_sent_by_the_next() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE + 3600)
    feed(metrics, board, facts(NINE, ("offered", 0)))
    tick(metrics, board, NINE + 3601)
    feed(metrics, board, facts(NINE, ("answered", 5)))
    assert tick(metrics, board, NINE + 3601.2) == []
    changelog = dict(metrics.changes())
    metrics = restart(metrics, changelog, Metrics(MetricSettings()))
    sent = of_floor(tick(metrics, board, NINE + 3602))
    assert sent["15min"].closed
    assert sent["15min"].metrics["contacts_answered"].value == 1


def test_a_window_that_ends_while_no_worker_runs_is_closed_by_the_next() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE, ("offered", 0)))
    tick(metrics, board, NINE + 1)
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    closed = of_floor([w for w in tick(metrics, board, NINE + 1000) if w.closed])
    assert closed["15min"].metrics["contacts_offered"].value == 1


def test_rolling_windows_roll_with_the_minute_and_empty_themselves_once() -> None:
    """Offers at 9:00 (waited 80 s), 9:10 and 9:20 (20 s each)."""
    metrics, board = Metrics(MetricSettings()), Board()
    for at, wait in ((0, 80), (600, 20), (1200, 20)):
        tick(metrics, board, NINE + at)
        feed(metrics, board, facts(NINE + at, ("offered", 0), ("answered", wait)))
        tick(metrics, board, NINE + at + 30)
    shown = []
    for at in (1230, 1500, 1559, 1560, 2159, 2160, 2700, 3659, 3660):
        tick(metrics, board, NINE + at)
        rolling = board.metrics("rolling15min")
        shown.append((at, rolling["contacts_offered"].value, rolling["longest_wait"].value))
    assert shown == [
        (1230, 2, 20),
        (1500, 2, 20),
        (1559, 2, 20),
        (1560, 1, 20),
        (2159, 1, 20),
        (2160, 0, None),
        (2700, 0, None),
        (3659, 0, None),
        (3660, 0, None),
    ]
    (hour,) = board.of("rolling60min")
    assert (hour.metrics["contacts_offered"].value, hour.metrics["longest_wait"].value) == (2, 20)
    assert (hour.window.start, hour.window.end) == (
        datetime(2026, 10, 20, 9, 1, tzinfo=UTC),
        datetime(2026, 10, 20, 10, 2, tzinfo=UTC),
    )
    tick(metrics, board, NINE + 8000)
    assert board.value("contacts_offered", "rolling60min") == 0
    assert tick(metrics, board, NINE + 8100) == []


def test_while_somebody_waits_the_age_of_the_oldest_is_told_every_second() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE, ("offered", 0), ("waiting", 0)))
    ages = []
    for quarter in range(1, 9):
        sent = of_floor(tick(metrics, board, NINE + quarter / 4))
        ages.append(sent["rolling15min"].metrics["oldest_waiting"].value if "rolling15min" in sent else None)
    assert ages == [0.25, None, None, None, 1.25, None, None, None]
    feed(metrics, board, [*taken_back(facts(NINE, ("waiting", 0))), *facts(NINE, ("answered", 3))])
    sent = of_floor(tick(metrics, board, NINE + 3))
    assert sent["all"].metrics["oldest_waiting"].value is None
    assert sent["all"].metrics["contacts_in_queue"].value == 0


def test_who_waits_since_before_a_rolling_window_is_in_the_queue_but_not_in_its_service_level() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, facts(NINE, ("offered", 0), ("waiting", 0)))
    tick(metrics, board, NINE + 1200)
    short, long = board.metrics("rolling15min"), board.metrics("rolling30min")
    live_level = "service_level.answered_over_offered_live@20"
    assert (short["contacts_in_queue"].value, short["oldest_waiting"].value) == (1, 1200)
    assert (short[live_level].denominator, long[live_level].denominator) == (0, 1)


def test_when_all_input_has_ended_nothing_is_held_back() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE, ("offered", 0), ("waiting", 0)), outcomes={"accepted": 1})
    metrics.marks({"contacts-0": (round(NINE * 1000), False)})
    tick(metrics, board, NINE + 0.1)
    feed(metrics, board, facts(NINE, ("offered", 0), ("answered", 1)), outcomes={"accepted": 1})
    metrics.marks({"contacts-0": (round((NINE + 0.2) * 1000), True)})
    tick(metrics, board, NINE + 0.2, ended=True)
    assert board.value("contacts_offered") == 2
    assert board.value("oldest_waiting") == 0.2
    assert board.pipeline.accepted == 2
    assert board.pipeline.tasks["contacts-0"].ended
    board.take_sent()
    metrics.before_flush(board, ended=True)
    assert board.sent == []


def test_at_the_end_the_age_of_who_still_waits_is_that_of_the_last_instant() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, facts(NINE, ("offered", 0), ("waiting", 0)))
    tick(metrics, board, NINE + 10)
    tick(metrics, board, NINE + 10.3, ended=True)
    assert board.value("oldest_waiting") == 10.3


def test_offers_ahead_of_the_clock_enter_the_rolling_windows_with_their_minute() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE)
    feed(metrics, board, facts(NINE + 120, ("offered", 0), queue="sales"))
    feed(metrics, board, facts(NINE + 125, ("offered", 0), queue="support"))
    feed(metrics, board, facts(NINE + 185, ("offered", 0), queue="support"))
    tick(metrics, board, NINE + 1)
    assert board.of("rolling15min") == []
    tick(metrics, board, NINE + 190)
    assert board.value("contacts_offered", "rolling15min") == 3
    assert board.value("contacts_offered", "rolling15min", queue="support") == 2


def test_the_pipeline_record_is_sent_at_most_once_a_second_and_only_when_it_changed() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    sent = []
    for n in range(8):
        at = NINE + n / 4
        metrics.marks({"contacts-0": (round(min(at, NINE + 1) * 1000), False)})
        before = len(board.sent)
        metrics.advance(round(at * 1000), board)
        metrics.before_flush(board, ended=False)
        sent.append(len(board.sent) - before)
    assert sent == [1, 0, 0, 0, 1, 0, 0, 0]


def test_a_measure_of_a_newer_version_is_an_error_and_no_lost_count() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    value = encode_partial(Partial(task="contacts-0", facts=[(("phone", "support", 1, "left:bored", 0), 1)]))
    with pytest.raises(UnknownMeasure, match="left:bored"):
        metrics.take(PartialRecord(value), board)
