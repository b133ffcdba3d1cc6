"""Plain Faust doing the same rules: an agent that is handed one event at a time, state in a dictionary, at least once.

Settings are Faust's defaults, but for a web server, which nobody asks, and a leader topic, which nothing here needs.
Time moves and partials are made 20 times a second, as in the engine's flushes. With `send`, what comes out is sent
in the way of Faust's manual; without, it is dropped, which is to its advantage. There is no changelog.
"""

import os
import signal
import tempfile
from uuid import UUID

import faust

from agents.contacts.processor import Contacts
from schemas.envelopes import decode_mark
from schemas.policies import Policies
from schemas.topics import ALERTS_SLA, CONTACTS_EVENTS, CONTACTS_FAILED, CUSTOMERS_EVENTS, METRICS_PARTIALS
from tests.benchmarks.contestants.floorwalker import CUSTOMER_NAMESPACE
from tests.benchmarks.job import Job
from tests.benchmarks.payloads import Tray
from tests.benchmarks.runs import Stopwatch

FLUSH = 0.05
GLANCE = 128
"""Events between two looks at the clock."""


def main(job: Job, *, send: bool) -> None:
    """Run for the job's seconds after the first event, or through all events."""
    app = faust.App(
        f"{job.namespace}.faust.{os.getpid()}",
        broker=f"kafka://{job.bootstrap}",
        store="memory://",
        datadir=tempfile.gettempdir(),
        web_enabled=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )
    topics = {
        each.name: app.topic(f"{job.namespace}.{each.name}", key_serializer="raw", value_serializer="raw")
        for each in (CONTACTS_EVENTS, CUSTOMERS_EVENTS, METRICS_PARTIALS, ALERTS_SLA, CONTACTS_FAILED)
    }
    rules = Contacts("contacts-0", policies=Policies(), namespace=UUID(CUSTOMER_NAMESPACE))
    tray = Tray()
    clock = 0

    async def leave() -> None:
        outputs, tray.outputs = tray.outputs, []
        if send:
            for output in outputs:
                _ = await topics[output.topic].send(key=output.key, value=output.value, headers=dict(output.headers))

    @app.timer(FLUSH)  # type: ignore[untyped-decorator]
    async def flush() -> None:
        if clock:
            rules.advance(clock, tray)
            rules.before_flush(tray, ended=False)
            await leave()

    @app.agent(topics[CONTACTS_EVENTS.name])
    async def track_contacts(stream: faust.StreamT[bytes]) -> None:
        nonlocal clock
        watch: Stopwatch | None = None
        events = 0
        async for event in stream.events():
            watch = watch or Stopwatch()
            message = event.message
            if message.key is None:
                clock = decode_mark(message.value).time
                continue
            rules.take(message, tray)
            if tray.outputs:
                await leave()
            events += 1
            if events == job.events or (events % GLANCE == 0 and watch.seconds > job.seconds):
                job.done(watch.stop(events))
                os.kill(os.getpid(), signal.SIGTERM)
                return

    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main(Job.told(), send=False)
