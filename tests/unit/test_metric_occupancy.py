"""Occupancy: agents' time in calls, of that and their idle time; exact in the time of the events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.contacts.processor import Contacts
from agents.metrics.processor import Metrics
from agents.metrics.roster import STATES
from agents.metrics.staffing import Cell, Staffing
from agents.metrics.windows import Calendar, Span
from schemas import envelopes, partials
from schemas.envelopes import Envelope, Origin
from schemas.events import AgentState, AnyEvent, ContactWrapupEnded, ContactWrapupStarted
from schemas.instants import DAY, HOUR, MINUTE, from_ms
from schemas.live import Metric
from schemas.partials import AgentNow, CallKey, Partial, StateKey
from schemas.policies import MetricSettings, Policies
from streams.processor import Headers
from streams.sections import Tile
from streams.store import Store
from tests.unit.contact_bench import (
    NAMESPACE,
    START,
    Taken,
    agent_state,
    answered,
    at,
    ended,
    offered,
    other,
    transferred,
)
from tests.unit.metric_kit import Board, PartialRecord, feed, restart, tick

ZERO = START // HOUR * HOUR
"""A whole hour; seconds of the tests below count from START, which is one."""


def test_the_timeline_begins_with_an_hour() -> None:
    assert ZERO == START


@dataclass
class Centre:
    """Contacts and metrics, one behind the other."""

    board: Board = field(default_factory=Board)
    metrics: Metrics = field(default_factory=lambda: Metrics(MetricSettings()))
    offset: int = 0

    def __post_init__(self) -> None:
        self.contacts = Contacts("contacts-0", policies=Policies(), namespace=NAMESPACE, grace_ms=0)

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> None:
        if topic == "metrics.partials":
            self.metrics.take(PartialRecord(value), self.board)

    def hear(self, *said: AnyEvent) -> None:
        """Each event in an envelope of its own."""
        for event in said:
            self.offset += 1
            origin = Origin("channel.phone", 0, self.offset, "queue_log", self.offset)
            self.contacts.take(Taken(envelopes.encode(Envelope(origin=origin, events=(event,)))), self)

    def clock(self, second: float, *, done: bool = False) -> None:
        """What was heard is told, and the clock moves on."""
        self.contacts.advance(at(second), self)
        self.contacts.before_flush(self, ended=done)
        tick(self.metrics, self.board, at(second) / 1000, ended=done)

    def occupancy(self, kind: str) -> Metric:
        """That of the first window of a kind."""
        return self.board.of(kind)[0].metrics["occupancy"]

    def seconds(self, kind: str) -> tuple[float | None, float | None]:
        """Numerator and denominator."""
        return self.occupancy(kind).numerator, self.occupancy(kind).denominator


def call(contact: str, start: int, end: int, agent: str = "mia") -> list[AnyEvent]:
    """A call that waited for no time."""
    return [
        offered(start, contact=contact),
        answered(start, contact=contact, agent=agent),
        ended(end, contact=contact),
    ]


def hour() -> list[AnyEvent]:
    """The worked agent hour: 3600 s, away from 1800 to 2400, five contacts that overlap."""
    contacts = ((0, 600), (300, 900), (600, 780), (1200, 1500), (2700, 3300))
    calls = [event for n, (start, end) in enumerate(contacts) for event in call(f"c{n}", start, end)]
    states: tuple[tuple[int, AgentState], ...] = ((0, "available"), (1800, "away"), (2400, "available"))
    return [*calls, *(agent_state(second, state) for second, state in states), agent_state(3600, "offline")]


def test_the_worked_agent_hour_is_60_percent() -> None:
    centre = Centre()
    for event in sorted(hour(), key=lambda event: event.time):
        centre.hear(event)
    centre.clock(3600, done=True)
    wanted = Metric(value=0.6, n=3000, version=1, numerator=1800.0, denominator=3000.0)
    assert centre.occupancy("60min") == wanted
    assert centre.occupancy("day") == wanted
    assert centre.occupancy("all") == wanted
    halves = [window.metrics["occupancy"] for window in centre.board.of("30min")]
    assert [(half.numerator, half.denominator) for half in halves] == [(1200.0, 1800.0), (600.0, 1200.0)]
    quarters = [window.metrics["occupancy"] for window in centre.board.of("15min")]
    assert [(each.numerator, each.denominator) for each in quarters] == [
        (900.0, 900.0),
        (300.0, 900.0),
        (0.0, 300.0),
        (600.0, 900.0),
    ]


@given(st.permutations(hour()))
@settings(max_examples=40)
def test_any_order_of_arrival_ends_in_the_same_number(events: Sequence[AnyEvent]) -> None:
    centre = Centre()
    for number, event in enumerate(events):
        centre.hear(event)
        if number % 4 == 0:
            centre.clock(3600 + number / 1000)
    centre.clock(3600.5, done=True)
    assert centre.seconds("60min") == (1800.0, 3000.0)
    assert centre.seconds("all") == (1800.0, 3000.0)


def test_a_call_under_way_counts_up_to_the_clock() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), offered(30), answered(60))
    centre.clock(100)
    for kind in ("all", "day", "60min", "15min", "rolling15min"):
        assert centre.seconds(kind) == (40.0, 100.0)
    centre.clock(130)
    for kind in ("all", "day", "60min", "15min", "rolling15min"):
        assert centre.seconds(kind) == (70.0, 130.0)


def test_windows_cut_a_call_and_the_last_word_of_a_window_is_as_of_its_end() -> None:
    centre = Centre()
    centre.clock(1)
    centre.hear(agent_state(0, "available"), offered(800), answered(840))
    centre.clock(850)
    centre.clock(1020)
    first, second = centre.board.of("15min")
    assert (first.closed, second.closed) == (True, False)
    assert (first.metrics["occupancy"].numerator, first.metrics["occupancy"].denominator) == (60.0, 900.0)
    assert (second.metrics["occupancy"].numerator, second.metrics["occupancy"].denominator) == (120.0, 120.0)


def test_windows_that_the_clock_leaps_over_are_told() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"))
    centre.clock(10)
    centre.clock(4 * 3600 + 60)
    spent = [window.metrics["occupancy"].denominator for window in centre.board.of("60min")]
    assert spent == [3600.0, 3600.0, 3600.0, 3600.0, 60.0]


@pytest.mark.parametrize("clocks", [(700, 1850), (700, 850, 1850), (700, 950, 1850), (1850,)])
def test_a_window_with_nothing_but_the_end_of_a_call_is_told_however_the_clock_comes_there(
    clocks: tuple[int, ...],
) -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    if clocks[0] == 700:
        metrics.advance(at(700), board)
    feed(metrics, board, [], calls=[(("mia", at(800), at(926)), 1)])
    # What is told lies ahead of the clock yet, or there is none.
    metrics.before_flush(board, ended=False)
    for clock in clocks:
        metrics.advance(at(clock), board)
    metrics.before_flush(board, ended=False)
    spent = [window.metrics["occupancy"].numerator for window in board.of("15min") if window.metrics["occupancy"].n]
    assert spent == [100.0, 26.0]


def test_a_window_in_which_nobody_was_at_work_is_not_told() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), offered(100), answered(120))
    centre.clock(880)
    centre.hear(ended(900), agent_state(900, "offline"))
    centre.clock(2000)
    assert len(centre.board.of("15min")) == 1
    assert centre.seconds("15min") == (780.0, 900.0)


def test_a_window_that_loses_all_its_time_after_a_restart_is_told_again() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], calls=[(("mia", at(60), None), 1), (("mia", at(60), at(120)), 1)])
    tick(metrics, board, at(1000) / 1000)
    again, new_board = restart(metrics, {}, Metrics(MetricSettings())), Board()
    feed(again, new_board, [], calls=[(("mia", at(60), None), -1), (("mia", at(60), at(120)), -1)])
    tick(again, new_board, at(1001) / 1000)
    for kind in ("15min", "60min", "day", "all"):
        assert "occupancy" in board.metrics(kind)
        assert "occupancy" not in new_board.metrics(kind)


def test_rolling_windows_let_go_of_what_is_past() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), *call("a", 60, 120), agent_state(300, "offline"))
    centre.clock(300)
    assert centre.seconds("rolling15min") == (60.0, 300.0)
    centre.clock(16 * 60 + 70)
    assert centre.seconds("rolling15min") == (0.0, 180.0)
    centre.clock(30 * 60)
    assert "occupancy" not in centre.board.metrics("rolling15min")
    assert centre.seconds("all") == (60.0, 300.0)


def test_rolling_windows_let_go_of_all_that_the_clock_leaps_over() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), agent_state(300, "offline"))
    centre.clock(301)
    centre.clock(4 * 3600)
    for kind in ("rolling15min", "rolling30min", "rolling60min"):
        assert "occupancy" not in centre.board.metrics(kind)


def test_an_agent_known_only_by_calls_is_never_idle() -> None:
    centre = Centre()
    centre.hear(*call("a", 100, 200))
    centre.clock(900)
    assert centre.seconds("15min") == (100.0, 100.0)


def test_a_call_counts_whatever_state_was_declared_meanwhile() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), *call("a", 100, 200), agent_state(150, "away"))
    centre.hear(*call("b", 300, 400), agent_state(350, "offline"))
    centre.clock(900)
    assert centre.seconds("15min") == (200.0, 300.0)


def test_a_call_whose_end_was_lost_counts_until_the_agent_is_offline() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), offered(100), answered(100), agent_state(400, "offline"))
    centre.clock(900)
    assert centre.seconds("15min") == (300.0, 400.0)
    centre.hear(ended(500))
    centre.clock(901)
    assert centre.seconds("15min") == (400.0, 500.0)


def test_wrap_up_belongs_to_the_call() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available"), *call("a", 100, 200))
    centre.hear(other(ContactWrapupStarted, 200, contact="a"), other(ContactWrapupEnded, 260, contact="a"))
    centre.clock(300)
    assert centre.seconds("15min") == (160.0, 300.0)


def test_a_transfer_hands_the_time_over() -> None:
    centre = Centre()
    centre.hear(offered(0), answered(0), transferred(60, queue="sales", agent="mia"))
    centre.hear(offered(60, "service"), answered(80, "service", agent="tom"), ended(200))
    centre.hear(agent_state(0, "available"), agent_state(0, "available", agent="tom"))
    centre.clock(200)
    assert centre.seconds("15min") == (180.0, 400.0)


def test_a_corrected_answer_and_a_corrected_state_correct_closed_windows() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available", id="s"), *call("a", 100, 200))
    centre.clock(1000)
    assert centre.seconds("15min") == (100.0, 900.0)
    centre.hear(answered(140, contact="a", id="a/answered/100", revision=1))
    centre.hear(agent_state(100, "available", id="s", revision=1))
    centre.clock(1001)
    assert centre.seconds("15min") == (60.0, 800.0)
    centre.hear(agent_state(500, "away"))
    centre.clock(1002)
    assert centre.seconds("15min") == (60.0, 400.0)
    assert centre.seconds("all") == (60.0, 400.0)


def test_an_agent_of_two_queues_is_available_as_the_roster_has_it() -> None:
    centre = Centre()
    centre.hear(agent_state(0, "available", queue="sales"), agent_state(0, "away", queue="service"))
    centre.hear(agent_state(100, "away", queue=None), agent_state(300, "available", queue="service"))
    centre.clock(400)
    assert centre.seconds("15min") == (0.0, 200.0)


def test_only_the_whole_floor_has_it_and_only_where_agents_are_known() -> None:
    centre = Centre()
    centre.hear(offered(0))
    centre.clock(10)
    assert "occupancy" not in centre.board.metrics("all")
    centre.hear(answered(11))
    centre.clock(12)
    having = {(window.scope.channel, window.scope.queue) for window in centre.board.windows()
              if "occupancy" in window.metrics}  # fmt: skip
    assert having == {(None, None)}


@pytest.mark.parametrize("of", [{"queue": "sales"}, {"channel": "phone"}])
def test_no_tile_can_have_it_of_less_than_the_whole_floor(of: dict[str, str]) -> None:
    assert Tile(metric="occupancy", window="day").window == "day"
    (name,) = of
    with pytest.raises(ValidationError, match=f"leave {name} out"):
        Tile.model_validate({"metric": "occupancy", **of})


def test_the_running_windows_are_sent_every_five_seconds_though_nothing_happens() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], states=[(("mia", None, START, "available"), 1)])
    sent = {second: len(tick(metrics, board, START / 1000 + second)) for second in range(1, 12)}
    assert sent == {1: 8, 2: 0, 3: 0, 4: 0, 5: 0, 6: 8, 7: 0, 8: 0, 9: 0, 10: 0, 11: 8}


def test_it_survives_a_restart() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    told: list[tuple[CallKey, int]] = [
        (("mia", at(60), None), 1),
        (("mia", at(60), at(120)), 1),
        (("mia", at(200), None), 1),
    ]
    feed(metrics, board, [], calls=told, states=[(("mia", None, START, "available"), 1)])
    tick(metrics, board, at(300) / 1000)
    again, new_board = restart(metrics, {}, Metrics(MetricSettings())), Board()
    feed(again, new_board, [], calls=[(("mia", at(200), at(400)), 1)])
    tick(again, new_board, at(1000) / 1000)
    assert new_board.value("occupancy", "all") == 260 / 1000
    quarters = [(each.closed, each.metrics["occupancy"].numerator) for each in new_board.of("15min")]
    assert quarters == [(True, 260.0), (False, 0.0)]


def test_state_and_partials_of_before_are_read() -> None:
    old = partials.encode(Partial(task="contacts-0", agents=[AgentNow("mia", None, "available", None, START)]))
    metrics, board = Metrics(MetricSettings()), Board()
    metrics.take(PartialRecord(old), board)
    tick(metrics, board, at(10) / 1000)
    changelog = {key: value for key, value in metrics.changes() if key[:1] in b"gm"}
    again, new_board = Metrics(MetricSettings()), Board()
    for key, value in changelog.items():
        again.restore(key, value)
    again.restored()
    corrected: list[tuple[CallKey, int]] = [(("tom", at(1), at(9)), -1), (("tom", at(1), at(8)), 1)]
    feed(again, new_board, [], calls=[(("mia", at(5), at(10)), 1), *corrected])
    tick(again, new_board, at(20) / 1000)
    assert new_board.metrics("all")["occupancy"].numerator == 5.0 + 7.0


def test_days_are_right_after_their_time_was_folded_and_state_stays_small() -> None:
    metrics, board = Metrics(MetricSettings(timezone="Europe/Berlin"), keep_ms=2 * HOUR), Board()
    begin = START // DAY * DAY - 2 * HOUR
    changelog: dict[bytes, bytes | None] = {}
    for number in range(6 * 24):
        start = begin + number * HOUR
        calls: list[tuple[CallKey, int]] = [
            (("mia", start + MINUTE, None), 1),
            (("mia", start + MINUTE, start + 31 * MINUTE), 1),
        ]
        states: list[tuple[StateKey, int]] = [
            (("mia", None, start, "available"), 1),
            (("mia", None, start + 45 * MINUTE, "away"), 1),
        ]
        feed(metrics, board, [], calls=calls, states=states)
        tick(metrics, board, (start + HOUR) / 1000)
        changelog.update(metrics.changes())
        if number == 70:
            metrics = restart(metrics, changelog, Metrics(MetricSettings(timezone="Europe/Berlin"), keep_ms=2 * HOUR))
    days = [(each.metrics["occupancy"].numerator, each.metrics["occupancy"].denominator) for each in board.of("day")]
    assert days == [(24 * 1800.0, 24 * 2700.0)] * 6
    assert board.metrics("all")["occupancy"].n == 6 * 24 * 2700
    assert {each.metrics["occupancy"].value for each in board.of("60min")} == {30 / 45}
    assert len(board.of("60min")) == 6 * 24
    kept = [key for key, value in changelog.items() if key[:1] == b"c" and value is not None]
    assert len(kept) <= 4


def test_a_state_that_held_for_years_is_folded_without_a_record_for_each_of_its_days() -> None:
    staffing, since = Staffing(Calendar("Europe/Berlin")), ZERO - 20 * 365 * DAY
    staffing.apply([], [(("mia", None, since, "available"), 1), (("mia", None, ZERO, "away"), 1)])
    staffing.fold(ZERO + 10 * HOUR, 2 * HOUR)
    assert staffing.spent(Span("all"), None, ZERO + 10 * HOUR) == (0, 20 * 365 * DAY)
    yesterday = Calendar("Europe/Berlin").spans((ZERO - DAY) // 60_000)[3]
    assert staffing.spent(yesterday, yesterday.start, ZERO) == (0, DAY)
    assert len([change for store in staffing.stores for change in store.changes()]) < 50


def test_what_is_told_of_folded_time_counts_only_where_it_goes_on_after_it() -> None:
    staffing = Staffing(Calendar("UTC"))
    staffing.apply([], [(("mia", None, ZERO, "available"), 1), (("mia", None, ZERO + 9 * HOUR, "away"), 1)])
    staffing.fold(ZERO + 10 * HOUR, 2 * HOUR)
    ever = Span("all")
    assert staffing.spent(ever, None, ZERO + 10 * HOUR) == (0, 9 * HOUR)
    staffing.apply([(("mia", ZERO, None), 1), (("mia", ZERO, ZERO + HOUR), 1)], [])
    assert staffing.spent(ever, None, ZERO + 10 * HOUR) == (0, 9 * HOUR)
    staffing.apply([(("mia", ZERO + 7 * HOUR, None), 1), (("mia", ZERO + 7 * HOUR, ZERO + 9 * HOUR), 1)], [])
    assert staffing.spent(ever, None, ZERO + 10 * HOUR) == (HOUR, 8 * HOUR)
    assert staffing.spent(Span("60min", ZERO, ZERO + HOUR), ZERO, ZERO + HOUR) is None


def test_a_history_that_is_read_in_gets_its_windows_and_is_folded_up_to_where_it_has_come() -> None:
    metrics, board = Metrics(MetricSettings(), keep_ms=2 * HOUR), Board()
    now = START + 30 * DAY
    tick(metrics, board, now / 1000)
    for part in range(4):
        start = START + part * HOUR
        feed(
            metrics,
            board,
            [],
            calls=[(("mia", start + MINUTE, None), 1), (("mia", start + MINUTE, start + 31 * MINUTE), 1)],
            states=[
                (("mia", None, start, "available"), 1),
                (("mia", None, start + 45 * MINUTE, "offline"), 1),
            ],
        )
        tick(metrics, board, now / 1000 + 1 + part * 3600)
    assert [each.metrics["occupancy"].value for each in board.of("60min")[:4]] == [30 / 45] * 4
    assert board.metrics("all")["occupancy"].denominator == 4 * 2700.0


def test_a_state_that_was_left_open_for_days_is_corrected_in_every_window_within_the_hour() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    there = [((name, None, START, "available"), 1) for name in ("mia", "tom")]
    feed(metrics, board, [], states=there)
    for number in range(1, 31):
        tick(metrics, board, at(number * 3600) / 1000)
    assert [each.metrics["occupancy"].denominator for each in board.of("60min")] == [7200.0] * 30
    feed(metrics, board, [], states=[(there[0][0], -1), (("mia", None, START, "offline"), 1)])
    tick(metrics, board, at(30 * 3600 + 1) / 1000)
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    tick(metrics, board, at(31 * 3600) / 1000)
    assert [each.metrics["occupancy"].denominator for each in board.of("60min")] == [3600.0] * 31
    assert {each.window.start for each in tick(metrics, board, at(31 * 3600 + 1) / 1000)} == {from_ms(at(31 * 3600))}


def test_a_state_that_was_left_open_for_days_is_corrected_in_every_window_when_the_input_ends() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], states=[(("mia", None, START, "available"), 1)])
    for number in range(1, 31):
        tick(metrics, board, at(number * 3600) / 1000)
    feed(metrics, board, [], states=[(("mia", None, START, "available"), -1), (("mia", None, START, "away"), 1)])
    tick(metrics, board, at(30 * 3600 + 1) / 1000, ended=True)
    assert [each for each in board.windows() if "occupancy" in each.metrics] == []


def test_a_window_whose_time_is_folded_is_not_told_again_without_it() -> None:
    metrics, board = Metrics(MetricSettings(), keep_ms=2 * HOUR), Board()
    feed(metrics, board, [], states=[(("mia", None, START, "available"), 1), (("mia", None, at(10 * 3600), "away"), 1)])
    for number in range(1, 13):
        tick(metrics, board, at(number * 3600 + 1) / 1000)
    told = [(("tom", None, START, "available"), 1), (("tom", None, at(600), "away"), 1)]
    feed(metrics, board, [], states=told)
    sent = tick(metrics, board, at(12 * 3600 + 2) / 1000)
    assert [each.window.kind for each in sent] == ["all", "rolling15min", "rolling30min", "rolling60min", "day"]
    assert [each.metrics["occupancy"].denominator for each in board.of("60min")[:10]] == [3600.0] * 10
    assert [each.metrics["occupancy"].denominator for each in board.of("day")] == [11_400.0, 25_200.0]


_MINUTES = st.integers(0, 300)
_CALLS = st.lists(st.tuples(st.sampled_from("ab"), _MINUTES, st.one_of(st.none(), st.integers(0, 90))), max_size=8)
_STATES = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from([None, "sales", "service"]), _MINUTES),
    st.sampled_from(STATES),
    max_size=10,
)


def _said(
    calls: Iterable[tuple[str, int, int | None]], states: dict[tuple[str, str | None, int], str]
) -> list[tuple[CallKey | StateKey, int]]:
    said: list[tuple[CallKey | StateKey, int]] = []
    for agent, start, lasted in calls:
        begin = ZERO + start * MINUTE
        said.append(((agent, begin, None), 1))
        if lasted is not None:
            said.append(((agent, begin, begin + lasted * MINUTE), 1))
    said.extend(((agent, queue, ZERO + minute * MINUTE, state), 1) for (agent, queue, minute), state in states.items())
    return said


def _tell(staffing: Staffing, facts: Iterable[tuple[CallKey | StateKey, int]]) -> None:
    for key, n in facts:
        if len(key) == 3:
            staffing.apply([(key, n)], [])
        else:
            staffing.apply([], [(key, n)])


def _take_over(staffing: Staffing, again: Staffing) -> None:
    stores: list[Store[Any]] = [*again.stores]
    changes = [change for store in staffing.stores for change in store.changes()]
    for key, value in changes:
        (own,) = [store for store in stores if store.owns(key)]
        own.restore(key, value)
    again.restored()


def _looked_at(
    calls: Iterable[tuple[str, int, int | None]], states: dict[tuple[str, str | None, int], str], first: int, last: int
) -> tuple[int, int]:
    """Minute by minute, by the definition."""
    calls = list(calls)
    busy = idle = 0
    for agent in "ab":
        for minute in range(first, last):
            own = [(start, lasted) for name, start, lasted in calls if name == agent and start <= minute]
            held: dict[str | None, tuple[int, str]] = {}
            for (name, queue, since), declared in states.items():
                if name == agent and since <= minute and since >= held.get(queue, (0, ""))[0]:
                    held[queue] = (since, declared)
            everywhere = held.pop(None, None)
            found = [everywhere[1] if everywhere and everywhere[0] > since and own_state != "offline" else own_state
                     for since, own_state in held.values()]  # fmt: skip
            if everywhere and all(since <= everywhere[0] for since, _ in held.values()):
                found.append(everywhere[1])
            state: str | None = min(found, key=STATES.index, default=None)
            in_call = any(lasted is not None and minute < start + lasted for start, lasted in own)
            if in_call or (state != "offline" and any(lasted is None for _, lasted in own)):
                busy += MINUTE
            elif state == "available":
                idle += MINUTE
    return busy, idle


@given(_CALLS, _STATES, _CALLS, st.randoms(use_true_random=False), _MINUTES, st.integers(1, 200))
@settings(max_examples=100)
def test_signed_counts_in_any_order_are_what_a_look_at_every_minute_finds(
    calls: list[tuple[str, int, int | None]],
    states: dict[tuple[str, str | None, int], str],
    wrong: list[tuple[str, int, int | None]],
    random: st.DataObject,
    first: int,
    width: int,
) -> None:
    facts = _said(calls, states) + _said(wrong, {}) + [(key, -n) for key, n in _said(wrong, {})]
    random.shuffle(facts)  # type: ignore[attr-defined]
    staffing = Staffing(Calendar("UTC"))
    _tell(staffing, facts)
    start, end = ZERO + first * MINUTE, ZERO + (first + width) * MINUTE
    window = Span("60min", start, end)
    wanted = _looked_at(calls, states, first, first + width)
    assert staffing.spent(window, start, end) == wanted
    again = Staffing(Calendar("UTC"))
    _take_over(staffing, again)
    assert again.spent(window, start, end) == wanted
    ever = again.spent(Span("all"), None, ZERO + 500 * MINUTE)
    assert ever == _looked_at(calls, states, 0, 500)
    for hours in (4, 6, 30):
        again.fold(ZERO + hours * HOUR, 2 * HOUR)
        assert again.spent(Span("all"), None, ZERO + 500 * MINUTE) == ever


@pytest.mark.parametrize("instant", [-5 * DAY, -1, 0, 1, 253_300_000_000_000])
def test_odd_instants_do_no_harm(instant: int) -> None:
    staffing = Staffing(Calendar("UTC"))
    staffing.apply([(("mia", instant, None), 1), (("mia", instant, instant + 1000), 1)], [])
    assert staffing.spent(Span("all"), None, 253_402_300_900_000) == (1000, 0)
    assert staffing.going_on(0, 10) is (instant in (-1, 0, 1))
    assert list(staffing.stores[0].data.values()) == [Cell({instant: {-1: 1, instant + 1000: 1}}, {})]
