"""When the pipeline counts as blind, on a timeline of looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from schemas.ids import alert_id
from schemas.instants import to_ms
from schemas.live import Pipeline, TaskMark
from schemas.notifications import BLIND, Alert
from streams.outlets.notifier.watchman import Watchman

BEGUN = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LIMIT = 60.0


def second(at: float) -> datetime:
    return BEGUN + timedelta(seconds=at)


def pipeline(**marks: float) -> Pipeline:
    """Tasks and the second that each has got to."""
    tasks = {name: TaskMark(watermark=second(at)) for name, at in marks.items()}
    return Pipeline(tasks=tasks, read=0, accepted=0, ignored=0, failed=0, duplicates=0)


def looks(watchman: Watchman, start: int, end: int, seen: Pipeline | None) -> list[tuple[int, Alert]]:
    """What it says, a look a second, and when."""
    said = [(at, watchman.look(second(at), seen)) for at in range(start, end)]
    return [(at, alert) for at, alert in said if alert is not None]


def test_a_pipeline_that_stops_is_blind_after_the_limit_by_its_own_clock_and_told_once() -> None:
    watchman = Watchman(LIMIT, BEGUN)
    ((at, alert),) = looks(watchman, 1, 300, pipeline(intake=10, contacts=12))
    assert at == 71
    assert (alert.rule, alert.severity, alert.state, alert.notify) == (BLIND, "critical", "firing", "trigger")
    assert alert.id == alert_id(BLIND, {}, to_ms(second(10)))
    assert alert.started_at == second(10)
    assert "1 of 2 tasks stand still" in alert.summary


def test_a_pipeline_that_was_never_fresh_is_told_after_the_limit_of_its_own_watch() -> None:
    old = pipeline(intake=-5_000)
    ((at, alert),) = looks(Watchman(LIMIT, BEGUN), 1, 100, old)
    assert (at, alert.started_at) == (61, second(-5_000))
    ((at, alert),) = looks(Watchman(LIMIT, BEGUN), 1, 100, None)
    assert (at, alert.started_at) == (61, BEGUN)


def test_what_stood_still_before_it_came_on_duty_has_the_limit_to_move_from_then_on() -> None:
    before = pipeline(intake=-1, contacts=-50)
    moving = Watchman(LIMIT, BEGUN)
    assert looks(moving, 1, 60, before) == []
    assert looks(moving, 60, 100, pipeline(intake=59, contacts=58)) == []
    ((at, alert),) = looks(Watchman(LIMIT, BEGUN), 1, 100, before)
    assert (at, alert.started_at) == (61, second(-50))


def test_it_is_over_when_the_marks_are_well_under_the_limit_and_not_at_its_edge() -> None:
    watchman = Watchman(LIMIT, BEGUN)
    ((_, raised),) = looks(watchman, 1, 80, pipeline(intake=10))
    assert watchman.look(second(80), pipeline(intake=45)) is None
    resolved = watchman.look(second(81), pipeline(intake=70))
    assert resolved is not None
    assert (resolved.id, resolved.sequence, resolved.state, resolved.notify) == (raised.id, 2, "resolved", "resolve")
    assert resolved.ended_at == second(81)
    assert looks(watchman, 82, 100, pipeline(intake=70)) == []


def test_another_standstill_is_another_alert() -> None:
    watchman = Watchman(LIMIT, BEGUN)
    ((_, first),) = looks(watchman, 1, 80, pipeline(intake=10))
    watchman.look(second(80), pipeline(intake=80))
    ((_, later),) = looks(watchman, 81, 200, pipeline(intake=80))
    assert later.id != first.id
    assert later.sequence == 1


def test_after_a_restart_an_open_one_is_not_told_again_and_its_end_is() -> None:
    ((_, raised),) = looks(Watchman(LIMIT, BEGUN), 1, 80, pipeline(intake=10))
    again = Watchman(LIMIT, second(90), raised)
    assert looks(again, 91, 200, None) == []
    assert looks(again, 200, 300, pipeline(intake=10)) == []
    ((_, resolved),) = looks(again, 300, 302, pipeline(intake=299))
    assert (resolved.id, resolved.sequence) == (raised.id, 2)


def test_a_machine_that_slept_waits_for_fresh_marks_before_it_says_anything() -> None:
    watchman = Watchman(LIMIT, BEGUN)
    assert looks(watchman, 1, 20, pipeline(intake=15)) == []
    assert looks(watchman, 5_000, 5_060, pipeline(intake=15)) == []
    assert len(looks(watchman, 5_060, 5_065, pipeline(intake=15))) == 1


def test_tasks_whose_input_has_ended_are_not_waited_for() -> None:
    seen = pipeline(intake=10)
    seen.tasks["intake"].ended = True
    seen.tasks["metrics"] = TaskMark(watermark=second(1_000))
    assert looks(Watchman(LIMIT, BEGUN), 1, 1_050, seen) == []
