"""`floorwalker keys`: who may use the API."""

import json
import re
from secrets import token_urlsafe
from typing import Annotated, Literal

import typer

from agents.cli.console import err, out
from agents.cli.options import Json
from streams.outlets.gateway.keys import hash_of

app = typer.Typer(help="Keys of the API and the wallboard.", no_args_is_help=True)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Whose key it is: letters, digits, . _ -")],
    role: Annotated[
        Literal["wall", "viewer", "lead"],
        typer.Option(help="wall: the board; viewer: all but customers; lead: customers too, acknowledges and mutes."),
    ],
    as_json: Json = False,
) -> None:
    """Make a key. It is shown this once; floorwalker.toml gets a hash of it."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise typer.BadParameter(f"{name!r} has characters that may not be there; letters, digits, . _ -")
    key = f"fw_{name}_{token_urlsafe(32)}"
    digest = hash_of(key)
    if as_json:
        out.print_json(json.dumps({"name": name, "role": role, "key": key, "sha256": digest}))
        return
    err.print("The key; it is shown this once:", highlight=False)
    out.print(key, highlight=False, markup=False, soft_wrap=True)
    err.print("For floorwalker.toml:", highlight=False)
    table = f'\n[[keys]]\nname = "{name}"\nrole = "{role}"\nsha256 = "{digest}"'
    out.print(table, highlight=False, markup=False, soft_wrap=True)
