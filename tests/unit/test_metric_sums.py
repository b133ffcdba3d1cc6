"""Whatever the order of facts, flushes, corrections and restarts: the numbers are those of the facts."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.metrics.archive import TOP
from agents.metrics.panes import DAYS_KEPT, UnknownThreshold
from agents.metrics.processor import Metrics
from schemas.instants import DAY, HOUR, MINUTE, from_ms, to_ms
from schemas.live import LiveMetrics, Window
from schemas.partials import FactKey
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, Facts, facts, feed, restart, taken_back, tick

SETTINGS = MetricSettings(timezone="Asia/Kolkata")
START = 29_800_000 * MINUTE
"""2026-08-29 10:40 UTC; in Kolkata (UTC+5:30) 16:10."""

LEFT = ("left:abandoned", "left:callback", "left:timeout", "left:system")
WAITS = ("answered", *LEFT)


def plain(total: Counter[FactKey], window: LiveMetrics) -> dict[str, tuple[float | None, float | None]]:
    """Metric -> value or numerator, denominator: computed from the facts of the window one by one."""
    start = None if window.window.start is None else to_ms(window.window.start)
    end = None if window.window.end is None else to_ms(window.window.end)
    inside: Counter[tuple[str, int]] = Counter()
    longest = None
    for (channel, queue, pane, measure, value), n in total.items():
        if start is not None and end is not None and not start <= pane * MINUTE < end:
            continue
        if window.scope.channel not in (None, channel) or window.scope.queue not in (None, queue):
            continue
        inside[measure, value] += n
        if measure in WAITS and n > 0:
            longest = max(longest or 0, value / 1000)

    def number(*measures: str, within: int | None = None) -> int:
        return sum(n for (m, v), n in inside.items() if m in measures and (within is None or v <= within))

    def seconds(measure: str) -> float:
        return sum(v * n for (m, v), n in inside.items() if m == measure) / 1000

    legs = number(*WAITS)
    return {
        "contacts_offered": (number("offered"), None),
        "contacts_flow_out": (number(*LEFT) - number("left:abandoned"), None),
        "contacts_short_abandoned": (number("left:abandoned", within=5000), None),
        "longest_wait": (longest, None),
        "average_speed_of_answer": (seconds("answered"), number("answered")),
        "average_handle_time": (seconds("handled"), number("handled")),
        "service_level.answered_over_offered@20": (number("answered", within=20_000), legs),
        "service_level.connect@20": (number("answered", "left:abandoned", "left:callback", within=20_000), legs),
        "service_level.asterisk_perf2@20": (
            number("completed", "left:abandoned", "left:timeout", within=20_000),
            number("completed", "left:abandoned", "left:timeout"),
        ),
    }


def published(window: LiveMetrics) -> dict[str, tuple[float | None, float | None]]:
    told = {}
    for metric in plain(Counter(), window):
        shown = window.metrics[metric]
        told[metric] = (shown.value, None) if shown.denominator is None else (shown.numerator, shown.denominator)
    return told


def rolled(window: LiveMetrics, first: int, end: int) -> LiveMetrics:
    bounds = Window(window.window.kind, from_ms(first * MINUTE), from_ms(end * MINUTE))
    return msgspec.structs.replace(window, window=bounds)


@dataclass
class Step:
    """One partial, then the clock moves on, then perhaps the worker is replaced."""

    told: Facts
    minutes: float
    restarted: bool


some_facts = st.lists(
    st.tuples(
        st.tuples(
            st.sampled_from(("phone", "chat")),
            st.sampled_from(("sales", "support", None)),
            st.integers(-90, 30).map(lambda ago: START // MINUTE + ago),
            st.sampled_from(("offered", "answered", "completed", "handled", *LEFT)),
            st.sampled_from((0, 3000, 5000, 5001, 19_999, 20_000, 20_001, 64_000, 95_000)),
        ),
        st.sampled_from((1, 1, 2, -1)),
    ),
    max_size=12,
)
steps = st.lists(st.builds(Step, some_facts, st.sampled_from((0, 0.01, 1, 7.5, 70)), st.booleans()), max_size=6)


@settings(max_examples=60)
@given(steps)
def test_every_window_is_the_sum_of_its_facts(told: list[Step]) -> None:
    metrics, board = Metrics(SETTINGS), Board()
    changelog: dict[bytes, bytes | None] = {}
    total: Counter[FactKey] = Counter()
    clock = START / 1000
    for step in told:
        feed(metrics, board, step.told)
        for key, n in step.told:
            total[key] += n
        clock += step.minutes * 60
        tick(metrics, board, clock)
        if step.restarted:
            metrics = restart(metrics, changelog, Metrics(SETTINGS))
        else:
            changelog.update(metrics.changes())
    tick(metrics, board, clock + 60, ended=True)
    windows = board.windows()
    now = (round(clock * 1000) + MINUTE) // MINUTE
    for window in windows:
        kind = window.window.kind
        # A rolling window that is empty and stays so is not sent again: what was sent last still holds.
        size = int(kind[7:9]) if kind.startswith("rolling") else None
        asked = window if size is None else rolled(window, now - size, now + 1)
        assert published(window) == plain(total, asked), (window.scope, window.window)
    touched = {key[:3] for key, n in total.items() if n}
    starts = {(w.scope.channel, w.scope.queue, w.window.start) for w in windows if w.window.kind == "day"}
    for channel, queue, pane in touched:
        local = pane * MINUTE + 5 * HOUR + HOUR // 2
        assert (channel, queue, from_ms(local // DAY * DAY - 5 * HOUR - HOUR // 2)) in starts


def test_a_longest_wait_that_is_taken_back_gives_way_to_the_next() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    at = START / 1000
    long, longer = facts(at, ("answered", 50)), facts(at + 300, ("left:abandoned", 90))
    feed(metrics, board, [*long, *longer])
    tick(metrics, board, at + 400)
    feed(metrics, board, [*taken_back(longer), *facts(at + 300, ("left:abandoned", 9))])
    tick(metrics, board, at + 401)
    for kind in ("60min", "day", "all", "rolling60min"):
        assert board.value("longest_wait", kind) == 50
    feed(metrics, board, taken_back(long))
    tick(metrics, board, at + 402)
    assert board.value("longest_wait") == 9


def test_a_correction_that_moves_a_contact_to_another_queue_leaves_none_behind() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    at = START / 1000
    feed(metrics, board, facts(at, ("offered", 0), ("answered", 50)))
    tick(metrics, board, at + 60)
    feed(metrics, board, taken_back(facts(at, ("offered", 0), ("answered", 50))))
    feed(metrics, board, facts(at, ("offered", 0), ("answered", 50), queue="sales"))
    tick(metrics, board, at + 61)
    assert board.value("contacts_offered", queue="support") == 0
    assert board.value("longest_wait", queue="support") is None
    assert board.value("contacts_offered", queue="sales") == 1
    assert board.value("contacts_offered") == 1


def test_facts_about_who_waits_may_come_in_any_order() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    at = START / 1000
    feed(metrics, board, taken_back(facts(at, ("waiting", 0))))
    tick(metrics, board, at + 10)
    assert board.value("contacts_in_queue") == 0
    feed(metrics, board, facts(at, ("waiting", 0)))
    tick(metrics, board, at + 11)
    assert board.value("contacts_in_queue") == 0
    assert board.value("oldest_waiting") is None


@dataclass
class Folded:
    """A floor whose panes of the first day are folded: clock four days on."""

    metrics: Metrics = field(default_factory=lambda: Metrics(MetricSettings()))
    board: Board = field(default_factory=Board)
    at: float = START / 1000 // 86_400 * 86_400 + 9 * 3600

    def __post_init__(self) -> None:
        told = [facts(self.at + n, ("offered", 0), ("answered", n), ("completed", n)) for n in range(40)]
        feed(self.metrics, self.board, [fact for some in told for fact in some])
        tick(self.metrics, self.board, self.at + 60)
        tick(self.metrics, self.board, self.at + 4 * 86_400)
        self.board.last.clear()

    @property
    def now(self) -> float:
        return self.at + 4 * 86_400

    def state(self) -> Counter[bytes]:
        """Live changelog records by kind."""
        changelog: dict[bytes, bytes | None] = {}
        changelog.update(self.metrics.changes())
        return Counter(key[:1] for key, value in changelog.items() if value is not None)


def test_old_panes_are_folded_and_their_state_goes() -> None:
    kinds = Folded().state()
    assert kinds[b"p"] == 0
    assert (kinds[b"a"], kinds[b"h"]) == (2, 1)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_folded_day_and_the_total_still_take_late_facts_exactly(restarted: bool) -> None:
    floor = Folded()
    if restarted:
        floor.metrics = restart(floor.metrics, {}, Metrics(MetricSettings()))
    feed(
        floor.metrics,
        floor.board,
        [*facts(floor.at + 7, ("answered", 21.5)), *taken_back(facts(floor.at + 39, ("answered", 39)))],
    )
    feed(floor.metrics, floor.board, facts(floor.now - 60, ("offered", 0), ("answered", 4)))
    tick(floor.metrics, floor.board, floor.now + 1, ended=True)
    day = floor.board.of("day")[0].metrics
    assert (day["contacts_offered"].value, day["contacts_answered"].value) == (40, 40)
    assert day["average_speed_of_answer"].numerator == sum(range(39)) + 21.5
    assert day["service_level.answered_over_answered@20"].numerator == 21
    assert day["longest_wait"].value == 38
    everything = floor.board.metrics("all")
    assert (everything["contacts_offered"].value, everything["contacts_answered"].value) == (41, 41)
    assert everything["service_level.answered_over_answered@20"].numerator == 22
    assert everything["longest_wait"].value == 38
    assert {w.window.start for w in floor.board.of("15min")} == {from_ms(round((floor.now - 900) * 1000))}


def test_an_hour_of_which_nothing_was_folded_takes_late_facts_in_all_its_windows() -> None:
    floor = Folded()
    feed(floor.metrics, floor.board, facts(floor.at - 30 * 86_400, ("offered", 0), ("answered", 4)))
    tick(floor.metrics, floor.board, floor.now + 1)
    assert floor.board.value("contacts_answered", "15min") == 1
    assert floor.board.value("contacts_answered", "day") == 1
    assert floor.board.value("contacts_answered") == 41


def test_a_day_too_old_to_be_told_is_not_told_wrongly() -> None:
    floor = Folded()
    later = floor.now + DAYS_KEPT * 86_400
    tick(floor.metrics, floor.board, later)
    floor.metrics = restart(floor.metrics, {}, Metrics(MetricSettings()))
    floor.board.last.clear()
    feed(floor.metrics, floor.board, facts(floor.at, ("answered", 4)))
    tick(floor.metrics, floor.board, later + 1)
    assert floor.board.of("day") == []
    assert floor.board.value("contacts_answered") == 41


def test_an_archive_remembers_enough_long_waits_to_lose_some() -> None:
    floor = Folded()
    gone = [facts(floor.at + n, ("answered", n)) for n in range(40 - TOP + 1, 40)]
    feed(floor.metrics, floor.board, taken_back([fact for some in gone for fact in some]))
    tick(floor.metrics, floor.board, floor.now + 1)
    assert floor.board.value("longest_wait") == 40 - TOP


def test_without_a_limit_every_window_can_be_amended_however_late() -> None:
    metrics, board = Metrics(MetricSettings(), keep_ms=None), Board()
    at = START / 1000
    feed(metrics, board, facts(at, ("offered", 0)))
    tick(metrics, board, at + 60)
    tick(metrics, board, at + 90 * 86_400)
    feed(metrics, board, facts(at, ("answered", 5)))
    tick(metrics, board, at + 90 * 86_400 + 1)
    quarter = board.metrics("15min", queue="support")
    assert (quarter["contacts_offered"].value, quarter["contacts_answered"].value) == (1, 1)


def test_a_threshold_that_folded_panes_do_not_know_is_refused_in_words() -> None:
    floor = Folded()
    changelog: dict[bytes, bytes | None] = {}
    restart(floor.metrics, changelog, Metrics(MetricSettings(thresholds_ms=(30_000,))))
    with pytest.raises(UnknownThreshold, match=r"within 17 s .* 2026-08-29 09:00"):
        restart(floor.metrics, changelog, Metrics(MetricSettings(thresholds_ms=(17_000,))))
