"""How replays are asked for: what goes together, and what is refused before anything is read or sent."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.cli import app

USAGE = 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("replay", "give files and --format"),
        ("replay x.csv", "give files and --format"),
        ("replay --format eml", "give files and --format"),
        ("replay x.csv --format eml --from old", "give files and --format"),
        ("replay --rebuild", "--rebuild takes --from and --namespace"),
        ("replay --rebuild --from old", "--rebuild takes --from and --namespace"),
        ("replay --rebuild --namespace new", "--rebuild takes --from and --namespace"),
        ("replay x.csv --rebuild --from old --namespace new", "--rebuild takes --from and --namespace"),
        ("replay --rebuild --format eml --from old --namespace new", "--rebuild takes --from and --namespace"),
        ("replay --rebuild --from one --namespace one", "are the same"),
        ("replay x.fax --format fax", "one of anonymous-bank, asterisk-queue-log, canonical, eml, http"),
        ("failed replay", "say which"),
        ("failed replay 0-1 --all", "say which"),
        ("failed replay 0-1 --reason schema", "say which"),
        ("failed replay --all --since 2h", "say which"),
        ("failed show 17", "PARTITION-OFFSET"),
        ("failed list --since soon --bootstrap 127.0.0.1:1", "a duration such as 2h"),
        ("failed list --limit 0", "--limit"),
        ("failed list --reason sintax --bootstrap 127.0.0.1:1", "use one of syntax, schema, unknown_type"),
        ("failed replay --stage rules --bootstrap 127.0.0.1:1", "use one of intake, rule"),
    ],
)
def test_what_does_not_go_together_is_wrong_usage(arguments: str, words: str) -> None:
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments.split())
    assert ended.exit_code == USAGE, ended.output
    assert words in " ".join(ended.output.replace("│", " ").split())


@pytest.mark.parametrize("format_", ["eml", "http", "canonical"])
def test_a_file_that_is_not_there_is_named(format_: str) -> None:
    ended = CliRunner().invoke(app, ["backtest", "gone", "--format", format_])
    assert isinstance(ended.exception, FileNotFoundError)
    assert str(ended.exception) == "there is no file gone"


def test_only_mails_are_read_from_folders(tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["backtest", str(tmp_path), "--format", "http"])
    assert isinstance(ended.exception, FileNotFoundError)
