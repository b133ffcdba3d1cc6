"""Quix Streams as its documentation shows: a StreamingDataFrame with state, RocksDB with changelog, exactly once.

The topic has one partition, so `group_by` changes keys in place and needs no topic between. What is published leaves
every 100 ms with the event that comes then, which is less than one record for each event, as `to_topic` alone would.
"""

import tempfile
import time
from typing import Any

import msgspec
from quixstreams import Application, State

from tests.benchmarks.customers.event import COMMIT_INTERVAL, INPUT, OUTPUT, STAGE, Event, count, decode, pane
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch

GLANCE = 16
"""Events between two looks at the clock."""


class Panes:
    """Counts by minute and queue that changed since they were last published, and when it is time to stop."""

    def __init__(self, job: Job, app: Application) -> None:
        self._job, self._app = job, app
        self._changed: dict[str, int] = {}
        self._published_at = time.monotonic()
        self._watch: Stopwatch | None = None
        self._events = 0
        self.run: Run | None = None

    def count(self, event: Event, state: State) -> list[dict[str, Any]]:
        if self.run is not None:
            raise RuntimeError("another event came after the job was over")
        watch = self._watch = self._watch or Stopwatch()
        key = pane(event)
        n = state.get("n", 0) + 1
        state.set("n", n)
        self._changed[key] = n
        self._events += 1
        over = self._events == self._job.events
        if not over and self._events % GLANCE:
            return []
        if over or watch.seconds > self._job.seconds:
            self.run = watch.stop(self._events)
            self._app.stop()
        elif time.monotonic() - self._published_at < COMMIT_INTERVAL:
            return []
        changed, self._changed = self._changed, {}
        self._published_at = time.monotonic()
        return [msgspec.structs.asdict(count(key, n)) for key, n in changed.items()]


def count_customer(event: Event, state: State) -> None:
    n, last = state.get("customer", (0, ""))
    state.set("customer", (n + 1, max(last, event.time)))


def main(job: Job) -> None:
    """Run until it is measured."""
    with tempfile.TemporaryDirectory() as folder:
        app = Application(
            broker_address=job.bootstrap,
            consumer_group=f"{job.namespace}.{STAGE}",
            auto_offset_reset="earliest",
            commit_interval=COMMIT_INTERVAL,
            processing_guarantee="exactly-once",
            state_dir=folder,
            loglevel="WARNING",
        )
        source = app.topic(f"{job.namespace}.{INPUT}", key_deserializer="bytes", value_deserializer="bytes")
        output = app.topic(f"{job.namespace}.{OUTPUT}", key_serializer="string", value_serializer="json")
        panes = Panes(job, app)
        frame = app.dataframe(source)
        frame = frame.apply(decode)
        frame = frame.update(count_customer, stateful=True)
        frame = frame.group_by(pane, name="pane")
        frame = frame.apply(panes.count, stateful=True, expand=True)
        frame.to_topic(output, key=lambda said: f"{said['minute']}|{said['queue']}")
        app.run()
        if panes.run is None:
            raise RuntimeError("the application stopped before the job was done")
        job.done(panes.run)


if __name__ == "__main__":
    main(Job.told())
