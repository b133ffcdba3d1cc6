"""One customers task that reads its state back: `python -m tests.benchmarks.restore_task BOOTSTRAP NAMESPACE`.

As in service, through the engine; what it says of itself (`task.restored`: records, seconds) goes to standard output as
a JSON line, with the processor time of the process, start-up left out.
"""

import asyncio
import os
import signal
import sys
import tempfile
from typing import Any

import faust
import msgspec
import structlog

from agents.customers.agent import register
from streams.engine import build_app
from streams.settings import load_settings
from streams.topics import partition_counts
from tests.acceptance.program import CUSTOMER_NAMESPACE
from tests.benchmarks.runs import cpu_seconds

_GLANCE = 0.005


def main(bootstrap: str, namespace: str) -> None:
    """Run until it has its state."""
    told: dict[str, Any] = {}

    def listen(_logger: object, _method: str, event: Any) -> Any:
        if event.get("event") == "task.restored":
            told.update(records=event["records"], seconds=event["seconds"])
        raise structlog.DropEvent

    structlog.configure(processors=[listen])
    with tempfile.TemporaryDirectory() as folder:
        service: dict[str, Any] = {
            "bootstrap": bootstrap,
            "namespace": namespace,
            "partitions": 1,
            "customer_namespace": CUSTOMER_NAMESPACE,
            "data_folder": folder,
        }
        settings = load_settings(service=service)
        app, engine = build_app(
            bootstrap=bootstrap, namespace=namespace, partitions=partition_counts(1), data_folder=folder
        )
        register(app, engine, settings)

        @app.task  # type: ignore[untyped-decorator]
        async def measure() -> None:
            while not engine.tasks:  # noqa: ASYNC110 - the group tells only the engine
                await asyncio.sleep(_GLANCE)
            before = cpu_seconds()
            await engine.tasks[0].ready.wait()
            told["cpu_seconds"] = cpu_seconds() - before
            print(msgspec.json.encode(told).decode(), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)

        faust.Worker(app, loglevel=None, override_logging=False, redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
