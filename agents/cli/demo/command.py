"""`floorwalker demo`: its options."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.console import quieten_kafka
from agents.cli.demo.folder import demo_folder
from streams.logs import set_up_logs
from streams.simulator import sample_plan


def demo(
    seed: Annotated[str, typer.Option(help="Another seed, another floor; the same one, the same customers.")] = "floor",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the wallboard; 0: any.")] = 8080,
    messages_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the page of messages; 0: any.")] = 8025,
    history: Annotated[int, typer.Option(min=0, max=90, help="Days of the past to begin with; 0: none.")] = 14,
    incident: Annotated[
        str, typer.Option(metavar="QUEUE", help="What it befalls: sales, support, billing, chat, mail or social.")
    ] = "support",
    incident_after: Annotated[float, typer.Option(min=0, help="Seconds until something goes wrong.")] = 60.0,
    incident_lasts: Annotated[float, typer.Option(min=1, help="Seconds until it is mended.")] = 240.0,
    folder: Annotated[Path, typer.Option(help="Its own folder, emptied at each start.")] = Path(".floorwalker/demo"),
) -> None:
    """Watch a simulated contact centre live: phone, chat, mail and social on the wallboard, alerts, mails and webhooks.
    Ctrl-C stops all of it."""
    from agents.cli.demo.show import Demo, Trouble  # takes its time to load, and no other command needs it

    if incident not in (names := sample_plan().names):
        raise typer.BadParameter(f"no queue is called {incident!r}; there are: {', '.join(names)}")
    quieten_kafka()
    set_up_logs("error")
    with demo_folder(folder) as there:
        show = Demo(there, seed, history, Trouble(incident, incident_after, incident_lasts))
        raise typer.Exit(asyncio.run(show.run(port, messages_port)))
