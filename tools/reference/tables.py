"""Markdown tables, and JSON Schema in words."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Schema = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with an empty line behind it."""
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines) + "\n\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") or "–" for cell in cells) + " |"


def code(value: object) -> str:
    """A value as one writes it in a record."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def kind(schema: Schema) -> str:
    """What a field holds, in words."""
    if "$ref" in schema:
        return f"[{_name(schema)}](#{_name(schema).lower()})"
    if "anyOf" in schema:
        if "discriminator" in schema:
            return "canonical event"
        return " or ".join("null" if each == {"type": "null"} else kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if schema.get("type") == "array":
        return _array(schema)
    if schema.get("type") == "object":
        return f"mapping of text to {kind(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "instant"
    if schema.get("description") == "seconds":
        return "seconds"
    return {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}[schema["type"]]


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"({', '.join(map(kind, schema['prefixItems']))})"
    return f"list of {kind(schema['items'])}"


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).removeprefix("#/$defs/")


def absent(schema: Schema, *, required: bool) -> str:
    """What it means that a field is not there."""
    if required:
        return "never absent"
    default = schema.get("default")
    return "none" if default is None or default in ([], {}) else code(default)


def fields(part: Schema, leave_out: Iterable[str] = ()) -> str:
    """The fields of one type of a document's `$defs`; '' where it has no other than those left out."""
    skipped = frozenset(leave_out)
    required = set(part.get("required", ()))
    rows = [
        (code(name), kind(field), absent(field, required=name in required))
        for name, field in part["properties"].items()
        if name not in skipped
    ]
    return table(("field", "holds", "absent means"), rows) if rows else ""


def parts(document: Schema, leave_out: Iterable[str] = (), *, level: int = 3) -> str:
    """A chapter for each type of a document's `$defs`, in its order: what it is, and its fields."""
    skipped = frozenset(leave_out)
    return "".join(
        f"{'#' * level} {name}\n\n{part['description']}\n\n{fields(part)}"
        for name, part in document["$defs"].items()
        if name not in skipped
    )
