"""`floorwalker notifier`: tells receivers of alerts. `floorwalker receivers`: who they are, and a test message."""

import asyncio
import json
import signal
import time
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.cli.console import FAILED, NotFound, err, out
from agents.cli.options import Bootstrap, Config, Json, Namespace
from agents.pipeline import NoBroker
from schemas.instants import from_ms
from streams.logs import set_up_logs
from streams.settings import Settings, load_settings

receivers = typer.Typer(help="Who is told of alerts.", no_args_is_help=True)


def notifier(
    config: Config = None,
    bootstrap: Bootstrap = None,
    namespace: Namespace = None,
    port: Annotated[int | None, typer.Option(help="Port of /healthz, /readyz and /metrics; 0: any.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Tell receivers of alerts. One process an installation; Ctrl-C ends it, and it goes on where it was."""
    said = {"bootstrap": bootstrap, "namespace": namespace}
    told: dict[str, Any] = {"service": {name: value for name, value in said.items() if value is not None}}
    if port is not None:
        told["notifier"] = {"port": port}
    settings = load_settings(config, **told)
    if not settings.service.bootstrap:
        raise NoBroker("the notifier needs a Kafka: give --bootstrap HOST:PORT or set service.bootstrap")
    set_up_logs(log_level)
    asyncio.run(_run(settings, settings.service.bootstrap))


async def _run(settings: Settings, bootstrap: str) -> None:
    from streams.outlets.notifier.notifier import Notifier  # takes its time to load, and no other command needs it

    running = Notifier(settings, bootstrap)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, running.stop)
    await running.run()


@receivers.command("list")
def list_receivers(config: Config = None, as_json: Json = False) -> None:
    """List the receivers of the settings, without their secrets."""
    settings = load_settings(config)
    if as_json:
        rows = [
            {"name": each.name, "kind": each.kind, "severities": list(each.severities)} for each in settings.receivers
        ]
        out.print_json(json.dumps(rows))
        return
    table = Table("receiver", "kind", "severities")
    for each in settings.receivers:
        table.add_row(each.name, each.kind, ", ".join(each.severities))
    out.print(table)


@receivers.command("test")
def try_out(name: Annotated[str, typer.Argument(help="Name of a receiver.")], config: Config = None) -> None:
    """Send a test message to a receiver, once, and say what it answered. Needs no Kafka."""
    from streams.outlets.notifier.trial import try_receiver  # as above

    settings = load_settings(config)
    receiver = next((each for each in settings.receivers if each.name == name), None)
    if receiver is None:
        known = ", ".join(each.name for each in settings.receivers) or "none"
        raise NotFound(f"no receiver {name!r} in the settings; there is: {known}")
    answer = asyncio.run(try_receiver(receiver, settings, from_ms(time.time_ns() // 1_000_000)))
    out.print(f"{name}: {answer.outcome} ({answer.detail})", highlight=False, markup=False)
    if answer.outcome != "sent":
        err.print("nothing was sent; in service a 'retry' is tried again, a 'failed' is not", highlight=False)
        raise typer.Exit(FAILED)
