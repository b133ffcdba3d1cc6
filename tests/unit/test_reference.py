"""The reference says what the code says, and the how-tos name commands, options, metrics and files that exist."""

import json
import re
from pathlib import Path

import pytest
import typer.main

from agents.cli import app
from agents.intake.asterisk_calls import CALL_EVENTS
from agents.intake.asterisk_queue_log import AGENT_STATES, IGNORED
from schemas.json_schemas import PUBLIC_RECORDS
from streams.sections import Sections, model_of
from tools.reference.__main__ import main
from tools.reference.files import SCHEMAS, breaks, generated, stale
from tools.reference.settings import meanings, page
from tools.reference.tables import kind, table

ROOT = Path(__file__).parents[2]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
PAGES = sorted((ROOT / "docs").glob("*.md"))
REFERENCE = generated()
STALE = stale(ROOT)


@pytest.mark.parametrize("path", REFERENCE, ids=str)
def test_the_reference_is_what_the_code_says(path: Path) -> None:
    assert path not in STALE, f"{path} is stale: run `make docs`"


def test_no_published_schema_breaks_its_readers() -> None:
    assert breaks(ROOT) == []


def test_no_schema_is_published_that_nobody_makes() -> None:
    there = {path.name for path in (ROOT / SCHEMAS).glob("*.json")}
    assert there == {record.file_name for record in PUBLIC_RECORDS}


def test_a_schema_that_would_break_its_readers_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / SCHEMAS / "mark.json"
    mark.parent.mkdir(parents=True)
    published = json.loads((ROOT / SCHEMAS / "mark.json").read_text())
    published["$defs"]["Mark"]["properties"]["partition"] = {"type": "integer", "default": 0}
    mark.write_text(json.dumps(published))
    monkeypatch.setattr("tools.reference.__main__.ROOT", tmp_path)

    assert main() == 1
    assert f"{SCHEMAS}/mark.json: Mark.partition: is gone" in capsys.readouterr().err
    assert json.loads(mark.read_text()) == published
    assert list(tmp_path.rglob("*.md")) == []


def test_the_reference_is_written_where_it_is_missing_and_left_where_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.reference.__main__.ROOT", tmp_path)
    assert main() == 0
    assert capsys.readouterr().out.split() == [str(path) for path in REFERENCE]
    assert stale(tmp_path) == []
    assert main() == 0
    assert capsys.readouterr().out == ""


def test_every_setting_has_a_meaning() -> None:
    told = meanings((ROOT / "examples" / "floorwalker.toml").read_text())
    for section, field in Sections.model_fields.items():
        model = model_of(field.annotation)
        assert model is not None
        for key in model.model_fields:
            meant = told.get((section, key)) or (section == "queues" and told.get(("sla", key)))
            assert meant, f"say what {key} is in a comment above it in examples/floorwalker.toml"


def test_the_comment_above_a_key_is_its_meaning_also_where_it_is_commented_out() -> None:
    example = (
        "# A file.\n\n[service]\n# Where it\n# listens.\nport = 1\n# Left out: none.\n# region = 'DE'\nclock = 'wall'\n"
    )
    assert meanings(example) == {
        ("service", "port"): "Where it listens.",
        ("service", "region"): "Left out: none.",
        ("service", "clock"): "",
    }
    assert "| `port` | `6066` | a whole number from 0 (any free port) to 65535 | Where it listens. |" in page(example)


def test_a_bar_in_a_cell_is_no_border() -> None:
    assert table(("a", "b"), [("x|y", "")]) == "| a | b |\n| --- | --- |\n| x\\|y | – |\n\n"


def test_kinds_are_told_in_words() -> None:
    assert kind({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}) == "instant or null"
    assert kind({"type": "array", "items": {"enum": ["a", "b"]}}) == "list of `a`, `b`"
    assert kind({"type": "object", "additionalProperties": {"type": "integer"}}) == "mapping of text to whole number"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_links_to_files_that_are_there(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", path.read_text()):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_names_commands_and_options_that_exist(path: Path) -> None:
    for name, rest in re.findall(r"(?:bin/|`|^|\$ )floorwalker ([a-z]+)([^`\n]*)", path.read_text(), re.MULTILINE):
        assert name in COMMANDS, f"{path.name} speaks of `floorwalker {name}`"
        below = getattr(COMMANDS[name], "commands", {})
        command = below.get(rest.split()[0] if rest.split() else "", COMMANDS[name])
        known = {option for parameter in command.params for option in parameter.opts}
        said = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest))
        assert said <= known | {"--help"}, f"{path.name}: floorwalker {name} knows no {said - known}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_names_operational_metrics_that_exist(path: Path) -> None:
    known = set(re.findall(r"`(floorwalker_\w+)`", REFERENCE[Path("docs/reference/telemetry.md")]))
    assert set(re.findall(r"\b(floorwalker_[a-z_]+)(?:\{|`)", path.read_text())) <= known


def test_the_phone_page_says_what_becomes_of_every_line_that_asterisk_writes() -> None:
    text = (ROOT / "docs" / "howto-phone.md").read_text()
    mapped = set(re.findall(r"[A-Z]{5,}", text[text.index("## What is mapped") :]))
    assert {*CALL_EVENTS, *AGENT_STATES, *IGNORED} <= mapped
