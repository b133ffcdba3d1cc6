"""What the demo's CRM knows of its customers, and how to ask about one of them."""

import json
from collections.abc import Iterable
from pathlib import Path

from streams.simulator import Person, crm_lines

FILE = "crm.csv"
GUEST = 60
"""Which of the regulars is shown: one who calls every other day or so, and gives an address in the chat."""


def write_crm(folder: Path, people: Iterable[Person]) -> Path:
    """Write the CRM's file in a folder; returns where it is. Raises OSError."""
    path = folder / FILE
    path.write_text("".join(crm_lines(people)), encoding="utf-8")
    return path


def how_to_ask(person: Person, board: str) -> str:
    """What to type to see a customer who is linked, and to unlink their identifiers. `board`: the gateway's address."""
    seen = _curl(f"{board}/api/v1/customers/look-up", {"identifier": person.mail})
    parted = _curl(f"{board}/api/v1/identities/unlink", {"identifiers": [f"crm:{person.crm_id}"]})
    return (
        f"{person.name} mails, chats, writes and calls in this first minute, under four identifiers. By the CRM's file "
        f"({FILE}) it is one customer:\n  {seen}\nand with this one four again:\n  {parted}\n"
    )


def _curl(url: str, body: object) -> str:
    return f"curl -s {url} -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
