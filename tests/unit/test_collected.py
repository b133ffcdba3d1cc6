"""What a backtest gathers from the output topics."""

from types import SimpleNamespace
from typing import Any

from agents.collect import Collected
from schemas import alerts, live
from schemas.alerts import CalendarRef, PolicyRef, SlaTransition
from schemas.envelopes import Mark, encode
from schemas.failures import failed_headers
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


def test_numbers_of_policies_and_segments_stand_in_one_order_whatever_came_first() -> None:
    scopes = [Scope(policy="b"), Scope(segment="vip"), Scope(), Scope(policy="a"), Scope(queue="q")]
    listed = []
    for order in (scopes, scopes[::-1]):
        collected = Collected()
        for scope in order:
            made = LiveMetrics(
                scope=scope,
                window=Window("all"),
                watermark=None,
                revision=1,
                closed=False,
                metrics={"x": Metric(value=1, n=1)},
            )
            collected.take(record(live.encode(made)[:60], live.encode(made)))
        listed.append([row["scope"] for row in collected.result()["metrics"]])
    expected = [{}, {"segment": "vip"}, {"policy": "a"}, {"policy": "b"}, {"queue": "q"}]
    assert listed == [expected, expected]


def test_watermarks_on_the_topic_of_promises_and_the_state_of_trends_are_no_results() -> None:
    collected = Collected()
    collected.take(SimpleNamespace(topic="n.alerts.sla", key=None, value=encode(Mark(task="contacts-0", time=1))))
    collected.take(record(live.TRENDS_KEY, live.encode(live.Trends(watermark=from_ms(0), series=[]))))
    assert (collected.result()["alerts"], collected.result()["metrics"]) == ([], [])


def test_a_transition_is_told_with_all_that_it_takes_to_compare_policies() -> None:
    said = SlaTransition(
        id="t1",
        transition="fulfilled",
        contact="c1",
        instance="e1",
        policy=PolicyRef("gold", 2),
        target=3_600,
        due_at=from_ms(3_600_000),
        occurred_at=from_ms(1_800_000),
        detected_at=from_ms(1_801_000),
        clock="first_reply",
        queue="sales",
        elapsed=1_800,
        remaining=1_800,
        outcome="attained",
        calendar=CalendarRef("office", 1),
        evidence=("e1", "e2"),
    )
    collected = Collected()
    collected.take(SimpleNamespace(topic="n.alerts.sla", key=b"t1", value=alerts.encode(said)))
    [told] = collected.result()["alerts"]
    assert {name: value for name, value in told.items() if value is not None} == {
        "id": "t1",
        "kind": "sla",
        "transition": "fulfilled",
        "contact": "c1",
        "instance": "e1",
        "policy": {"id": "gold", "version": 2},
        "target": 3_600,
        "due_at": "1970-01-01T01:00:00Z",
        "occurred_at": "1970-01-01T00:30:00Z",
        "detected_at": "1970-01-01T00:30:01Z",
        "clock": "first_reply",
        "queue": "sales",
        "elapsed": 1_800,
        "remaining": 1_800,
        "outcome": "attained",
        "calendar": {"id": "office", "version": 1},
        "evidence": ["e1", "e2"],
        "events": [],
    }
    assert {"channel", "customer", "reason", "cause", "share", "corrects"} < told.keys()
    assert collected.result()["promises"] == [
        {
            "policy": "gold", "clock": "first_reply", "met": 1, "breached": 0, "cancelled": 0, "open": 0, "at_risk": 0,
            "compliance": 1.0,
        }
    ]  # fmt: skip


def test_of_each_reason_the_first_that_failed_for_it_is_told_with_its_place() -> None:
    collected = Collected()
    for reason, file, line, message in (
        ("schema", "b.csv", 2, "later"),
        ("schema", "a.csv", 30, "not the first"),
        ("schema", "a.csv", 4, "header `date` is missing"),
        ("syntax", None, None, "no JSON"),
    ):
        headers = failed_headers(
            (), reason=reason, stage="intake", message=message, topic="channel.phone", file=file, line=line
        )
        collected.take(SimpleNamespace(topic="n.contacts.failed", key=b"", value=b"", headers=headers))
    failed = {"schema": 3, "syntax": 1}
    told = Pipeline(tasks={}, read=4, accepted=0, ignored=0, failed=4, duplicates=0, failed_by=failed)
    collected.take(record(live.PIPELINE_KEY, live.encode(told)))
    assert collected.result()["failures"] == [
        {"reason": "schema", "count": 3, "first": "a.csv line 4: header `date` is missing"},
        {"reason": "syntax", "count": 1, "first": "no JSON"},
    ]
