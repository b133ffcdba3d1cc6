"""Bytewax as its documentation shows: Kafka in and out, state by key, recovery to a database on disk every 10 s.

Operators on batches are used wherever there are some. It commits nothing to Kafka: what it counted since its last
snapshot is counted, and published, again after a failure.
"""

import pickle
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import bytewax.operators as op
import msgspec
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.inputs import StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from tests.benchmarks.customers.event import INPUT, OUTPUT, Event, count, decode, encode, pane
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch

BATCH = 5_000
FLOW = "customers_job"
CUSTOMERS = "customers"


class Limited(StatefulSourcePartition):
    """A partition of the topic that ends with the job."""

    def __init__(self, inner: StatefulSourcePartition, job: Job, runs: list[Run]) -> None:
        self._inner, self._job, self._runs = inner, job, runs
        self._watch: Stopwatch | None = None
        self._events = 0

    def next_batch(self) -> list[KafkaSourceMessage]:
        # What was handed out before has been worked on when the next batch is asked for.
        if self._watch is not None and (self._events >= self._job.events or self._watch.seconds > self._job.seconds):
            self._runs.append(self._watch.stop(self._events))
            raise StopIteration
        self._watch = self._watch or Stopwatch()
        batch = self._inner.next_batch()
        self._events += len(batch)
        return batch

    def snapshot(self) -> int | None:
        return self._inner.snapshot()

    def close(self) -> None:
        self._inner.close()


class Source(KafkaSource):
    """The topic, as far as the job goes."""

    def __init__(self, job: Job, runs: list[Run]) -> None:
        super().__init__([job.bootstrap], [f"{job.namespace}.{INPUT}"], batch_size=BATCH)
        self._limits = job, runs

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Limited:
        return Limited(super().build_part(step_id, for_part, resume_state), *self._limits)


class CountCustomer(StatefulBatchLogic):
    """Events of one customer."""

    def __init__(self, state: tuple[int, str] | None) -> None:
        self._n, self._last = state or (0, "")

    def on_batch(self, values: list[str]) -> tuple[list[int], bool]:
        self._n += len(values)
        self._last = max(self._last, *values)
        return [], False

    def snapshot(self) -> tuple[int, str]:
        return self._n, self._last


class CountPane(StatefulBatchLogic):
    """Events of one minute and queue; published once a batch."""

    def __init__(self, state: int | None) -> None:
        self._n = state or 0

    def on_batch(self, values: list[None]) -> tuple[list[int], bool]:
        self._n += len(values)
        return [self._n], False

    def snapshot(self) -> int:
        return self._n


def said(pair: tuple[str, int]) -> KafkaSinkMessage:
    key, n = pair
    return KafkaSinkMessage(key.encode(), encode(count(key, n)))


def dataflow(job: Job, runs: list[Run]) -> Dataflow:
    """Decode, then count in two ways."""
    flow = Dataflow(FLOW)
    messages = op.input("events", flow, Source(job, runs))

    def decoded(batch: list[KafkaSourceMessage]) -> list[Event]:
        return [decode(message.value) for message in batch]

    events = op.flat_map_batch("decode", messages, decoded)
    by_customer = op.flat_map_batch("by_customer", events, lambda batch: [(e.customer, e.time) for e in batch])
    op.stateful_batch(CUSTOMERS, by_customer, CountCustomer)
    by_pane = op.flat_map_batch("by_pane", events, lambda batch: [(pane(e), None) for e in batch])
    counts = op.stateful_batch("panes", by_pane, CountPane)
    op.output("counts", op.map("say", counts, said), KafkaSink([job.bootstrap], f"{job.namespace}.{OUTPUT}"))
    return flow


def recovered(folder: Path) -> dict[str, tuple[int, str]]:
    """The customers' states that a recovery would find."""
    wanted = f"{FLOW}.{CUSTOMERS}"
    with closing(sqlite3.connect(folder / "part-0.sqlite3")) as database:
        rows = database.execute(
            "select state_key, ser_change from snaps where step_id = ? order by snap_epoch", (wanted,)
        )
        return {customer: pickle.loads(state) for customer, state in rows}  # noqa: S301 - written by this process


def main(job: Job) -> None:
    """Run until it is measured; the states that a recovery would find are left beside the result."""
    runs: list[Run] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        init_db_dir(folder, 1)
        cli_main(dataflow(job, runs), recovery_config=RecoveryConfig(str(folder)))
        Path(job.states).write_bytes(msgspec.json.encode(recovered(folder)))
    job.done(runs[0])


if __name__ == "__main__":
    main(Job.told())
