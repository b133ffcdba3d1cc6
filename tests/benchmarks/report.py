"""build/bench.json, section by section, and its tables for people."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.runs import Spread

RESULT = Path(__file__).parents[2] / "build" / "bench.json"
MEASURED = "measured"
"""Key of the stamps: section -> on which machine, from which commit, when and with which options."""


def read(path: Path = RESULT) -> dict[str, Any]:
    """What was measured so far; nothing where there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    sections: dict[str, Any] = json.loads(text)
    return sections


def merge(name: str, section: dict[str, Any], stamp: dict[str, Any], path: Path = RESULT) -> None:
    """Put one section with its stamp in place of what stood there; the others stay as they are."""
    sections = read(path)
    stamps = {**sections.pop(MEASURED, {}), name: stamp}
    sections[name] = section
    path.parent.mkdir(exist_ok=True)
    whole_file = path.with_suffix(".part")
    whole_file.write_text(json.dumps({**sections, MEASURED: stamps}, indent=1) + "\n", encoding="utf-8")
    whole_file.replace(path)


def grid(head: Sequence[str], *rows: Sequence[str]) -> list[str]:
    """A Markdown table; short rows are filled up with empty cells."""
    filled = [[*row, *[""] * (len(head) - len(row))] for row in rows]
    return [_line(head), _line(["---"] * len(head)), *map(_line, filled)]


def _line(cells: Sequence[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def whole(spread: Spread) -> list[int]:
    """Least and most, in whole numbers."""
    return [round(spread.least), round(spread.most)]
