"""Options that several commands share, and the settings they make."""

from pathlib import Path
from typing import Annotated, Any

import typer

from streams.settings import Settings, load_settings

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; default floorwalker.toml if there.")
]
Bootstrap = Annotated[str | None, typer.Option("--bootstrap", "-b", help="Kafka to use, HOST:PORT[,...].")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Prefix of all topics and groups.")]
Partitions = Annotated[int | None, typer.Option("--partitions", min=1, help="Partitions per topic, fixed at creation.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def settings_of(config: Path | None, **service: Any) -> Settings:
    """Settings from file and environment, with what the command line says of [service] on top (None: not said)."""
    said = {name: value for name, value in service.items() if value is not None}
    return load_settings(config, service=said)
