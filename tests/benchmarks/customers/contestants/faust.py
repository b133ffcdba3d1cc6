"""Plain Faust as its manual shows: an agent handed one event at a time, two tables in memory with their changelogs.

Settings are Faust's defaults, but for a web server, which nobody asks, and a leader topic, which nothing here needs.
Events are decoded by msgspec, as everywhere, which is to its advantage. What is published leaves every 100 ms by a
timer; for each event it would cost more.
"""

import os
import signal
import tempfile

import faust

from tests.benchmarks.customers.event import COMMIT_INTERVAL, INPUT, OUTPUT, STAGE, count, decode, encode, pane
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Stopwatch

GLANCE = 128
"""Events between two looks at the clock."""


def main(job: Job) -> None:
    """Run for the job's seconds after the first event, or through all events."""
    with tempfile.TemporaryDirectory() as folder:
        app = faust.App(
            f"{job.namespace}.{STAGE}",
            broker=f"kafka://{job.bootstrap}",
            store="memory://",
            datadir=folder,
            web_enabled=False,
            topic_disable_leader=True,
            topic_partitions=1,
            consumer_auto_offset_reset="earliest",
        )
        source = app.topic(f"{job.namespace}.{INPUT}", key_serializer="raw", value_serializer="raw", partitions=1)
        output = app.topic(f"{job.namespace}.{OUTPUT}", key_serializer="raw", value_serializer="raw", partitions=1)
        customers = app.Table("customers", partitions=1)
        panes = app.Table("panes", default=int, partitions=1)
        changed: set[str] = set()

        async def publish() -> None:
            while changed:
                key = changed.pop()
                _ = await output.send(key=key.encode(), value=encode(count(key, panes[key])))

        @app.timer(COMMIT_INTERVAL)  # type: ignore[untyped-decorator]
        async def publish_changes() -> None:
            await publish()

        @app.agent(source)
        async def count_customers(stream: faust.StreamT[bytes]) -> None:
            watch: Stopwatch | None = None
            events = 0
            async for value in stream:
                watch = watch or Stopwatch()
                event = decode(value)
                n, last = customers.get(event.customer) or (0, "")
                customers[event.customer] = [n + 1, max(last, event.time)]
                key = pane(event)
                panes[key] += 1
                changed.add(key)
                events += 1
                if events == job.events or (events % GLANCE == 0 and watch.seconds > job.seconds):
                    run = watch.stop(events)
                    await publish()
                    await app.producer.flush()
                    job.done(run)
                    os.kill(os.getpid(), signal.SIGTERM)
                    return

        faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main(Job.told())
