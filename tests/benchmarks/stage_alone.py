"""One stage of the pipeline in one process: `python -m tests.benchmarks.stage_alone STAGE BOOTSTRAP NAMESPACE`.

Reads on stdin what must be committed: a JSON list of [topic, partition, offset]. Measured from the moment at which all
of its tasks have their (empty) state until that is committed; the run is printed as JSON, its events are 0: who asked
knows how many records these are.
"""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import faust
import msgspec
from aiokafka.admin import AIOKafkaAdminClient

from agents.alerts.agent import register as register_alerts
from agents.contacts.agent import register as register_contacts
from agents.customers.agent import register as register_customers
from agents.intake.agent import register as register_intake
from agents.metrics.agent import register as register_metrics
from agents.profiles.agent import register as register_profiles
from agents.registry.agent import register as register_registry
from streams.engine import Engine, build_app
from streams.logs import set_up_logs
from streams.settings import load_settings
from streams.topics import STAGES, partition_counts
from tests.acceptance.program import CUSTOMER_NAMESPACE
from tests.benchmarks.crew import PARTITIONS
from tests.benchmarks.progress import Offsets, reached
from tests.benchmarks.runs import Run, Stopwatch

REGISTER: dict[str, Callable[..., None]] = {
    "intake": register_intake,
    "contacts": register_contacts,
    "registry": register_registry,
    "customers": register_customers,
    "profiles": register_profiles,
    "metrics": register_metrics,
    "alerts": register_alerts,
}
GLANCE = 0.005
POLL = 0.1


async def measured(app: faust.App, engine: Engine, bootstrap: str, prefix: str, stage: str, wanted: Offsets) -> Run:
    """The run, by which nothing is counted yet: who asked knows how many records these are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        count = PARTITIONS if STAGES[stage] else 1
        while len(engine.tasks) < count:  # noqa: ASYNC110 - the group tells only the engine
            await asyncio.sleep(GLANCE)
        for task in engine.tasks:
            await task.ready.wait()
        watch = Stopwatch()
        while True:
            found = await admin.list_consumer_group_offsets(app.conf.id)
            offsets = {(tp.topic.removeprefix(prefix), tp.partition): each.offset for tp, each in found.items()}
            if reached(offsets, wanted):
                return watch.stop(0)
            await asyncio.sleep(POLL)
    finally:
        await admin.close()


def main(stage: str, bootstrap: str, namespace: str, wanted: Offsets) -> None:
    """Run until it is measured."""
    set_up_logs("warning")
    with tempfile.TemporaryDirectory() as folder:
        service: dict[str, Any] = {
            "bootstrap": bootstrap,
            "namespace": namespace,
            "partitions": PARTITIONS,
            "customer_namespace": CUSTOMER_NAMESPACE,
            "data_folder": folder,
        }
        settings = load_settings(service=service)
        app, engine = build_app(
            bootstrap=bootstrap,
            namespace=namespace,
            partitions=partition_counts(PARTITIONS),
            flush_interval=settings.service.flush_interval,
            session_timeout=settings.service.session_timeout,
            data_folder=folder,
        )
        REGISTER[stage](app, engine, settings)

        @app.task  # type: ignore[untyped-decorator]
        async def measure() -> None:
            run = await measured(app, engine, bootstrap, f"{namespace}.", stage, wanted)
            print(msgspec.json.encode(run).decode(), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)

        faust.Worker(app, loglevel=None, override_logging=False, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[str, int, int]])
    main(sys.argv[1], sys.argv[2], sys.argv[3], {(topic, part): end for topic, part, end in told})
