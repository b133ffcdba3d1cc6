"""The whole pipeline on a backlog, channel topic to metrics.live and alerts.sla: two workers, one, each stage alone.

A backlog of queue_log lines stands on channel.phone before the workers start; both join the group at once. The stages
are then measured one by one, each in one process, on the very topics that the workers left.
"""

import time
from argparse import Namespace
from asyncio import run
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.topics import (
    AGENTS_EVENTS,
    ALERTS_SLA,
    ALERTS_TRENDS,
    CONTACTS_EVENTS,
    CUSTOMERS_EVENTS,
    METRICS_PARTIALS,
    prefix_of,
)
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.benchmarks.apart import apart
from tests.benchmarks.backlog import write_backlog
from tests.benchmarks.crew import PARTITIONS, cpu_seconds, crew, still_there
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.payloads import PHONE
from tests.benchmarks.progress import Offsets, Progress, Sample, first_reached, reached
from tests.benchmarks.report import grid
from tests.benchmarks.runs import Run

RECORDS = 400_000
POLL = 0.1
LIMIT = 900.0
JOIN = 5_000
"""Milliseconds that the broker waits for members before it forms a group: both workers are in its first one."""

INPUTS = {
    "intake": (PHONE,),
    "contacts": (CONTACTS_EVENTS.name, AGENTS_EVENTS.name),
    "customers": (CUSTOMERS_EVENTS.name,),
    "metrics": (METRICS_PARTIALS.name,),
    "alerts": (ALERTS_SLA.name, ALERTS_TRENDS.name),
}
_COUNTS = {
    PHONE: PARTITIONS,
    CONTACTS_EVENTS.name: PARTITIONS,
    AGENTS_EVENTS.name: PARTITIONS,
    CUSTOMERS_EVENTS.name: PARTITIONS,
    METRICS_PARTIALS.name: 1,
    ALERTS_SLA.name: 1,
    ALERTS_TRENDS.name: 1,
}

