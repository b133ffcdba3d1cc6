"""What became of promises: whatever the order, corrections and restarts, the numbers are those of the counts."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.metrics.processor import Metrics
from agents.metrics.tally import UnknownMeasure
from schemas.instants import MINUTE, from_ms, to_ms
from schemas.live import LiveMetrics, Scope
from schemas.partials import ClockKey
from schemas.policies import MetricSettings
from tests.unit.metric_kit import Board, Clocks, clocks, facts, feed, restart, survey, tick

SETTINGS = MetricSettings(timezone="Asia/Kolkata")
NINE = 1_792_400_400
"""2026-10-19 09:00 UTC."""

Numbers = dict[str, tuple[float, float]]


def plain(total: Counter[ClockKey], window: LiveMetrics, clock: int) -> Numbers:
    """Clock -> attained and breached of a window, and what is open of it, from the counts one by one."""
    kind, scope = window.window.kind, window.scope
    start = None if window.window.start is None else to_ms(window.window.start)
    end = None if window.window.end is None else to_ms(window.window.end)
    if kind.startswith("rolling"):
        start, end = (clock // MINUTE - int(kind[7:9])) * MINUTE, (clock // MINUTE + 1) * MINUTE
    found: dict[str, Counter[str]] = {}
    for (policy, name, channel, queue, segment, measure, value), n in total.items():
        of = (scope.channel, scope.queue, scope.policy, scope.segment)
        if any(each not in (None, own) for each, own in zip(of, (channel, queue, policy, segment), strict=True)):
            continue
        counts = found.setdefault(name, Counter())
        if measure in ("attained", "breached"):
            counts["ever " + measure] += n
            if start is None or end is None or start <= value * MINUTE < end:
                counts[measure] += n
        else:
            counts["open " + measure] += n
    live = start is None or kind.startswith("rolling")
    told: Numbers = {}
    for name, counts in found.items():
        still = max(counts["open open"], 0) + max(counts["open paused"], 0)
        ever = bool(counts["ever attained"] or counts["ever breached"])
        if counts["attained"] or counts["breached"] or (live and (ever or still)):
            told[f"sla_met.{name}"] = (counts["attained"], counts["attained"])
            told[f"sla_breached.{name}"] = (counts["breached"], counts["breached"])
        if live and (ever or still):
            told[f"sla_open.{name}"] = (still, still)
            told[f"sla_at_risk.{name}"] = (max(counts["open at_risk"], 0) if still else 0, still)
    return told


def published(window: LiveMetrics) -> Numbers:
    names = ("sla_met.", "sla_breached.", "sla_open.", "sla_at_risk.")
    return {name: (each.value or 0, each.n) for name, each in window.metrics.items() if name.startswith(names)}


@dataclass
class Step:
    """One partial, then the clock moves on, then perhaps the worker is replaced."""

    told: Clocks
    minutes: float
    restarted: bool


def _decision(key: tuple[str, str, str, str | None, str | None, str], ago: int) -> ClockKey:
    return (*key, NINE // 60 + ago) if key[5] in ("attained", "breached") else (*key, (NINE + 60 * ago) * 1000)


places = st.tuples(
    st.sampled_from(("gold", "silver")),
    st.sampled_from(("first_reply", "answer_within")),
    st.sampled_from(("email", "chat")),
    st.sampled_from(("sales", None)),
    st.sampled_from(("vip", None)),
    st.sampled_from(("attained", "breached", "open", "at_risk", "paused")),
)
some_clocks = st.lists(
    st.tuples(st.builds(_decision, places, st.integers(-90, 30)), st.sampled_from((1, 1, 2, -1))), max_size=12
)
steps = st.lists(st.builds(Step, some_clocks, st.sampled_from((0, 0.01, 1, 7.5, 70)), st.booleans()), max_size=6)


@settings(max_examples=60)
@given(steps)
def test_every_window_of_every_scope_is_the_sum_of_its_counts(told: list[Step]) -> None:
    metrics, board = Metrics(SETTINGS), Board()
    changelog: dict[bytes, bytes | None] = {}
    total: Counter[ClockKey] = Counter()
    clock: float = NINE
    for step in told:
        feed(metrics, board, [], clocks=step.told)
        for key, n in step.told:
            total[key] += n
        clock += step.minutes * 60
        tick(metrics, board, clock)
        if step.restarted:
            metrics = restart(metrics, changelog, Metrics(SETTINGS))
        else:
            changelog.update(metrics.changes())
    tick(metrics, board, clock + 60, ended=True)
    now = round((clock + 60) * 1000)
    for window in board.windows():
        assert published(window) == plain(total, window, now), (window.scope, window.window)
    decided = {key for key, n in total.items() if n and key[5] in ("attained", "breached")}
    days = {(w.scope.policy, w.scope.queue, w.scope.segment) for w in board.windows() if w.window.kind == "day"}
    assert days >= {(policy, None, None) for policy, *_ in decided}
    assert days >= {(policy, queue, None) for policy, _, _, queue, *_ in decided}
    assert days >= {(None, None, key[4]) for key in decided}


def test_a_window_says_how_many_promises_were_kept_of_those_decided_in_it() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    kept, broken = clocks(("attained", NINE), ("attained", NINE + 899)), clocks(("breached", NINE + 60))
    feed(metrics, board, [], clocks=[*kept, *broken, *clocks(("attained", NINE + 900))])
    tick(metrics, board, NINE + 1000)
    first, second = board.of("15min", policy="gold")
    share = first.metrics["sla_compliance.first_reply"]
    assert (share.numerator, share.denominator, share.n, share.value) == (2, 3, 3, 2 / 3)
    assert share.interval == (0.20766, 0.938508)
    assert (second.metrics["sla_met.first_reply"].value, second.metrics["sla_breached.first_reply"].value) == (1, 0)
    assert set(first.metrics) == {f"{name}.first_reply" for name in ("sla_compliance", "sla_met", "sla_breached")}


def test_promises_count_by_floor_channel_queue_policy_and_segment() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], clocks=clocks(("attained", NINE), segment="vip"))
    feed(metrics, board, [], clocks=clocks(("attained", NINE), policy="silver", channel="chat"))
    tick(metrics, board, NINE + 5)
    met = "sla_met.first_reply"
    assert (board.value(met), board.value(met, queue="support")) == (2, 2)
    assert (board.value(met, channel="chat"), board.value(met, channel="chat", queue="support")) == (1, 1)
    assert (board.value(met, policy="gold"), board.value(met, policy="silver")) == (1, 1)
    assert board.value(met, segment="vip") == 1


def test_promises_count_by_policy_and_queue_together_for_the_pairs_that_were_seen() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], clocks=clocks(("attained", NINE), ("breached", NINE), queue="sales"))
    feed(metrics, board, [], clocks=clocks(("breached", NINE), ("open", NINE + 600)))
    feed(metrics, board, [], clocks=clocks(("attained", NINE), policy="silver", queue="sales"))
    feed(metrics, board, [], clocks=clocks(("attained", NINE), policy="silver", queue=None))
    feed(metrics, board, survey(NINE, "nps", 10, 9))
    tick(metrics, board, NINE + 5)
    pairs = {(w.scope.policy, w.scope.queue) for w in board.windows() if w.scope.policy and w.scope.queue}
    assert pairs == {("gold", "sales"), ("gold", "support"), ("silver", "sales")}
    share = board.metrics("day", queue="sales", policy="gold")["sla_compliance.first_reply"]
    assert (share.numerator, share.denominator) == (1, 2)
    assert board.value("sla_met.first_reply", policy="gold") == 1
    assert board.value("sla_met.first_reply", policy="silver") == 2
    support = board.metrics("all", queue="support", policy="gold")
    assert (support["sla_open.first_reply"].value, support["time_to_breach.first_reply"].value) == (1, 595)
    assert all(name.startswith(("sla_", "time_to_breach.")) for name in support)


def test_offers_and_promises_stand_in_one_record_where_both_are_known() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    told = clocks(("attained", NINE), clock="answer_within", channel="phone")
    feed(metrics, board, facts(NINE, ("offered", 0), ("answered", 3)), clocks=[*told, *clocks(("attained", NINE))])
    tick(metrics, board, NINE + 5)
    phone, email = board.metrics("day", "phone"), board.metrics("day", "email")
    assert (phone["contacts_offered"].value, phone["sla_met.answer_within"].value) == (1, 1)
    assert "contacts_offered" not in email
    assert "contacts_offered" not in board.metrics("all", policy="gold")


def test_where_no_clock_is_told_nothing_is_said_of_promises() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, facts(NINE, ("offered", 0), ("answered", 3)))
    tick(metrics, board, NINE + 5)
    assert not any(name.startswith(("sla_", "time_to")) for window in board.windows() for name in window.metrics)


def test_what_is_open_bounds_what_can_become_of_the_compliance() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    told = [*clocks(("attained", NINE), ("open", NINE + 600), ("at_risk", NINE + 600)), *clocks(("paused", 0))]
    feed(metrics, board, [], clocks=[*told, *clocks(("breached", NINE))])
    tick(metrics, board, NINE + 30)
    for kind in ("all", "rolling15min"):
        shown = board.metrics(kind, policy="gold")
        low, high = (shown[f"sla_compliance_live_{bound}.first_reply"] for bound in ("low", "high"))
        assert (low.numerator, low.denominator, high.numerator, high.denominator) == (1, 4, 3, 4)
        assert (shown["sla_open.first_reply"].value, shown["sla_at_risk.first_reply"].value) == (2, 1)
        assert (shown["time_to_breach.first_reply"].value, shown["time_to_breach.first_reply"].n) == (570, 1)
    assert "sla_open.first_reply" not in board.metrics("15min", policy="gold")


def test_the_time_to_breach_is_that_of_the_first_due_and_survives_corrections_and_a_restart() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    left = "time_to_breach.first_reply"
    feed(metrics, board, [], clocks=clocks(("open", NINE + 600), ("open", NINE + 300), ("open", NINE + 900)))
    tick(metrics, board, NINE)
    assert board.value(left) == 300
    feed(metrics, board, [], clocks=clocks(("open", NINE + 300), n=-1))
    tick(metrics, board, NINE + 1)
    assert board.value(left) == 599
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    feed(metrics, board, [], clocks=clocks(("open", NINE + 300), ("paused", 0)))
    tick(metrics, board, NINE + 2)
    assert board.value(left) == 298
    taken = clocks(("open", NINE + 300), ("open", NINE + 600), ("open", NINE + 900), n=-1)
    feed(metrics, board, [], clocks=taken)
    tick(metrics, board, NINE + 3)
    assert (board.value(left), board.value("sla_open.first_reply")) == (None, 1)


def test_a_policy_in_a_queue_is_told_at_most_every_five_seconds_and_when_a_window_ends() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    told: dict[str | None, list[tuple[int, float | None]]] = {None: [], "support": []}
    begun = NINE + 892
    for second in range(12):
        feed(metrics, board, [], clocks=clocks(("attained", NINE + 1)))
        for window in tick(metrics, board, begun + second):
            if window.window.kind == "15min" and window.scope.policy == "gold":
                told[window.scope.queue].append((second, window.metrics["sla_met.first_reply"].value))
    tick(metrics, board, begun + 20, ended=True)
    assert told[None] == [(second, second + 1) for second in range(12)]
    assert told["support"] == [(0, 1), (5, 6), (8, 9)]
    assert [w.metrics["sla_met.first_reply"].value for w in board.of("15min", queue="support", policy="gold")] == [12]


def test_while_a_clock_runs_the_time_left_is_told_every_five_seconds() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], clocks=clocks(("open", NINE + 600)))
    told, gold = [], Scope(policy="gold")
    for second in range(12):
        sent = [w for w in tick(metrics, board, NINE + second) if w.window.kind == "all" and w.scope == gold]
        told += [w.metrics["time_to_breach.first_reply"].value for w in sent]
    assert told == [600, 595, 590]
    tick(metrics, board, NINE + 12.5, ended=True)
    assert board.value("time_to_breach.first_reply") == 587.5


def test_windows_up_to_now_say_that_they_have_none_of_what_was_decided_long_ago() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], clocks=clocks(("attained", NINE)))
    tick(metrics, board, NINE + 3000)
    feed(metrics, board, [], clocks=clocks(("attained", NINE), clock="next_reply"))
    tick(metrics, board, NINE + 3001)
    recent = board.metrics("rolling15min", policy="gold")
    assert [recent[f"sla_met.{clock}"].value for clock in ("first_reply", "next_reply")] == [0, 0]
    assert recent["sla_compliance.next_reply"].value is None


def test_a_breach_that_turns_out_wrong_leaves_its_window_and_its_revision_rises() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], clocks=clocks(("breached", NINE + 60), ("attained", NINE + 60)))
    tick(metrics, board, NINE + 2000)
    (before,) = board.of("15min", policy="gold")
    feed(metrics, board, [], clocks=clocks(("breached", NINE + 60), n=-1))
    tick(metrics, board, NINE + 2001)
    (after,) = board.of("15min", policy="gold")
    assert after.closed
    assert after.revision > before.revision
    shares = [window.metrics["sla_compliance.first_reply"].value for window in (before, after)]
    assert shares == [0.5, 1.0]


def test_news_of_a_policy_not_yet_sent_when_a_worker_dies_is_sent_by_the_next() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    tick(metrics, board, NINE + 3600)
    feed(metrics, board, [], clocks=clocks(("attained", NINE)))
    tick(metrics, board, NINE + 3601)
    feed(metrics, board, [], clocks=clocks(("attained", NINE)))
    tick(metrics, board, NINE + 3601.5)
    assert board.value("sla_met.first_reply", "15min", policy="gold") == 1
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    tick(metrics, board, NINE + 3603)
    assert board.value("sla_met.first_reply", "15min", policy="gold") == 2


def test_an_open_window_is_closed_by_the_next_worker() -> None:
    metrics, board = Metrics(MetricSettings()), Board()
    feed(metrics, board, [], clocks=clocks(("attained", NINE)))
    tick(metrics, board, NINE + 5)
    metrics = restart(metrics, {}, Metrics(MetricSettings()))
    tick(metrics, board, NINE + 901)
    (window,) = board.of("15min", policy="gold")
    assert (window.closed, window.metrics["sla_met.first_reply"].value) == (True, 1)


@pytest.mark.parametrize(("clock", "measure"), [("first_reply", "bored"), ("lunch", "open"), ("lunch", "attained")])
def test_a_count_of_a_newer_version_is_an_error_and_no_lost_count(clock: str, measure: str) -> None:
    with pytest.raises(UnknownMeasure, match=measure):
        feed(Metrics(MetricSettings()), Board(), [], clocks=clocks((measure, NINE), clock=clock))


@dataclass
class Folded:
    """A floor whose counts of the first day are folded: clock four days on."""

    metrics: Metrics = field(default_factory=lambda: Metrics(MetricSettings()))
    board: Board = field(default_factory=Board)

    def __post_init__(self) -> None:
        for n in range(40):
            feed(self.metrics, self.board, [], clocks=clocks(("attained", NINE + 60 * n), ("open", NINE + 60 * n)))
            feed(self.metrics, self.board, [], clocks=clocks(("open", NINE + 60 * n), n=-1))
        tick(self.metrics, self.board, NINE + 3600)
        tick(self.metrics, self.board, NINE + 4 * 86_400)
        self.board.last.clear()

    @property
    def now(self) -> float:
        return NINE + 4 * 86_400


def test_old_minutes_are_folded_and_their_state_goes() -> None:
    changelog: dict[bytes, bytes | None] = dict(Folded().metrics.changes())
    kinds = Counter(key[:1] for key, value in changelog.items() if value is not None)
    assert (kinds[b"l"], kinds[b"n"]) == (0, 0)
    assert (kinds[b"x"], kinds[b"y"]) == (2, 1)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_folded_day_and_the_total_still_take_late_decisions(restarted: bool) -> None:
    floor = Folded()
    if restarted:
        floor.metrics = restart(floor.metrics, {}, Metrics(MetricSettings()))
    late = [*clocks(("attained", NINE + 60), n=-1), *clocks(("breached", NINE + 60))]
    feed(floor.metrics, floor.board, [], clocks=[*late, *clocks(("attained", floor.now - 60))])
    tick(floor.metrics, floor.board, floor.now + 1, ended=True)
    day = floor.board.of("day", policy="gold")[0].metrics["sla_compliance.first_reply"]
    assert (day.numerator, day.denominator) == (39, 40)
    everything = floor.board.metrics("all", policy="gold")["sla_compliance.first_reply"]
    assert (everything.numerator, everything.denominator) == (40, 41)
    assert {w.window.start for w in floor.board.of("15min", policy="gold")} == {
        from_ms(round((floor.now - 900) * 1000))
    }
