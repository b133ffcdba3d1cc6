"""Sources: when they were last heard, and when nothing from them is too long."""

from random import Random

from schemas.instants import MINUTE, SECOND, to_ms
from schemas.policies import TrendSettings
from tests.unit.contact_bench import Floor, offered
from tests.unit.metric_kit import Board
from tests.unit.trend_floor import DAY_MINUTES, MONDAY, Profile, Told, flat, metrics_of, office, partial_of, poisson

START = MONDAY * MINUTE
TOLD = TrendSettings(silent_after_ms={"pbx": 90 * SECOND})


class Line:
    """A processor that hears sources by second since START; `clock` moves it."""

    def __init__(self, settings: TrendSettings) -> None:
        self.metrics, self.told = metrics_of(settings), Told()

    def hear(self, **sources: int) -> None:
        self.metrics.take(partial_of(sources=sources), self.told)

    def clock(self, second: float) -> None:
        self.metrics.advance(START + round(second * SECOND), self.told)

    def story(self) -> list[tuple[str, float, float]]:
        """Which, since which second, detected at which second."""
        return [
            (each.transition, (to_ms(each.since) - START) / 1000, (to_ms(each.detected_at) - START) / 1000)
            for each in self.told.transitions
            if each.rule == "source.silent"
        ]


def test_records_are_counted_by_source_duplicates_and_first_parts_included() -> None:
    floor = Floor()
    floor.hear(offered(0))
    floor.flush()
    assert floor.sources == {"pbx": 1}
    floor.hear(offered(0))
    floor.hear(offered(0, contact="c2", source="chat", id="e2"), part=0, parts=2)
    floor.hear(offered(0, contact="c3", source="chat", id="e3"), part=1, parts=2)
    floor.hear(outcome="ignored", reason="phantom")
    floor.take(b"{")
    floor.flush()
    floor.flush()
    assert floor.sources == {"pbx": 2, "chat": 1}
    assert floor.outcomes["duplicate"] == 1


def test_a_source_is_silent_when_it_says_nothing_for_as_long_as_was_set_and_until_it_speaks() -> None:
    line = Line(TOLD)
    line.clock(0)
    line.hear(pbx=3)
    for second in range(10, 140, 10):
        line.clock(second)
    assert line.story() == [("opened", 10, 110)]
    line.hear(pbx=1)
    line.clock(150)
    assert line.story() == [("opened", 10, 110), ("closed", 10, 150)]
    opened, closed = line.told.transitions
    assert (opened.source, opened.queue, opened.channel) == ("pbx", None, None)
    assert opened.trend == closed.trend != opened.id != closed.id
    assert (opened.evidence.limit, opened.evidence.statistic, opened.evidence.threshold) == (90, 100, 90)
    assert opened.evidence.last_seen == opened.since


def test_a_source_that_was_never_heard_is_silent_from_the_first_clock_on() -> None:
    line = Line(TOLD)
    for second in range(5, 200, 5):
        line.clock(second)
    assert line.story() == [("opened", 5, 100)]


def test_the_pipeline_says_when_each_source_was_heard_and_since_when_it_is_silent() -> None:
    metrics, board, told = metrics_of(TOLD), Board(), Told()
    for second in range(0, 60, 10):
        metrics.take(partial_of(sources={"pbx": 2, "chat": 1}), told)
        metrics.advance(START + second * SECOND, told)
    metrics.before_flush(board, ended=False)
    seen = board.pipeline.sources
    assert {source: each.records for source, each in seen.items()} == {"chat": 6, "pbx": 12}
    assert to_ms(seen["pbx"].last_seen) == START + 50 * SECOND
    assert seen["pbx"].silent_since is None
    for second in range(60, 200, 10):
        metrics.advance(START + second * SECOND, told)
    metrics.before_flush(board, ended=True)
    seen = board.pipeline.sources
    assert seen["pbx"].silent_since == seen["pbx"].last_seen
    assert seen["chat"].silent_since is None


