"""`floorwalker worker`: one worker on a Kafka that is there."""

from typing import Annotated, Literal

import faust
import typer

from agents.cli.options import Bootstrap, Config, Namespace, Partitions, settings_of
from agents.pipeline import build
from streams.logs import set_up_logs


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
    faust.Worker(app, loglevel=None, override_logging=False, redirect_stdouts=False).execute_from_commandline()
