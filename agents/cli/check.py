"""`floorwalker check`: is the settings file right?"""

import json
from pathlib import Path
from typing import Annotated

import typer

from agents.cli.console import FAILED, err, out
from agents.cli.options import Json
from agents.intake.providers import webhooks
from streams.check import Problem
from streams.check import check as find_problems
from streams.connectors.feed_settings import faults as feed_faults
from streams.connectors.feeds import kinds
from streams.connectors.secrets import faults as hook_faults
from streams.problems import key_of
from streams.sections import Sections
from streams.settings import read_document


def check(
    config: Annotated[Path, typer.Argument(help="The settings file.")] = Path("floorwalker.toml"),
    as_json: Json = False,
) -> None:
    """Check a settings file: names the line and the key that is wrong, and what to do."""
    if not config.is_file():
        raise FileNotFoundError(f"there is no {config}: give the path of a settings file")
    problems = find_problems(config) or _from_outside(config)
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


def _from_outside(config: Path) -> list[Problem]:
    """What is wrong with [[hooks]] and [[feeds]] of a file that is right but for them."""
    document, lines = read_document(config)
    sections = Sections.model_validate(document)
    found = [*hook_faults(sections.hooks, webhooks()), *feed_faults(sections.feeds, kinds())]
    return [Problem(lines.of(place), key_of(place), message) for place, message in found]