def test_what_came_while_the_clock_stood_still_was_heard_where_it_goes_on() -> None:
    line = Line(TOLD)
    line.clock(0)
    line.hear(pbx=1)
    line.clock(3600)
    line.clock(3680)
    assert line.story() == []
    line.clock(3700)
    assert line.story() == [("opened", 3600, 3700)]


def test_time_that_nobody_watched_does_not_count() -> None:
    line = Line(TOLD)
    line.hear(pbx=1)
    line.clock(0)
    line.clock(4 * 3600)
    line.clock(4 * 3600 + 80)
    assert line.story() == []
    line.clock(4 * 3600 + 100)
    assert line.story() == [("opened", 0, 4 * 3600 + 100)]


def heard(line: Line, profile: Profile, minutes: range, seed: int = 1) -> None:
    random = Random(seed)
    for minute in minutes:
        n = poisson(random, profile(MONDAY + minute))
        if n:
            line.hear(pbx=n)
        line.clock((minute + 1) * 60)


def test_without_a_setting_the_gap_is_judged_by_the_past_and_only_when_that_is_known() -> None:
    line = Line(TrendSettings())
    heard(line, flat(2.0), range(5 * DAY_MINUTES))
    for minute in range(5 * DAY_MINUTES, 5 * DAY_MINUTES + 300):
        line.clock((minute + 1) * 60)
    assert line.story() == []
    heard(line, flat(2.0), range(5 * DAY_MINUTES + 300, 12 * DAY_MINUTES), seed=2)
    assert line.story() == []
    end = 12 * DAY_MINUTES * 60
    for minute in range(12 * DAY_MINUTES, 12 * DAY_MINUTES + 60):
        line.clock((minute + 1) * 60)
    ((transition, since, detected),) = line.story()
    assert transition == "opened"
    assert end - 120 <= since <= end
    assert 3 * 60 <= detected - since <= 20 * 60
    evidence = line.told.transitions[0].evidence
    assert evidence.statistic >= evidence.threshold > 5
    assert evidence.limit is None


def test_a_night_that_is_always_quiet_is_no_silence_and_a_morning_without_a_sound_is() -> None:
    line = Line(TrendSettings())
    heard(line, office(4.0), range(11 * DAY_MINUTES))
    assert line.story() == []
    for minute in range(11 * DAY_MINUTES, 11 * DAY_MINUTES + 12 * 60):
        line.clock((minute + 1) * 60)
    ((_, _, detected),) = line.story()
    assert 8 * 3600 < detected % 86_400 < 8.5 * 3600


def test_a_source_of_no_setting_that_is_gone_for_a_week_is_forgotten() -> None:
    line = Line(TrendSettings())
    heard(line, flat(1.0), range(10 * DAY_MINUTES))
    for minute in range(10 * DAY_MINUTES, 18 * DAY_MINUTES):
        line.clock((minute + 1) * 60)
    assert [each[0] for each in line.story()] == ["opened", "closed"]
    line.metrics.before_flush(line.told, ended=False)
    assert line.told.last is None or not line.told.last.series


def test_in_service_a_standstill_of_ours_is_no_silence_of_a_source() -> None:
    line = Line(TrendSettings(silent_after_ms={"pbx": 90 * SECOND}, wall=True))
    for second in range(0, 60, 5):
        line.hear(pbx=1)
        line.clock(second)
    # Two minutes in which nothing ran here, connectors included; then the source has its time to speak again.
    for second in range(175, 265, 5):
        line.clock(second)
    assert line.story() == []
    line.clock(270)
    assert line.story() == [("opened", 55, 270)]


def test_in_service_a_task_that_takes_over_gives_a_source_its_time_to_speak() -> None:
    settings = TrendSettings(silent_after_ms={"pbx": 90 * SECOND}, wall=True)
    former = Line(settings)
    for second in range(0, 60, 5):
        former.hear(pbx=1)
        former.clock(second)
    line = Line(settings)
    for key, value in former.metrics.changes():
        line.metrics.restore(key, value)
    line.metrics.restored()
    for second in range(150, 240, 5):
        line.clock(second)
    assert line.story() == []
    line.clock(245)
    assert line.story() == [("opened", 55, 245)]
