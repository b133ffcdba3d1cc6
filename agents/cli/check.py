"""`floorwalker check`: is the settings file right?"""

import json
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.console import FAILED, err, out
from agents.cli.options import Json
from streams.check import check as find_problems


def check(
    config: Annotated[Path, typer.Argument(help="The settings file.")] = Path("floorwalker.toml"),
    as_json: Json = False,
) -> None:
    """Check a settings file: names the line and the key that is wrong, and what to do."""
    if not config.is_file():
        raise FileNotFoundError(f"there is no {config}: give the path of a settings file")
    problems = find_problems(config)
    if as_json:
        rows = [{"line": each.line, "key": each.key, "message": each.message} for each in problems]
        out.print_json(json.dumps({"file": str(config), "problems": rows}))
    for each in problems if not as_json else ():
        place = f"{config}:{each.line}" if each.line else str(config)
        err.print(f"{place}: {each.key}: {each.message}", highlight=False, markup=False, soft_wrap=True)
    if problems:
        raise typer.Exit(FAILED)
    if not as_json:
        err.print(f"{config} is right")
