"""The feeds as the settings name them: kind known, secrets read, nothing missing."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from streams.connectors.feed import Kind, Said, Terms
from streams.connectors.secrets import secret_value
from streams.problems import Problem, SettingsError, key_of
from streams.sections import FeedSource
from streams.toml_lines import Path as Place


def faults(feeds: Sequence[FeedSource], kinds: Mapping[str, Kind]) -> list[tuple[Place, str]]:
    """What is wrong with [[feeds]] that only those who know the kinds can say: the place, and what to do."""
    found: list[tuple[Place, str]] = []
    for number, feed in enumerate(feeds):
        kind, place = kinds.get(feed.kind), ("feeds", number)
        if kind is None:
            found.append(((*place, "kind"), f"{feed.kind!r}: no such kind; there are: {_listed(kinds)}"))
            continue
        missing = [name for name in kind.secret_names if name not in feed.secrets]
        if missing:
            found.append(((*place, "secrets"), f"{feed.kind} also needs {', '.join(missing)}"))
        if feed.security is not None and feed.security not in kind.securities:
            message = f"{feed.kind} knows {_listed(kind.securities)}, not {feed.security!r}"
            found.append(((*place, "security"), message))
        for key, given, known in (
            ("secrets", feed.secrets, (*kind.secret_names, *kind.more_secret_names)),
            ("settings", feed.settings, kind.setting_names),
        ):
            for name in given:
                if name not in known:
                    message = f"{feed.kind} has none of this name; it has: {_listed(known)}"
                    found.append(((*place, key, name), message))
        if kind.faults is not None:
            said = Said(feed.host, feed.security or kind.securities[0], frozenset(feed.secrets), feed.settings)
            found += [((*place, *where), message) for where, message in kind.faults(said)]
    return found


def terms_of(feeds: Sequence[FeedSource], kinds: Mapping[str, Kind], folder: Path) -> list[tuple[Kind, Terms]]:
    """The feeds, with their secrets as they are now, each with a folder of its own in `folder`. Raises SettingsError,
    which says all that is wrong."""
    problems = [Problem(None, key_of(place), message) for place, message in faults(feeds, kinds)]
    if problems:
        raise SettingsError(problems)
    found = []
    for number, feed in enumerate(feeds):
        kind = kinds[feed.kind]
        secrets: dict[str, tuple[str, ...]] = {}
        for name, said in feed.secrets.items():
            try:
                secrets[name] = (secret_value(said.get_secret_value()),)
            except ValueError as error:
                problems.append(Problem(None, key_of(("feeds", number, "secrets", name)), str(error)))
        terms = Terms(
            source=feed.source,
            host=feed.host,
            port=feed.port,
            security=feed.security or kind.securities[0],
            secrets=secrets,
            settings=feed.settings,
            folder=folder / feed.source,
            origins={name: said.get_secret_value() for name, said in feed.secrets.items()},
        )
        found.append((kind, terms))
    if problems:
        raise SettingsError(problems)
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
