"""Checks a floorwalker.toml without running anything: names the line and the key that is wrong, and what to do."""

from pathlib import Path

from pydantic import ValidationError

from streams.problems import Problem, SettingsError, findings, key_of
from streams.sections import Sections
from streams.settings import read_document

__all__ = ["Problem", "check"]


def check(path: Path | str) -> list[Problem]:
    """Everything that is wrong with the file, by line; empty where it can be used.

    Only the file is looked at, not the environment. One that is no TOML has one problem: nothing after it can be
    understood.
    """
    try:
        document, lines = read_document(Path(path))
    except SettingsError as error:
        return list(error.problems)
    try:
        Sections.model_validate(document)
    except ValidationError as error:
        problems = [Problem(lines.of(place), key_of(place), message) for place, message in findings(error)]
        return sorted(problems, key=lambda problem: (problem.line or 0, problem.key))
    return []
