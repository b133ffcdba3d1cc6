"""`floorwalker gateway`: the wallboard and the API."""

import asyncio
from typing import Annotated

import typer

from agents.cli.console import quieten_kafka
from agents.cli.options import Bootstrap, Config, Namespace, settings_of
from agents.intake.providers import webhooks
from agents.pipeline import NoBroker
from streams.logs import set_up_logs
from streams.outlets.gateway.exposure import check_exposure


def gateway(
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; other than loopback needs a key.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the wallboard and the API; 0: any.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Serve the wallboard, the API and the addresses of webhooks. Ctrl-C ends it."""
    settings = settings_of(config, bootstrap=bootstrap, namespace=namespace)
    host = settings.gateway.host if host is None else host
    check_exposure(settings, host)
    if not settings.service.bootstrap:
        raise NoBroker("the gateway needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    set_up_logs(log_level)
    # Many lines a second while Kafka is away; the gateway says itself that it is.
    quieten_kafka()
    # FastAPI takes its time to load, and the other commands do without.
    from streams.outlets.gateway.server import serve

    port = settings.gateway.port if port is None else port
    asyncio.run(serve(settings, settings.service.bootstrap, host, port, webhooks()))
