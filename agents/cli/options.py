"""Options that several commands share, and the settings they make."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.file_formats import FILE_FORMATS, MAILS
from streams.settings import Settings, load_settings

Config = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file; default floorwalker.toml if there.")
]
Bootstrap = Annotated[str | None, typer.Option("--bootstrap", "-b", help="Kafka to use, HOST:PORT[,...].")]
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Prefix of all topics and groups.")]
Partitions = Annotated[int | None, typer.Option("--partitions", min=1, help="Partitions per topic, fixed at creation.")]
_FORMATS = ", ".join(FILE_FORMATS)
Format = Annotated[str, typer.Option("--format", "-f", help=f"One of: {_FORMATS}.")]
OptionalFormat = Annotated[str | None, typer.Option("--format", "-f", help=f"One of: {_FORMATS}.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def settings_of(config: Path | None, **service: Any) -> Settings:
    """Settings from file and environment, with what the command line says of [service] on top (None: not said)."""
    said = {name: value for name, value in service.items() if value is not None}
    return load_settings(config, service=said)


def check_input(files: Iterable[Path], format_: str) -> None:
    """Refuse a format that nobody knows (BadParameter) and files that are not there (FileNotFoundError)."""
    if format_ not in FILE_FORMATS:
        raise typer.BadParameter(f"no format {format_!r}: use one of {_FORMATS}", param_hint="--format")
    for path in files:
        if not (path.exists() if format_ == MAILS else path.is_file()):
            raise FileNotFoundError(f"there is no file {path}")
