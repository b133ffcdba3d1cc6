"""A past worked through in event time, then the namespace in service: one floor, and nobody is told of the past."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streams.kafka import EmbeddedKafka
from streams.simulator import Truth, sample_plan, write_history
from tests.acceptance.pbx import SOURCE, Pbx, contact_of
from tests.acceptance.program import Program, floorwalker, in_service, wait_for
from tests.acceptance.reading import Reader, Said
from tests.conftest import unused_namespace
from tests.integration.notifier_kit import Floor, HookSink, hook, notifier

DAY = 86_400
REFUSED = 4
QUEUES = ("sales", "support", "billing")
METRICS = {
    "contacts_offered": "offered",
    "contacts_answered": "answered",
    "contacts_abandoned": "abandoned",
    "service_level.answered_over_offered@20": "in_time",
}
"""Metric -> the counter of the simulated centre; of a ratio, its numerator is meant."""

CONFIG = f"""
[service]
partitions = 2

[queues.sales]
answer_within = "3s"

[alerts]
group_wait = "1s"
keep_firing = "2s"

[[sources]]
name = "{SOURCE}"
format = "asterisk-queue-log"
path = "queue_log"
"""


class Filled(NamedTuple):
    """A namespace with a past of a day and a half, not in service yet."""

    folder: Path
    namespace: str
    bootstrap: str
    truth: Truth
    words: str

    @property
    def settings(self) -> dict[str, object]:
        return {"service__bootstrap": self.bootstrap, "service__namespace": self.namespace}


@pytest.fixture(scope="module")
def filled(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    folder = tmp_path_factory.mktemp("filled")
    (folder / "floorwalker.toml").write_text(CONFIG, encoding="utf-8")
    now = int(time.time())
    truth = write_history(folder / "past", sample_plan(), seed="past", begins=now - 1.5 * DAY, ends=now)
    filled = Filled(folder, unused_namespace("filled"), kafka.bootstrap, truth, "")
    ended = floorwalker(
        *("backfill", "past", "--format", "asterisk-queue-log", "--source", SOURCE),
        folder=folder,
        settings=filled.settings,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    return filled._replace(words=ended.stderr)


class Service:
    """The filled namespace in service with a receiver, and everything that was published since its beginning."""

    def __init__(self, reader: Reader, pbx: Pbx, worker: Program, web: HookSink) -> None:
        self.pbx = pbx
        self.web = web
        self.worker = worker
        self.said: list[Said] = []
        self._reader = reader

    def read(self) -> None:
        self.said += self._reader.news(0.1)

    def read_all(self) -> None:
        self.said += self._reader.to_the_end()

    def last(self, key: str) -> dict[str, Any]:
        found = [each.json for each in self.said if each.topic == "metrics.live" and each.key == key]
        return dict(found[-1]) if found else {}

    def total(self, queue: str) -> dict[str, Any]:
        """All metrics of a queue over all time, as last published."""
        found = [each.json for each in self.said if each.topic == "metrics.live" and queue in (each.key or "")]
        all_time = [each for each in found if each["window"]["kind"] == "all" and each["scope"] == {"queue": queue}]
        return dict(all_time[-1]["metrics"]) if all_time else {}

    def alerts(self, mode: str) -> list[dict[str, Any]]:
        told = [each.json for each in self.said if each.topic == "alerts.notifications" and each.key]
        return [each for each in told if each.get("kind") == "alert" and each["mode"] == mode]

    def breaches(self) -> list[dict[str, Any]]:
        every = [each.json for each in self.said if each.topic == "alerts.sla" and each.key]
        return [each for each in every if each["transition"] == "breached"]

    def wait_for(self, claim: Any, what: str) -> None:
        def holds() -> bool:
            self.read()
            return bool(claim())

        wait_for(holds, f"{what}; the worker says: {self.worker.words[-1_500:]}")


@pytest.fixture(scope="module")
def service(filled: Filled) -> Iterator[Service]:
    with ExitStack() as stack:
        reader = stack.enter_context(
            Reader(filled.bootstrap, filled.namespace, "metrics.live", "alerts.sla", "alerts.notifications")
        )
        worker, _ = in_service(stack, filled.folder, filled.settings)
        worker.wait_ready()
        pbx = Pbx(filled.folder / "queue_log")
        stack.callback(pbx.close)
        web = stack.enter_context(HookSink())
        floor = Floor(filled.bootstrap, filled.namespace)
        stack.callback(floor.close)
        stack.enter_context(notifier(floor, filled.folder, hook(web))).wait_ready()
        yield Service(reader, pbx, worker, web)


def counts_of(metrics: dict[str, Any]) -> dict[str, float]:
    return {
        counter: metrics[name]["numerator"] if "@" in name else metrics[name]["value"]
        for name, counter in METRICS.items()
    }


@pytest.mark.slow
def test_past_and_present_are_one_floor_and_nobody_is_told_of_the_past(filled: Filled, service: Service) -> None:
    assert f"{filled.truth.lines:,} source records worked through" in filled.words
    service.read_all()
    assert service.last("pipeline")["read"] == filled.truth.lines
    past = {queue: counts_of(service.total(queue)) for queue in QUEUES}
    for queue in QUEUES:
        assert past[queue] == {counter: getattr(filled.truth, counter)[queue] for counter in METRICS.values()}
    broken = {each["id"] for each in service.breaches()}
    assert len(broken) > 100
    assert service.alerts("live") == []
    replayed = service.alerts("replay")
    assert replayed
    assert all(each.get("notify") is None for each in replayed)

    # In service: a call that is answered, and one that waits too long.
    pbx = service.pbx
    pbx.say("NONE", "sales", "Ann", "ADDMEMBER", "")
    pbx.enter("1.1", "sales")
    pbx.say("1.1", "sales", "Ann", "CONNECT", 0, "1.2", 0)
    pbx.enter("1.3", "sales")
    service.wait_for(lambda: any(each.get("notify") == "trigger" for each in service.alerts("live")), "the alert")
    late = [each for each in service.breaches() if each["id"] not in broken]
    assert [each["contact"] for each in late] == [contact_of("1.3")]
    told = service.alerts("live")[-1]
    assert (told["labels"], told["evidence"]["total"]) == ({"queue": "sales"}, 1)
    pbx.say("1.3", "sales", "NONE", "ABANDON", 1, 1, 5)
    pbx.say("1.1", "sales", "Ann", "COMPLETEAGENT", 0, 4, 1)
    service.wait_for(lambda: service.alerts("live")[-1]["state"] == "resolved", "its end")
    present = {
        "offered": past["sales"]["offered"] + 2,
        "answered": past["sales"]["answered"] + 1,
        "abandoned": past["sales"]["abandoned"] + 1,
        "in_time": past["sales"]["in_time"] + 1,
    }
    lines = filled.truth.lines + pbx.lines
    service.wait_for(
        lambda: (counts_of(service.total("sales")), service.last("pipeline")["read"]) == (present, lines),
        f"past and present together: {present} of {lines} lines",
    )
    pipeline = service.last("pipeline")
    assert not any(task["ended"] for task in pipeline["tasks"].values())
    assert {each["mode"] for each in service.alerts("live") + service.alerts("replay")} == {"live", "replay"}
    assert all(each.get("notify") is None for each in service.alerts("replay"))
    # The receiver heard of that one alone, though what was told of the past stood on the topic before it.
    wait_for(lambda: len(service.web.requests) >= 2, "that it began and that it is over")
    assert [(each.content["data"]["notify"], each.content["subject"]) for each in service.web.requests] == [
        ("trigger", told["id"]),
        ("resolve", told["id"]),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("backfill", "past", "--format", "asterisk-queue-log", "--source", SOURCE),
        ("worker", "--clock", "event", "--port", 0),
    ],
    ids=["backfill", "worker"],
)
def test_a_namespace_that_has_been_in_service_never_goes_back_to_event_time(
    filled: Filled, service: Service, arguments: tuple[object, ...]
) -> None:
    service.wait_for(
        lambda: not any(t["ended"] for t in service.last("pipeline")["tasks"].values()), "it is in service"
    )
    refused = floorwalker(*arguments, folder=filled.folder, settings=filled.settings)
    assert refused.returncode == REFUSED
    assert "is in service" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.slow
def test_a_backtest_of_a_simulated_day_gives_what_the_simulator_counted(tmp_path: Path) -> None:
    begins = 1_788_000_000
    truth = write_history(tmp_path / "queue_log", sample_plan(), seed="truth", begins=begins, ends=begins + DAY)
    ended = floorwalker(
        *("backtest", "queue_log", "--format", "asterisk-queue-log", "--json", "out.json", "--no-progress"),
        folder=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    out = json.loads((tmp_path / "out.json").read_bytes())
    assert out["counts"]["read"] == truth.lines
    assert out["counts"]["failed"] == out["counts"]["duplicates"] == 0
    for queue in QUEUES:
        of_queue = {
            each["metric"]: each
            for each in out["metrics"]
            if each["window"]["kind"] == "all" and each["scope"] == {"queue": queue}
        }
        assert counts_of(of_queue) == {counter: getattr(truth, counter)[queue] for counter in METRICS.values()}
