"""The board: which tiles there are, what they say, and what of it is news."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from schemas.instants import DAY, HOUR, MINUTE, SECOND, from_ms
from schemas.live import Metric, SourceSeen, TrendState
from schemas.notifications import Mute
from streams.outlets.gateway.board import delta_of, laid_out_alike, snapshot_of
from tests.unit.gateway_floor import LEVEL, T0, Floor

FLOOR_OLDEST = "*/*/oldest_waiting/now"
SALES_OLDEST = "sales/*/oldest_waiting/now"


def labels(floor: Floor) -> list[list[str]]:
    return [[tile.label for tile in page.tiles] for page in floor.look(T0).pages]


def test_the_board_is_laid_out_by_the_queues_that_there_are() -> None:
    floor = Floor(queues={"support": {"display_name": "Help"}, "internal": {"hidden": True}})
    for queue in ("Zeta", "alpha", "internal", "beta"):
        floor.waiting(T0, 0, None, queue=queue)
    first, second, third = labels(floor)
    assert first[:8] == [
        *("Oldest waiting", "In queue", "Service level", "Abandoned"),
        *("Agents ready", "Agents on contact", "Answered", "Avg speed of answer"),
    ]
    assert first[8:] == [f"{name} oldest wait" for name in ("Help", "alpha", "beta", "Zeta")]
    assert second[:4] == ["Help oldest wait", "Help service level", "Help abandoned", "Help agents ready"]
    assert third == ["Zeta oldest wait", "Zeta service level", "Zeta abandoned", "Zeta agents ready"]
    assert [page.title for page in floor.look(T0).pages] == ["Floor", "Help, alpha, beta", "Zeta"]


def test_twenty_queues_fill_three_pages_of_twelve_tiles_and_no_more() -> None:
    floor = Floor()
    for number in range(20):
        floor.waiting(T0, 0, None, queue=f"a queue with a very long name {number:02d}")
    pages = labels(floor)
    assert [len(page) for page in pages] == [12, 12, 12]
    assert max(len(label) for page in pages for label in page) <= 22
    assert len(set(floor.look(T0).tiles())) < 36  # the queues of page 1 are on page 2 as well


def test_a_new_queue_changes_the_layout_and_a_new_number_does_not() -> None:
    floor = Floor()
    floor.waiting(T0, 0, None, queue="sales")
    before = floor.look(T0)
    floor.waiting(T0, 1, 2.0, queue="sales")
    assert laid_out_alike(before, floor.look(T0))
    floor.waiting(T0, 0, None, queue="support")
    assert not laid_out_alike(before, floor.look(T0))


def test_configured_tiles_stand_where_they_are_put() -> None:
    tiles: list[dict[str, Any]] = [
        {"metric": "contacts_offered", "window": "day", "label": "Calls today"},
        {"metric": LEVEL, "queue": "sales", "page": 2},
    ]
    floor = Floor(tiles=tiles)
    floor.waiting(T0, 0, None, queue="sales")
    first, second = floor.look(T0).pages
    assert [(tile.label, tile.window, tile.kind) for tile in first.tiles] == [("Calls today", "today", "count")]
    assert [(tile.label, tile.window, tile.kind) for tile in second.tiles] == [
        ("sales service level", "last 30 min", "ratio")
    ]


def test_a_tile_without_records_has_no_data_and_one_without_cases_no_value() -> None:
    floor = Floor()
    assert floor.tile(T0, FLOOR_OLDEST).reason == "no_data"
    floor.waiting(T0, 0, None)
    floor.level(T0, 0, 0)
    floor.pipeline(T0)
    oldest, level = floor.tile(T0, FLOOR_OLDEST), floor.tile(T0, f"*/*/{LEVEL}/30min")
    assert (oldest.value, oldest.reason, oldest.since, oldest.note) == (None, "nobody_waits", None, "0 in queue")
    assert (level.value, level.reason, level.n, level.m, level.status) == (None, "no_cases", 0, 0, "neutral")
    assert floor.tile(T0, "*/*/contacts_in_queue/now").value == 0
    assert floor.tile(T0, "*/*/agents_by_state.available/now").reason == "unknown"


def test_a_wait_turns_with_time_alone_at_the_time_of_the_numbers() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 10.0, queue="sales")
    floor.pipeline(T0, heard=T0 + 800)
    seen = {}
    for tenths in range(120):
        now = T0 + 800 + tenths * 100
        seen.setdefault(floor.tile(now, SALES_OLDEST).status, now - T0 - 800)
    # 10 s waited at T0, which was heard of 0.8 s later.
    assert seen == {"good": 0, "warn": 5 * SECOND} | {}
    floor.pipeline(T0 + 10_000, heard=T0 + 10_800)
    assert floor.tile(T0 + 10_800, SALES_OLDEST).status == "warn"
    assert floor.tile(T0 + 10_900, SALES_OLDEST).status == "bad"
    assert floor.tile(T0 + 10_900, SALES_OLDEST).word == "OVER 20 s"


def test_numbers_that_stand_still_make_nobody_wait_longer() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 1.0, queue="sales")
    floor.pipeline(T0)
    assert floor.tile(T0 + 59 * SECOND, SALES_OLDEST).status == "good"


def test_the_floor_is_as_bad_as_its_worst_queue_by_that_queues_own_promise() -> None:
    floor = Floor(queues={"slow": {"answer_within": "2m"}, "open end": {"answer_within": "none"}})
    floor.pipeline(T0)
    floor.waiting(T0, 1, 60.0, queue="slow")
    floor.waiting(T0, 1, 900.0, queue="open end")
    floor.waiting(T0, 2, 900.0)
    tile = floor.tile(T0, FLOOR_OLDEST)
    assert (tile.status, tile.target) == ("good", 120.0)
    floor.waiting(T0, 1, 17.0, queue="sales")
    tile = floor.tile(T0, FLOOR_OLDEST)
    assert (tile.status, tile.word, tile.target) == ("warn", "CLOSE TO 20 s", 20.0)
    floor.waiting(T0, 1, 25.0, queue="sales")
    assert floor.tile(T0, FLOOR_OLDEST).word == "OVER 20 s"
    floor.waiting(T0, 0, None, queue="sales")
    assert floor.tile(T0, FLOOR_OLDEST).status == "good"


def test_a_ratio_of_few_cases_has_no_colour_but_its_number() -> None:
    floor = Floor()
    floor.level(T0, 0, 1)
    floor.pipeline(T0)
    tile = floor.tile(T0, f"*/*/{LEVEL}/30min")
    assert (tile.status, tile.reason, tile.word, tile.value, tile.n, tile.m) == ("low_n", "low_n", "LOW N", 0.0, 0, 1)


def test_a_service_level_says_what_it_counts() -> None:
    floor = Floor(board={"service_level_target": 0.9})
    floor.level(T0, 41, 66)
    floor.pipeline(T0)
    tile = floor.tile(T0, f"*/*/{LEVEL}/30min")
    assert (tile.note, tile.word, tile.target) == ("41 of 66, last 30 min", "BELOW 90 %", 0.9)


def test_a_share_of_time_says_its_window_and_counts_no_cases() -> None:
    floor = Floor(tiles=[{"metric": "occupancy", "window": "30min"}])
    floor.metrics(T0, {"occupancy": Metric(value=0.8, n=5, numerator=4.0, denominator=5.0)}, kind="rolling30min")
    floor.pipeline(T0)
    (tile,) = floor.look(T0).tiles().values()
    assert (tile.value, tile.n, tile.m, tile.reason, tile.note) == (0.8, None, None, None, "last 30 min")


@pytest.mark.parametrize(("n", "note"), [(1, "1 contact, last 30 min"), (24, "24 contacts, last 30 min")])
def test_a_mean_says_of_how_many_contacts_it_is(n: int, note: str) -> None:
    floor = Floor()
    floor.metrics(T0, {"average_speed_of_answer": Metric(value=4.5, n=n)}, kind="rolling30min")
    assert floor.tile(T0, "*/*/average_speed_of_answer/30min").note == note


def test_a_closed_queue_has_no_colour_and_says_when_it_opens() -> None:
    floor = Floor(board={"open": "Mo-Fr 08:00-18:00"}, service={"timezone": "Europe/Berlin"})
    evening = T0 + 9 * HOUR  # 19:00 in Berlin
    floor.waiting(evening, 2, 500.0, queue="sales")
    floor.pipeline(evening)
    tile = floor.tile(evening, SALES_OLDEST)
    assert (tile.status, tile.word, tile.target) == ("closed", "CLOSED", None)
    assert tile.opens == T0 - 2 * HOUR + DAY
    noon = T0 + DAY
    floor.pipeline(noon)
    assert floor.tile(noon, SALES_OLDEST).opens is UNSET


@pytest.mark.parametrize(
    ("behind", "state", "lag"),
    [
        (0, "live", 0.0),
        (9_999, "live", 10.0),
        (10_000, "catching_up", 10.0),
        (60_000, "catching_up", 60.0),
        (60_001, "stale", 60.0),
    ],
)
def test_how_current_the_board_is_follows_from_its_lag(behind: int, state: str, lag: float) -> None:
    floor = Floor()
    floor.pipeline(T0)
    view = floor.look(T0 + behind)
    assert (view.state, view.lag) == (state, lag)


def test_a_board_that_never_heard_a_number_is_stale_and_says_so() -> None:
    view = Floor().look(T0)
    assert (view.state, view.lag, view.watermark) == ("stale", None, None)
    assert [(problem.id, problem.text) for problem in view.problems] == [("pipeline", "No numbers yet")]


def test_a_stale_tile_keeps_its_number_and_withholds_its_status() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 25.0, queue="sales")
    floor.pipeline(T0)
    tile = floor.tile(T0 + 61 * SECOND, SALES_OLDEST)
    assert (tile.status, tile.word, tile.value, tile.as_of) == ("stale", "", 25.0, T0)


def test_tiles_are_stale_when_every_source_is_silent_and_not_before() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 25.0, queue="sales")
    heard = SourceSeen(last_seen=from_ms(T0), records=1)
    silent = SourceSeen(last_seen=from_ms(T0 - HOUR), records=1, silent_since=from_ms(T0 - HOUR))
    floor.pipeline(T0, pbx=silent, mail=heard)
    assert floor.tile(T0, SALES_OLDEST).status == "bad"
    floor.pipeline(T0 + 1, pbx=silent, mail=silent)
    assert floor.tile(T0, SALES_OLDEST).status == "stale"


def test_a_replay_runs_by_the_clock_of_its_numbers() -> None:
    floor = Floor(service={"clock": "event"})
    floor.waiting(T0, 1, 25.0, queue="sales")
    floor.pipeline(T0)
    view = floor.look(T0 + 300 * DAY)
    assert (view.state, view.lag, view.tiles()[SALES_OLDEST].status) == ("replay", None, "bad")


def test_agents_ready_are_held_against_the_minimum() -> None:
    floor = Floor(board={"agents_minimum": 4})
    states = {"available": 3, "on_contact": 5, "wrap_up": 1, "away": 1, "offline": 30}
    metrics = {f"agents_by_state.{state}": Metric(value=n, n=40) for state, n in states.items()}
    floor.metrics(T0, metrics)
    floor.pipeline(T0)
    ready = floor.tile(T0, "*/*/agents_by_state.available/now")
    assert (ready.value, ready.status, ready.word, ready.note) == (3, "bad", "BELOW 4", "minimum 4")
    assert floor.tile(T0, "*/*/agents_by_state.on_contact/now").note == "of 10 signed in"


def test_a_tile_of_a_muted_queue_says_until_when() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    floor.waiting(T0, 1, 2.0, queue="support")
    mute = Mute(id="m", matchers={"queue": "sales"}, by="Dana", why="test", since=from_ms(T0), until=from_ms(T0 + HOUR))
    floor.say(mute)
    assert floor.tile(T0, SALES_OLDEST).muted == T0 + HOUR
    assert floor.tile(T0, "support/*/oldest_waiting/now").muted is UNSET
    assert floor.tile(T0 + HOUR, SALES_OLDEST).muted is UNSET


def test_a_tile_says_of_its_queues_arrivals_whether_they_are_learnt_or_out_of_the_ordinary() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    learning = TrendState(rule="arrivals.high", state="learning", days=3, needed=7, queue="sales")
    floor.trends(T0, learning)
    trend = floor.tile(T0, SALES_OLDEST).trend
    assert trend is not UNSET
    assert (trend.state, trend.days, trend.needed) == ("learning", 3, 7)
    opened = TrendState(
        rule="arrivals.high", state="open", days=9, needed=7, queue="sales", since=from_ms(T0 - HOUR), ratio=1.6
    )
    floor.trends(T0, learning, opened)
    trend = floor.tile(T0, SALES_OLDEST).trend
    assert trend is not UNSET
    assert (trend.state, trend.since, trend.ratio) == ("open", T0 - HOUR, 1.6)
    assert floor.tile(T0, f"sales/*/{LEVEL}/30min").trend is UNSET


def test_a_series_has_one_value_a_minute_and_a_number_stands_until_the_next_while_the_pipeline_is_heard() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    assert floor.look(T0)
    for minute, n in ((0, 3), (1, 4), (1, 5), (4, 1)):
        floor.waiting(T0 + minute * MINUTE + 1, n, 1.0, queue="sales")
        if minute == 1:
            floor.pipeline(T0 + 2 * MINUTE)
    floor.waiting(T0 + 5 * MINUTE, 0, None, queue="sales")
    floor.pipeline(T0 + 6 * MINUTE)
    floor.look(T0 + 6 * MINUTE)
    name = (floor.picture.pages[0].tiles[8].scope, "all", "oldest_waiting")
    floor.picture.series.follow([name])
    assert floor.picture.series.of(name, floor.picture.watermark) == (1.0, 1.0, 1.0, None, 1.0, None, None)


def test_a_series_is_an_hour_long() -> None:
    floor = Floor()
    for minute in range(200):
        floor.waiting(T0 + minute * MINUTE, 1, float(minute), queue="sales")
    floor.pipeline(T0 + 199 * MINUTE)
    series = floor.tile(T0 + 199 * MINUTE, SALES_OLDEST).series
    assert series == tuple(float(minute) for minute in range(140, 200))


def test_only_the_newest_day_and_the_newest_two_hours_are_kept() -> None:
    floor = Floor()
    count = {"contacts_offered": Metric(value=1, n=1)}
    for hour in (3, 1, 5, 2, 4):
        floor.metrics(T0, count, kind="60min", start=T0 + hour * HOUR)
        floor.metrics(T0, count, kind="day", start=T0 + hour * DAY)
    kept = sorted((held.kind, held.start) for held in floor.picture.windows.all())
    assert kept == [("60min", T0 + 4 * HOUR), ("60min", T0 + 5 * HOUR), ("day", T0 + 5 * DAY)]


def of_day(floor: Floor, at: int, n: int, start: int) -> None:
    """As of an instant the queue sales has had so many contacts on the day that begins at `start`."""
    offered = {"contacts_offered": Metric(value=n, n=n)}
    floor.metrics(at, offered, kind="day", start=start, end=start + DAY, queue="sales")


CALLS_TODAY = [{"metric": "contacts_offered", "window": "day", "queue": "sales"}]
SALES_TODAY = "sales/*/contacts_offered/day"
MIDNIGHT = T0 - T0 % DAY + DAY


def test_a_day_that_is_over_is_not_shown_as_today_before_the_first_contact_of_the_new_one() -> None:
    floor = Floor(tiles=CALLS_TODAY)
    for minute in range(60, 0, -1):
        of_day(floor, MIDNIGHT - minute * MINUTE, 250 - minute, MIDNIGHT - DAY)
    floor.pipeline(MIDNIGHT - 1)
    assert floor.tile(MIDNIGHT - 1, SALES_TODAY).value == 249
    floor.pipeline(MIDNIGHT)
    tile = floor.tile(MIDNIGHT, SALES_TODAY)
    assert (tile.value, tile.reason, tile.status, tile.note, tile.series) == (None, "no_data", "neutral", "", ())
    assert (tile.window, tile.as_of) == ("today", MIDNIGHT)
    of_day(floor, MIDNIGHT + MINUTE, 251, MIDNIGHT - DAY)  # yesterday is amended
    assert floor.tile(MIDNIGHT + MINUTE, SALES_TODAY).value is None
    for minute in range(2, 5):
        of_day(floor, MIDNIGHT + minute * MINUTE, minute, MIDNIGHT)
    floor.pipeline(MIDNIGHT + 4 * MINUTE)
    tile = floor.tile(MIDNIGHT + 4 * MINUTE, SALES_TODAY)
    assert (tile.value, tile.reason, tile.series) == (4, None, (2, 3, 4))


def test_the_day_of_a_replay_ends_by_the_clock_of_its_numbers() -> None:
    floor = Floor(tiles=CALLS_TODAY, service={"clock": "event"})
    of_day(floor, MIDNIGHT - MINUTE, 250, MIDNIGHT - DAY)
    floor.pipeline(MIDNIGHT - 1)
    assert floor.tile(MIDNIGHT + 300 * DAY, SALES_TODAY).value == 250
    floor.pipeline(MIDNIGHT)
    assert floor.tile(MIDNIGHT + 300 * DAY, SALES_TODAY).value is None


def test_a_rolling_window_that_nothing_moves_stays_though_its_last_minute_is_over() -> None:
    floor = Floor()
    metrics = {LEVEL: Metric(value=0.5, n=20, numerator=10, denominator=20)}
    floor.metrics(T0, metrics, kind="rolling30min", end=T0)
    floor.pipeline(T0 + MINUTE)
    assert floor.tile(T0 + MINUTE, f"*/*/{LEVEL}/30min").value == 0.5


def test_a_page_that_ticks_by_itself_is_told_nothing_while_nothing_happens() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    floor.pipeline(T0)
    before = floor.look(T0)
    floor.waiting(T0 + 1_000, 1, 3.0, queue="sales")
    floor.pipeline(T0 + 1_000)
    assert delta_of(before, floor.look(T0 + 1_000), 1, T0 + 1_000) is None


def test_a_delta_holds_the_tiles_that_changed_and_no_others() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    floor.waiting(T0, 0, None, queue="support")
    floor.pipeline(T0)
    before = floor.look(T0)
    floor.waiting(T0, 1, 1.0, queue="support")
    delta = delta_of(before, floor.look(T0), 7, T0)
    assert delta is not None
    assert set(delta.tiles) == {"support/*/oldest_waiting/now"}
    assert (delta.seq, delta.problems) == (7, UNSET)


def test_a_snapshot_and_then_the_deltas_are_the_next_snapshot() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    floor.pipeline(T0)
    before = floor.look(T0)
    tiles = before.tiles()
    for step in range(1, 30):
        floor.waiting(T0 + step, step % 4, 1.0 * (step % 5), queue="sales")
        floor.level(T0 + step, step, 2 * step, queue="sales")
        after = floor.look(T0 + step)
        delta = delta_of(before, after, step, T0 + step)
        tiles |= delta.tiles if delta else {}
        before = after
    snapshot = snapshot_of(before, floor.picture, 30, T0 + 30)
    shown = {tile.id: tile for page in snapshot.pages for tile in page.tiles}
    assert shown.keys() == tiles.keys()
    assert all(shown[name].same(tiles[name]) for name in shown)


def test_what_cannot_be_understood_is_counted_and_the_number_before_stands() -> None:
    floor = Floor()
    floor.waiting(T0, 1, 2.0, queue="sales")
    key = b'{"scope":{"queue":"sales"},"window":{"kind":"all","start":null,"end":null}}'
    floor.tell("metrics.live", key, b'{"scope":1}', T0)
    floor.tell("metrics.live", b"\xff", b"{}", T0)
    floor.tell("alerts.notifications", b"k", b'{"kind":"novelty"}', T0)
    alert = b'{"kind":"alert","id":"a","sequence":1,"rule":"r","labels":{},"state":"firing","severity":"info",'
    alert += b'"mode":"live","started_at":"2026-11-22T04:00:00","updated_at":"2026-11-22T04:00:00Z","summary":"s",'
    alert += b'"evidence":{"open":1,"total":1}}'
    floor.tell("alerts.notifications", b"k", alert, T0)  # since when, by which clock?
    floor.tell("alerts.notifications", b"k", b'{"kind":"mute","id":"\xff"}', T0)
    floor.tell("alerts.notifications", b"k", b'{"kind":"mute","x":' + b"[" * 100_000, T0)
    floor.tell("customers.events", b"k", b"\xc1", T0)
    floor.tell("customers.events", None, b"\xc1", T0)  # a watermark
    assert floor.tile(T0, SALES_OLDEST).value == 2.0
    floor.tell("policies", b"k", b'{"kind":"novelty"}', T0)
    told = {"metrics.live": 2, "alerts.notifications": 4, "customers.events": 1, "policies": 1}
    assert floor.picture.unreadable == told
