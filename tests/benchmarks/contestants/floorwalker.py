"""This engine with the contacts agent alone: exactly once, changelog, transactions, as in service.

From the moment its state is restored (there is none) until the last position is committed.
"""

import asyncio
import os
import signal
import tempfile
from typing import Any

import faust
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from agents.contacts.agent import register
from schemas.topics import CONTACTS_EVENTS
from streams.engine import Engine, build_app
from streams.logs import set_up_logs
from streams.settings import load_settings
from streams.topics import partition_counts
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Run, Stopwatch

GLANCE = 0.005
POLL = 0.1
CUSTOMER_NAMESPACE = "8f14e45f-ceea-467f-a0e6-3f6b2a1c9d77"


async def measured(app: faust.App, engine: Engine, job: Job) -> Run:
    """One run, from the first fetch on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=job.bootstrap)
    await admin.start()
    try:
        while not engine.tasks:  # noqa: ASYNC110 - the group tells only the engine
            await asyncio.sleep(GLANCE)
        await engine.tasks[0].ready.wait()
        watch = Stopwatch()
        tp = TopicPartition(f"{job.namespace}.{CONTACTS_EVENTS.name}", 0)
        while await _committed(admin, app.conf.id, tp) < job.end:  # noqa: ASYNC110 - a broker can only be asked
            await asyncio.sleep(POLL)
        return watch.stop(job.events)
    finally:
        await admin.close()


async def _committed(admin: AIOKafkaAdminClient, group: str, tp: TopicPartition) -> int:
    offsets = await admin.list_consumer_group_offsets(group, partitions=[tp])
    return int(offsets[tp].offset)


def main(job: Job) -> None:
    """Run until it is measured."""
    set_up_logs("warning")
    with tempfile.TemporaryDirectory() as folder:
        service: dict[str, Any] = {
            "bootstrap": job.bootstrap,
            "namespace": job.namespace,
            "partitions": 1,
            "customer_namespace": CUSTOMER_NAMESPACE,
            "data_folder": folder,
        }
        settings = load_settings(service=service)
        app, engine = build_app(
            bootstrap=job.bootstrap,
            namespace=job.namespace,
            partitions=partition_counts(1),
            flush_interval=settings.service.flush_interval,
            session_timeout=settings.service.session_timeout,
            data_folder=folder,
        )
        register(app, engine, settings)

        @app.task  # type: ignore[untyped-decorator]
        async def measure() -> None:
            job.done(await measured(app, engine, job))
            os.kill(os.getpid(), signal.SIGTERM)

        faust.Worker(app, loglevel=None, override_logging=False, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(Job.told())
