"""What a tile must show for what the API says of it, worked out apart from the page's own code."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from playwright.sync_api import Page

_READ = """() => [Date.now(), [...document.querySelectorAll('.tile:not(.empty)')]
    .filter((tile) => !tile.hidden)
    .map((tile) => [tile.dataset.id, tile.dataset.status, ...['value', 'unit', 'word', 'note'].map(
        (part) => tile.querySelector(`.${part}`).textContent)])]"""


WHY = {"nobody_waits": "nobody waits", "no_cases": "no cases yet", "low_n": "too few cases", "no_data": "no data yet"}


class Face(NamedTuple):
    """The words of one tile. `number` with its unit."""

    status: str
    number: str
    word: str
    note: str


def shown(page: Page) -> tuple[int, dict[str, Face]]:
    """The page's time (ms) and every tile that it shows, read in one instant."""
    at, tiles = page.evaluate(_READ)
    return at, {id_: Face(status, f"{value}{unit}", word, note) for id_, status, value, unit, word, note in tiles}


def ticks(tile: dict[str, Any]) -> bool:
    """Whether its number is counted up by the page."""
    return tile["kind"] == "clock" and tile["since"] is not None


def expected(tile: dict[str, Any]) -> Face:
    """What it must show; the number of a clock that ticks is '' (see `seconds`)."""
    note = tile["note"] or (WHY.get(tile["reason"], "not known") if tile["value"] is None and tile["reason"] else "")
    return Face(tile["status"], "" if ticks(tile) else _number(tile), tile["word"], note)


def seconds(number: str) -> int:
    """'2:41' or '1:02h' in seconds."""
    found = re.fullmatch(r"(\d+):(\d\d)(h?)", number)
    assert found, f"{number!r} is no clock"
    scale = 60 if found[3] else 1
    return (int(found[1]) * 60 + int(found[2])) * scale


def _number(tile: dict[str, Any]) -> str:
    value, unit = tile["value"], tile["unit"]
    if tile["status"] == "low_n":
        return f"{tile['n']}of {tile['m']}"
    if value is None:
        return "N/A" if tile["reason"] in ("no_cases", "low_n") else "–"
    if unit == "s":
        return f"{int(value) // 60}:{int(value) % 60:02d}"
    if unit == "fraction":
        return f"{_percent(value, tile['target'])}%"
    return f"{value:g}"


def _percent(value: float, target: float | None) -> str:
    """Whole, unless that would say none, all or the target, and it is not quite that."""
    percent = value * 100
    whole = int(percent + 0.5)
    edges = {0, 100} | ({round(target * 100)} if target is not None else set())
    if whole in edges and abs(percent - whole) >= 0.05 and value != target:
        return f"{percent:.1f}"
    return str(whole)
