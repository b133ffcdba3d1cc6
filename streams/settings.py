"""Settings: what the program is told > environment FLOORWALKER_SECTION__KEY > floorwalker.toml > defaults."""

import os
import tomllib
from collections.abc import Iterable
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnreadableSetting

from schemas.policies import MetricSettings, Policies, TrendSettings
from streams.problems import Problem, SettingsError, did_you_mean, findings, key_of
from streams.secret import kept_namespace
from streams.sections import LISTED, NAMED, Sections, model_of
from streams.sla_policies import policies_of
from streams.toml_lines import Path as KeyPath
from streams.toml_lines import TomlLines

__all__ = ["Problem", "Settings", "SettingsError", "load_settings"]

FILE = Path("floorwalker.toml")
"""Read from the current folder where no other is named, and then need not exist."""

PREFIX = "FLOORWALKER_"
FILE_NAME = "FLOORWALKER_CONFIG"
"""Environment variable that names another file, for programs that take no option."""

_document: ContextVar[dict[str, Any]] = ContextVar("_document")


class Settings(Sections, BaseSettings):
    """All settings, checked, in sections (see streams.sections). Made by `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Init, environment, file; each wins over the next, key by key."""
        document = _document.get(None)
        if document is None:
            check_names(os.environ)
            document = read_document(named_file(None))[0]
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=document)

    def policy_settings(self) -> Policies:
        """What is promised to whom, as the rules take it."""
        return policies_of(self)

    def metric_settings(self) -> MetricSettings:
        """What the metric definitions leave open, as the rules take it (milliseconds)."""
        return MetricSettings(
            thresholds_ms=tuple(_ms(threshold) for threshold in self.metrics.thresholds),
            short_abandon_ms=_ms(self.metrics.short_abandon),
            timezone=self.metrics.timezone or self.service.timezone,
        )

    def trend_settings(self) -> TrendSettings:
        """When trends and silence are told, as the rules take it (milliseconds)."""
        trends = self.trends
        return TrendSettings(
            learn_days=trends.learn_days,
            false_alarms_per_day=trends.false_alarms_per_day,
            high=trends.high,
            low=trends.low,
            silent_after_ms={
                source.name: None if source.silent_after is None else _ms(source.silent_after)
                for source in self.sources
            },
            wall=self.service.clock == "wall",
        )

    def customer_namespace(self) -> UUID:
        """The secret under which customers get their ids: as set, else made once and kept in the data folder.

        Raises SettingsError where what is kept there is no UUID, OSError where it can be neither read nor made.
        """
        given = self.service.customer_namespace
        return UUID(given.get_secret_value()) if given is not None else kept_namespace(self.service.data_folder)


def load_settings(path: Path | str | None = None, **told: Any) -> Settings:
    """The settings of this process; `told` wins over all (`load_settings(service={"port": 0})`).

    `path` names the file, which must then exist; else FLOORWALKER_CONFIG does; else floorwalker.toml in the current
    folder is read if it is there. Raises SettingsError, which says everything that is wrong and where.
    """
    check_names(os.environ)
    file = named_file(path)
    document, lines = read_document(file)
    token = _document.set(document)
    try:
        return Settings(**told)
    except ValidationError as error:
        raise SettingsError(list(_where(error, told, file, lines))) from None
    except UnreadableSetting as error:
        raise SettingsError([Problem(None, "environment", f"{error}; give it as JSON")]) from None
    finally:
        _document.reset(token)


def _where(error: ValidationError, told: dict[str, Any], file: Path | None, lines: TomlLines) -> Iterable[Problem]:
    names = {name.upper() for name in os.environ}
    for path, message in findings(error):
        line = lines.of(path) if file else None
        variable = _variable(path, names)
        held: Any = told
        for part in path:
            held = held.get(part) if isinstance(held, dict) else None
        if held is not None:
            yield Problem(None, key_of(path), message)
        elif variable == _name_of(path):
            yield Problem(None, variable, message)
        elif variable is not None and (path[0] in LISTED or not lines.has(path)):
            yield Problem(None, f"{variable}: {key_of(path)}", message)
        else:
            yield Problem(None, (f"{file}:{line}: " if line else "") + key_of(path), message)


def _variable(path: KeyPath, names: set[str]) -> str | None:
    """The environment's variable that says what is at a path, or a table or list around it."""
    found = (_name_of(path[:length]) for length in range(len(path), 0, -1))
    return next((name for name in found if name in names), None)


def _name_of(path: KeyPath) -> str:
    return PREFIX + "__".join(str(part) for part in path).upper()


def named_file(path: Path | str | None) -> Path | None:
    """The file to read: as named here, by FLOORWALKER_CONFIG, or the usual one if it is there."""
    named = path if path is not None else os.environ.get(FILE_NAME)
    if named is not None:
        return Path(named)
    return FILE if FILE.is_file() else None


def read_document(file: Path | None) -> tuple[dict[str, Any], TomlLines]:
    """What a file says, and on which lines. Raises SettingsError where it cannot be read (None: says nothing)."""
    if file is None:
        return {}, TomlLines("")
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), TomlLines(text)
    except FileNotFoundError:
        problem = Problem(None, "", "there is no such file; name another, or none to run with the defaults")
    except OSError as error:
        problem = Problem(None, "", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = Problem(line, "", f"byte {error.object[error.start]:#04x} is not UTF-8; save the file as UTF-8")
    except tomllib.TOMLDecodeError as error:
        problem = _syntax(str(error), text)
    raise SettingsError([problem], str(file)) from None


def _syntax(message: str, text: str) -> Problem:
    """tomllib says the place at the end of its message: '(at line 3, column 5)' or '(at end of document)'."""
    what, _, place = message.rpartition(" (at ")
    words = place.rstrip(")").replace(",", "").split()
    if words[:1] == ["line"]:
        return Problem(int(words[1]), "", f"not TOML: {what} (column {words[3]})")
    return Problem(len(text.splitlines()) or 1, "", f"not TOML: {what} (at the end of the file)")


def check_names(names: Iterable[str]) -> None:
    """Refuse names of the environment that look like settings and are none: a misspelt one would go unnoticed.

    Raises SettingsError.
    """
    problems = []
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() != FILE_NAME:
            reason = _unknown_name(name[len(PREFIX) :].lower().split("__"))
            if reason:
                problems.append(Problem(None, name, f"no setting of that name{reason}"))
    if problems:
        raise SettingsError(problems)


def _unknown_name(parts: list[str]) -> str | None:
    section, *keys = parts
    field = Sections.model_fields.get(section)
    if field is None:
        return did_you_mean(section, Sections.model_fields) + f" (names are {PREFIX}SECTION__KEY)"
    if section in LISTED:
        return f"; give all {section} as JSON in {PREFIX}{section.upper()}" if keys else None
    if section in NAMED:
        keys = keys[1:]
    model = model_of(field.annotation)
    known = model.model_fields if model else {}
    if not keys or (len(keys) == 1 and keys[0] in known):
        return None
    return did_you_mean("__".join(keys), known)


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
