"""Every file of the reference by its path in the repository, and what is wrong with those that are there."""

import json
from pathlib import Path

from schemas.compatibility import incompatibilities
from schemas.json_schemas import PUBLIC_RECORDS, json_schema
from streams.outlets.gateway.app import openapi_json
from tools.reference import events, metrics, settings, telemetry, topics

PAGES = Path("docs/reference")
SCHEMAS = Path("schemas/json")

_NOTE = "<!-- Made from the code by `make docs`; change the code, not this page. -->\n\n"


def generated() -> dict[Path, str]:
    """Path in the repository -> text, of every file."""
    pages = {
        "metrics.md": metrics.page(),
        "events.md": events.page(),
        "topics.md": topics.page(),
        "telemetry.md": telemetry.page(),
        "settings.md": settings.page(),
    }
    return {
        **{PAGES / name: _NOTE + page for name, page in pages.items()},
        PAGES / "openapi.json": openapi_json(),
        **{SCHEMAS / record.file_name: json.dumps(json_schema(record), indent=2) + "\n" for record in PUBLIC_RECORDS},
    }


def stale(root: Path) -> list[Path]:
    """Those that are missing or differ from what the code says."""
    return [
        path
        for path, text in generated().items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def breaks(root: Path) -> list[str]:
    """What the code changed in a published schema that its readers can't bear: 'FILE: Type.field: what'."""
    found = []
    for record in PUBLIC_RECORDS:
        path = SCHEMAS / record.file_name
        if (root / path).is_file():
            published = json.loads((root / path).read_text(encoding="utf-8"))
            found += [f"{path}: {what}" for what in incompatibilities(published, json_schema(record))]
    return found
