"""`floorwalker worker`: one worker on a Kafka that is there."""

from typing import Annotated, Literal

import faust
import typer

from agents.cli.options import Bootstrap, Config, Namespace, Partitions, settings_of
from agents.pipeline import build
from streams.engine.app import FloorwalkerApp
from streams.health import PortTaken
from streams.logs import set_up_logs
from streams.service_check import NamespaceInService
from streams.topics import TopicMismatch


def worker(
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    partitions: Partitions = None,
    clock: Annotated[
        Literal["wall", "event"] | None, typer.Option(help="wall: in service; event: for replays.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of /healthz, /readyz and /metrics; 0: any.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run one worker. Start as many as there are cores to use; they share the partitions. Ctrl-C drains and ends."""
    settings = settings_of(
        config, bootstrap=bootstrap, namespace=namespace, partitions=partitions, clock=clock, port=port
    )
    set_up_logs(log_level)
    app, _ = build(settings)
    _run(app)


def _run(app: FloorwalkerApp) -> None:
    """Run until it is told to end.

    Raises SystemExit, and PortTaken, TopicMismatch or NamespaceInService where it must not start.
    """
    prepare, refusals = app.prepare, list[Exception]()

    async def prepare_or_end() -> None:
        try:
            if prepare is not None:
                await prepare()
        except (PortTaken, TopicMismatch, NamespaceInService) as error:
            # Faust would end with 1, and with a traceback for what is no fault of the program.
            refusals.append(error)
            raise SystemExit from None

    app.prepare = prepare_or_end
    try:
        faust.Worker(app, loglevel=None, override_logging=False, redirect_stdouts=False).execute_from_commandline()
    except SystemExit:
        if refusals:
            raise refusals[0] from None
        raise
