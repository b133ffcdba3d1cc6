"""What is wrong with settings, said so that somebody can put it right: where, which key, what is allowed."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from streams.fields import Misplaced, Section
from streams.sections import LISTED, NAMED, Sections, model_of
from streams.toml_lines import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")

_REASONS = {
    "int_type": "not a whole number",
    "int_parsing": "not a whole number",
    "int_from_float": "not a whole number",
    "float_type": "not a number",
    "float_parsing": "not a number",
    "string_type": "not text (put it in quotes)",
    "path_type": "not text (put it in quotes)",
    "literal_error": "not known",
    "string_pattern_mismatch": "has characters that may not be there",
    "string_too_short": "too short",
    "string_too_long": "too long",
    "greater_than": "too small",
    "greater_than_equal": "too small",
    "less_than": "too large",
    "less_than_equal": "too large",
    "too_short": "too few",
    "too_long": "too many",
    "model_type": "not a table",
    "dict_type": "not a table",
    "tuple_type": "not a list",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `line`: in the file, from 1, where there is one; `key`: dotted, '' for the whole."""

    line: int | None
    key: str
    message: str

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        return f"{place}{self.key + ': ' if self.key else ''}{self.message}"


class SettingsError(ValueError):
    """The settings cannot be used. `problems` says why, one by one; `place` is the file, if there is one."""

    def __init__(self, problems: Sequence[Problem], place: str | None = None) -> None:
        self.problems = tuple(problems)
        self.place = place
        super().__init__("\n".join(f"{place}: {each}" if place else str(each) for each in self.problems))


def key_of(path: Path) -> str:
    """A path as one writes it in the file: dotted, quoted where it has to be; elements of arrays as [0].

    >>> key_of(("queues", "Second line", "at_risk")), key_of(("sources", 0, "path"))
    ('queues."Second line".at_risk', 'sources[0].path')
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            quoted = part if _BARE.fullmatch(part) else '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
            text += f".{quoted}" if text else quoted
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """', did you mean ...?' for a word that is close to a known one, else what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f", did you mean {close[0]!r}?" if close else f"; known here: {', '.join(names)}"


def _field_of(path: Path) -> FieldInfo | None:
    """The field that a path is about: the innermost on the way whose model has it."""
    fields: dict[str, FieldInfo] = dict(Sections.model_fields)
    found: FieldInfo | None = None
    for part in path:
        field = fields.get(part) if isinstance(part, str) else None
        if field is not None:
            found = field
            inner = model_of(field.annotation)
            fields = dict(inner.model_fields) if inner else {}
    return found


def _unknown(path: Path) -> str:
    word = str(path[-1])
    parent = _field_of(path[:-1]) if len(path) > 1 else None
    model: type[Section] | type[Sections] | None = model_of(parent.annotation) if parent else Sections
    known = model.model_fields if model else {}
    if word not in known and not difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.75):
        homes = [
            f"[{name}]"
            for name, field in Sections.model_fields.items()
            if name not in (*NAMED, *LISTED) and (inner := model_of(field.annotation)) and word in inner.model_fields
        ]
        if homes:
            return f"unknown key here; it belongs in {' or '.join(homes)}"
    return f"unknown key{did_you_mean(word, known)}"


def explain(path: Path, error: ErrorDetails) -> str:
    """One finding of pydantic in words: what was given, why it will not do, what is allowed."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(path)
    field = _field_of(path)
    form = field.description if field is not None and field.description else "see examples/floorwalker.toml"
    if kind == "missing":
        return f"missing; give {form}"
    reason = str(error.get("ctx", {}).get("error", "")) if kind == "value_error" else _REASONS.get(kind, error["msg"])
    shown = "" if _secret(field) or not _plain(error["input"]) else f"{_toml(error['input'])}: "
    return f"{shown}{reason}; allowed: {form}"


def _secret(field: FieldInfo | None) -> bool:
    annotation = field.annotation if field else None
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= 80


def _toml(value: str | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def findings(error: ValidationError) -> list[tuple[Path, str]]:
    """Every finding of a failed validation of Sections: the path and what is wrong, in words."""
    found: list[tuple[Path, str]] = []
    for each in error.errors(include_url=False):
        raised = each.get("ctx", {}).get("error")
        if isinstance(raised, Misplaced):
            found.append((raised.place, str(raised)))
        else:
            # What is wrong with a name of a table is said of the table.
            path = tuple(part for part in each["loc"] if part != "[key]")
            found.append((path, explain(path, each)))
    return found
