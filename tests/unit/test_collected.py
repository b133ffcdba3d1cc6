"""What a backtest gathers from the output topics."""

from types import SimpleNamespace
from typing import Any

from agents.collect import Collected
from schemas import live
from schemas.envelopes import Mark, encode
from schemas.instants import from_ms
from schemas.live import LiveMetrics, Metric, Pipeline, Scope, TaskMark, Window

ENDED = TaskMark(watermark=from_ms(0), ended=True)


def record(key: bytes, value: bytes | None) -> Any:
    return SimpleNamespace(topic="n.metrics.live", partition=0, offset=0, timestamp=0, key=key, value=value, headers=())


def pipeline(read: int, *ended: str) -> Any:
    tasks = dict.fromkeys(ended, ENDED)
    value = Pipeline(tasks=tasks, read=read, accepted=read - 1, ignored=1, failed=0, duplicates=0)
    return record(live.PIPELINE_KEY, live.encode(value))


def test_it_is_finished_when_every_task_is_at_its_end_and_every_record_is_counted() -> None:
    collected, expected = Collected(), frozenset({"contacts-0", "metrics-0"})
    assert not collected.finished(expected, 0)
    collected.take(pipeline(9, "contacts-0"))
    assert collected.waiting_for(expected) == ["metrics-0"]
    collected.take(pipeline(9, "contacts-0", "metrics-0"))
    assert not collected.finished(expected, 10)
    collected.take(pipeline(10, "contacts-0", "metrics-0"))
    assert collected.finished(expected, 10)


def test_the_last_record_of_a_window_counts_and_rolling_windows_are_left_out() -> None:
    def window(kind: Any, value: int) -> Any:
        metrics = {"contacts_offered": Metric(value=value, n=value)}
        of = Window(kind=kind)
        made = LiveMetrics(scope=Scope(), window=of, watermark=None, revision=value, closed=False, metrics=metrics)
        return record(str(kind).encode(), live.encode(made))

    collected = Collected()
    for each in (window("all", 1), window("rolling15min", 1), window("all", 2)):
        collected.take(each)
    (row,) = collected.result()["metrics"]
    assert (row["metric"], row["window"]["kind"], row["value"]) == ("contacts_offered", "all", 2)
    floor = collected.floor()
    assert floor is not None
    assert floor.revision == 2


def test_watermarks_on_the_topic_of_promises_and_the_state_of_trends_are_no_results() -> None:
    collected = Collected()
    collected.take(SimpleNamespace(topic="n.alerts.sla", key=None, value=encode(Mark(task="contacts-0", time=1))))
    collected.take(record(live.TRENDS_KEY, live.encode(live.Trends(watermark=from_ms(0), series=[]))))
    assert (collected.result()["alerts"], collected.result()["metrics"]) == ([], [])
