"""docs/reference/settings.md, of the sections of floorwalker.toml and the words of its example."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from streams.durations import FORM
from streams.sections import LISTED, NAMED, Sections, model_of
from streams.settings import FILE_NAME, PREFIX
from tools.reference.tables import table

EXAMPLE = Path(__file__).parents[2] / "examples" / "floorwalker.toml"

_HEAD = f"""# Settings

Read from `floorwalker.toml` in the folder where the program starts, or from the file that `--config` or
`{FILE_NAME}` names, or from nowhere: every setting has a default that runs. What the command line says wins over
the environment, that over the file, and that over the defaults. `floorwalker check` names the line and the key of
whatever is wrong, and what is allowed; unknown keys and misspelt variables are refused.
[examples/floorwalker.toml](../../examples/floorwalker.toml) is a file with all of them.

In the environment a key is `{PREFIX}SECTION__KEY` (`{PREFIX}SERVICE__PORT=7000`), for a queue
`{PREFIX}QUEUES__SALES__ANSWER_WITHIN=30s` with the queue's name taken in lower case; all sources together are JSON in
`{PREFIX}SOURCES`.

A *duration* is {FORM}.

"""

_QUEUE_DEFAULTS = {
    "version": "`1` for a promise of its own",
    "id": "`answer-within-NAME` for a promise of its own",
    "display_name": "its name",
    "hidden": "`false`",
    "service_level_target": "as [board]",
    "agents_minimum": "left out",
    "open": "as [board]",
}
_TITLES = {
    **{name: f"[{name}.NAME]" for name in NAMED},
    **{name: f"[[{name}]]" for name in LISTED},
}
_SECTION = re.compile(r"\[+(\w+)[^\]]*\]+$")
_KEY = re.compile(r"(?:# )?(\w+) = \S")


def page(example: str | None = None) -> str:
    """The page. `example`: text of a settings file with comments, by default that of the repository."""
    told = meanings(EXAMPLE.read_text(encoding="utf-8") if example is None else example)
    text = _HEAD
    for section, field in Sections.model_fields.items():
        model = model_of(field.annotation)
        if model is None:
            raise ValueError(f"section {section!r} of the settings has no keys")
        text += f"## {_TITLES.get(section, f'[{section}]')}\n\n{_sentence(model.__doc__ or '')}\n\n"
        text += table(
            ("key", "default", "allowed", "meaning"),
            (
                (
                    f"`{key}`",
                    _queue_default(key) if section == "queues" else _default(entry),
                    (entry.description or "").replace(FORM, "a duration"),
                    told.get((section, key)) or told.get(("sla" if section == "queues" else section, key), ""),
                )
                for key, entry in model.model_fields.items()
            ),
        )
    return text.rstrip("\n") + "\n"


def meanings(example: str) -> dict[tuple[str, str], str]:
    """(section, key) -> what the comment above it says, keys that are commented out included."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    comment: list[str] = []
    for line in example.splitlines():
        head, key = _SECTION.match(line), _KEY.match(line)
        if head:
            section = head[1]
        elif key:
            found.setdefault((section, key[1]), " ".join(comment))
        elif line.startswith("# "):
            comment.append(line[2:])
            continue
        comment = []
    return found


def _sentence(docstring: str) -> str:
    """'[service]: where it runs.' -> 'Where it runs.'"""
    words = docstring.partition(": ")[2]
    return words[:1].upper() + words[1:]


def _queue_default(key: str) -> str:
    return _QUEUE_DEFAULTS.get(key, "as [sla]")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    empty = isinstance(field.default, BaseModel) and not field.default.model_fields_set
    if empty or field.default is None or field.default == {}:
        return "left out"
    return f"`{_plain(field.default)}`"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else str(value)
    return str(value) if isinstance(value, int) else f'"{value}"'
