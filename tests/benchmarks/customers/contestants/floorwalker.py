"""This engine: a processor as people would write it, exactly once, a transaction every 100 ms.

From the moment its state is restored (there is none) until what it took is committed.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterable
from itertools import chain

import faust

from schemas.topics import Topic, changelog
from streams.engine import Engine, Stage, build_app
from streams.logs import set_up_logs
from streams.processor import Outbox, Record
from streams.store import Store
from streams.topics import ensure_topics
from tests.benchmarks.customers.committed import watched
from tests.benchmarks.customers.event import (
    COMMIT_INTERVAL,
    INPUT,
    OUTPUT,
    STAGE,
    Customer,
    count,
    decode,
    encode,
    pane,
)
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch

GLANCE = 0.005


class CountCustomers:
    """Events by customer, and by minute and queue."""

    def __init__(self, _partition: int) -> None:
        self.customers = Store(b"c", Customer)
        self.panes = Store(b"p", int)
        self._changed: set[str] = set()

    def take(self, record: Record, _out: Outbox) -> None:
        event = decode(record.value or b"")
        customer = self.customers.get(event.customer)
        if customer is None:
            customer = Customer()
            self.customers.put(event.customer, customer)
        else:
            self.customers.touch(event.customer)
        customer.n += 1
        customer.last = max(customer.last, event.time)
        key = pane(event)
        self.panes.put(key, (self.panes.get(key) or 0) + 1)
        self._changed.add(key)

    def advance(self, clock: int, out: Outbox) -> None:
        """Nothing is due at a time."""

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        for key in self._changed:
            out.send(OUTPUT, key.encode(), encode(count(key, self.panes.data[key])))
        self._changed.clear()

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        return chain(self.customers.changes(), self.panes.changes())

    def restore(self, key: bytes, value: bytes | None) -> None:
        (self.customers if self.customers.owns(key) else self.panes).restore(key, value)

    def restored(self) -> None:
        """Nothing is derived."""


def topics() -> tuple[Topic, ...]:
    """What it reads and writes."""
    return (
        Topic(name=INPUT, key="customer", holds="events"),
        Topic(name=OUTPUT, key="minute and queue", holds="counts"),
        changelog(STAGE, partitioned=True),
    )


async def measured(app: faust.App, engine: Engine, job: Job) -> Run:
    """One run, from the first fetch on."""
    while not engine.tasks:  # noqa: ASYNC110 - the group tells only the engine
        await asyncio.sleep(GLANCE)
    await engine.tasks[0].ready.wait()
    return await asyncio.to_thread(watched, job, str(app.conf.id), Stopwatch())


def main(job: Job) -> None:
    """Run until it is measured."""
    set_up_logs("warning")
    asyncio.run(ensure_topics(job.bootstrap, job.namespace, 1, topics()))
    with tempfile.TemporaryDirectory() as folder:
        app, engine = build_app(
            bootstrap=job.bootstrap,
            namespace=job.namespace,
            partitions={topic.name: 1 for topic in topics()},
            flush_interval=COMMIT_INTERVAL,
            data_folder=folder,
        )

        @app.agent(engine.add(Stage(name=STAGE, inputs=(INPUT,), processor=CountCustomers)), name=STAGE)
        async def count_customers(batches: faust.StreamT[object]) -> None:
            async for batch in batches:
                engine.deliver(batch)  # type: ignore[arg-type]

        @app.task  # type: ignore[untyped-decorator]
        async def measure() -> None:
            job.done(await measured(app, engine, job))
            os.kill(os.getpid(), signal.SIGTERM)

        faust.Worker(app, loglevel=None, override_logging=False, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(Job.told())
