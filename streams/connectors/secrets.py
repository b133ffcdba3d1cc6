"""The sources of webhooks as the settings name them: provider known, secrets read, nothing missing."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from streams.connectors.hooks import Configurable, Hook, Secrets
from streams.problems import Problem, SettingsError, key_of
from streams.sections import HookSource
from streams.toml_lines import Path as Place

_LARGEST_FILE = 64 * 1024


class Source:
    """A source of webhooks, ready to be heard. `rate`: deliveries a second that are taken of it."""

    def __init__(self, hook: Hook, name: str, secrets: Secrets, rate: float) -> None:
        self.hook = hook
        self.name = name
        self.secrets = secrets
        self.rate = rate

    def __repr__(self) -> str:
        return f"Source({self.hook.name}, {self.name})"


def faults(hooks: Sequence[HookSource], providers: Mapping[str, Hook]) -> list[tuple[Place, str]]:
    """What is wrong with [[hooks]] that only those who know the providers can say: the place, and what to do."""
    found: list[tuple[Place, str]] = []
    for number, source in enumerate(hooks):
        provider, place = providers.get(source.provider), ("hooks", number)
        if provider is None:
            message = f"{source.provider!r}: no such provider; there are: {_listed(providers)}"
            found.append(((*place, "provider"), message))
            continue
        missing = _missing(provider, source.secrets)
        if missing is not None:
            found.append(((*place, "secrets"), f"{source.provider} {missing}"))
        for key, given, known_names in (
            ("secrets", source.secrets, provider.secret_names),
            ("old_secrets", source.old_secrets, provider.secret_names),
            ("settings", source.settings, provider.setting_names),
        ):
            for name in given:
                if name not in known_names:
                    message = f"{source.provider} has none of this name; it has: {_listed(known_names)}"
                    found.append(((*place, key, name), message))
                elif key == "old_secrets" and provider.alternatives and name not in source.secrets:
                    found.append(((*place, key, name), "an old secret needs the new one: it is missing in `secrets`"))
        if isinstance(provider, Configurable):
            for setting, message in provider.settings_faults(source.settings):
                found.append(((*place, "settings", *(() if setting is None else (setting,))), message))
    return found


def _missing(provider: Hook, given: Iterable[str]) -> str | None:
    """What is wrong with the names of a source's secrets; None: nothing is missing."""
    known = set(given).intersection(provider.secret_names)
    if not provider.alternatives:
        missing = [name for name in provider.secret_names if name not in known]
        return f"also needs {', '.join(missing)}" if missing else None
    whole = {name for names in provider.alternatives if known.issuperset(names) for name in names}
    choice = ", or ".join(" and ".join(names) for names in provider.alternatives)
    if not whole:
        return f"needs {choice}"
    return f"needs {choice}; of no use alone: {_listed(known - whole)}" if known - whole else None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def sources_of(hooks: Sequence[HookSource], providers: Mapping[str, Hook]) -> list[Source]:
    """The sources, with their secrets as they are now. Raises SettingsError, which says all that is wrong."""
    problems = [Problem(None, key_of(place), message) for place, message in faults(hooks, providers)]
    if problems:
        raise SettingsError(problems)
    sources = []
    for number, source in enumerate(hooks):
        values: dict[str, tuple[str, ...]] = {}
        for key, table in (("secrets", source.secrets), ("old_secrets", source.old_secrets)):
            for name, said in table.items():
                try:
                    values[name] = (*values.get(name, ()), secret_value(said.get_secret_value()))
                except ValueError as error:
                    problems.append(Problem(None, key_of(("hooks", number, key, name)), str(error)))
        try:
            hook = _configured(providers[source.provider], values, source.settings)
        except ValueError as error:
            problems.append(Problem(None, key_of(("hooks", number, "secrets")), str(error)))
            continue
        sources.append(Source(hook, source.source, values, source.rate))
    if problems:
        raise SettingsError(problems)
    return sources


def _configured(hook: Hook, secrets: Secrets, settings: Mapping[str, str]) -> Hook:
    return hook.configured(secrets, settings) if isinstance(hook, Configurable) else hook


def secret_value(said: str) -> str:
    """A secret: as said, or from where that says. Raises ValueError, without it."""
    kind, colon, where = said.partition(":")
    if colon and kind == "env":
        found = os.environ.get(where, "")
        if not found:
            raise ValueError(f"the environment has no {where}, or it is empty")
        return found
    if colon and kind == "file":
        found = _read(Path(where).expanduser())
        if not found:
            raise ValueError(f"{where} is empty")
        return found
    if not said:
        raise ValueError("empty: give the secret, 'env:NAME' or 'file:/PATH'")
    return said


def _read(path: Path) -> str:
    """A file's text without the line end behind it."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise ValueError(f"{path} has more than {_LARGEST_FILE} bytes: that is no secret")
        return content.decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8") from None


def by_path(sources: Iterable[Source]) -> dict[tuple[str, str], Source]:
    """Sources by PROVIDER and SOURCE of /hooks/PROVIDER/SOURCE."""
    return {(source.hook.name, source.name): source for source in sources}
