"""The test vectors of the shared fact sheet on channels."""

import re
from functools import lru_cache
from pathlib import Path

SHEET = Path(__file__).parents[3] / "shared" / "channels.md"
_BLOCK = re.compile(r"^```vector (?P<name>\S+)\n(?P<lines>.*?)^```", re.MULTILINE | re.DOTALL)


@lru_cache(maxsize=1)
def vectors() -> dict[str, dict[str, str]]:
    """Every vector block by name: its `name = value` lines."""
    text = SHEET.read_text(encoding="utf-8")
    return {
        block["name"]: dict(line.split(" = ", 1) for line in block["lines"].splitlines() if " = " in line)
        for block in _BLOCK.finditer(text)
    }


def vector(name: str) -> dict[str, str]:
    """One of them."""
    return vectors()[name]


def unescaped(value: str) -> str:
    r"""A value of a line marked *escaped*: \r\n and \n stand for line ends."""
    return value.replace("\\r", "\r").replace("\\n", "\n")