Say = Callable[[str], None]


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Two workers, each stage alone on what they left, then one worker."""
    with (
        TemporaryDirectory(prefix="floorwalker-bench-") as name,
        EmbeddedKafka(Path(name), properties={"group.initial.rebalance.delay.ms": str(JOIN)}, notify=say) as kafka,
    ):
        folder = Path(name) / "workers"
        folder.mkdir()
        whole, progress = _whole(kafka.bootstrap, "two", folder, 2, told.records, say)
        alone = {
            stage: _alone(kafka.bootstrap, "two", stage, progress, told.records, say) for stage in reversed(INPUTS)
        }
        one, _ = _whole(kafka.bootstrap, "one", folder, 1, told.records, say)
    return in_numbers(whole, one, {stage: alone[stage] for stage in INPUTS})


def in_numbers(two: Run, one: Run, alone: dict[str, Run]) -> dict[str, Any]:
    """What build/bench.json says."""
    slowest = min(alone, key=lambda stage: alone[stage].per_second)
    return {
        "records": two.events,
        "two_workers": _speed(two),
        "one_worker": _speed(one),
        "alone": {stage: _speed(each) for stage, each in alone.items()},
        "slowest": slowest,
        "against_slowest": round(two.per_second / alone[slowest].per_second, 3),
        "two_against_one": round(two.per_second / one.per_second, 3),
    }


def table(section: dict[str, Any]) -> list[str]:
    """What each did, and the ratios."""
    rows = {"two workers": section["two_workers"], "one worker": section["one_worker"]}
    rows |= {f"{stage} alone": each for stage, each in section["alone"].items()}
    return [
        *grid(
            (f"{section['records']:,} source records", "records/s", "CPU us a record", "seconds"),
            *(
                (name, f"{each['records_per_s']:,}", f"{each['cpu_us']:.1f}", f"{each['seconds']:.1f}")
                for name, each in rows.items()
            ),
        ),
        "",
        (
            f"Two workers against the slowest stage alone ({section['slowest']}): {section['against_slowest']:.2f}; "
            f"against one worker: {section['two_against_one']:.2f}."
        ),
    ]


def _speed(run: Run) -> dict[str, Any]:
    return {
        "records_per_s": round(run.per_second),
        "cpu_us": round(run.cpu_seconds / run.events * 1e6, 2),
        "seconds": round(run.seconds, 2),
    }


def _whole(bootstrap: str, namespace: str, folder: Path, workers: int, records: int, say: Say) -> tuple[Run, Progress]:
    """From the first commit of intake until all that the backlog brought about is committed."""
    backlog = write_backlog(bootstrap, namespace, records, say)
    progress = Progress(bootstrap, namespace, _COUNTS)
    samples: list[Sample] = []
    began, cpu_began = 0.0, 0.0
    with crew(bootstrap, namespace, folder, workers) as team:
        deadline = time.monotonic() + LIMIT
        while True:
            still_there(team)
            cpu = sum(map(cpu_seconds, team))
            sample = progress.look()
            if not any(each.committed.get(place) for each in (*samples[-1:], sample) for place in backlog):
                began, cpu_began = sample.asked, cpu
            samples.append(sample)
            if reached(sample.committed, backlog) and _is_through(progress, samples, backlog):
                cpu = sum(map(cpu_seconds, team))
                break
            if time.monotonic() > deadline:
                raise MeasurementFailed(f"{namespace}: not through {records:,} records after {LIMIT:.0f} s: {sample}")
            time.sleep(POLL)
        ended = _end(progress, samples, backlog)
        assigned = sum(event.get("event") == "engine.assigned" for each in team for event in each.events())
    if ended is None:
        raise MeasurementFailed(f"{namespace}: no end was seen of {records:,} records")
    run = Run(events=records, seconds=ended.at - began, cpu_seconds=cpu - cpu_began)
    if assigned > workers:
        # It is in the figure: on a machine with other work, a worker may come too late for the first group.
        say(f"pipeline, {workers} worker(s): the group was formed again while it was measured")
    say(f"pipeline, {workers} worker(s): {run.per_second:,.0f} records/s")
    return run, progress


def _is_through(progress: Progress, samples: list[Sample], backlog: Offsets) -> bool:
    return len(samples) % 5 == 0 and _end(progress, samples, backlog) is not None


def _end(progress: Progress, samples: list[Sample], backlog: Offsets) -> Sample | None:
    """The first look at which everything was committed: contacts have taken all envelopes, and those after them what
    stood in their topics at that moment."""
    understood = first_reached(samples, backlog)
    if understood is None:
        return None
    envelopes = progress.last(_of(understood.ends, INPUTS["contacts"]), keyed=True)
    told = first_reached(samples, envelopes)
    if told is None:
        return None
    late = (*INPUTS["customers"], *INPUTS["metrics"], *INPUTS["alerts"])
    return first_reached(samples, progress.last(_of(told.ends, late)))


def _of(offsets: Offsets, topics: tuple[str, ...]) -> Offsets:
    return {place: offset for place, offset in offsets.items() if place[0] in topics}


def _alone(bootstrap: str, namespace: str, stage: str, progress: Progress, records: int, say: Say) -> Run:
    """One stage in one process, on all that its inputs hold now. It begins with no state, as the workers did."""
    _forget(bootstrap, namespace, stage)
    wanted = progress.last(_of(progress.ends(), INPUTS[stage]))
    said = msgspec.json.encode([(*place, offset) for place, offset in wanted.items()])
    line = apart("stage_alone", stage, bootstrap, namespace, said=said)
    run = msgspec.structs.replace(msgspec.json.decode(line, type=Run), events=records)
    say(f"pipeline, {stage} alone: {run.per_second:,.0f} records/s")
    return run


def _forget(bootstrap: str, namespace: str, stage: str) -> None:
    """Forget the group and the state of a stage."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    group = f"{prefix_of(namespace)}floorwalker"
    deadline = time.monotonic() + 60
    while True:
        # A member that was killed is one until its session is over.
        try:
            admin.delete_consumer_groups([group])[group].result(30)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
                break
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            break
    for done in admin.delete_topics([f"{prefix_of(namespace)}{stage}-changelog"]).values():
        done.result(30)
    time.sleep(1)
    run(ensure_topics(bootstrap, namespace, PARTITIONS))
