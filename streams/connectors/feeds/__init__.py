"""Every kind of feed: a module of this package each, found by being there."""

from collections.abc import Mapping
from functools import lru_cache

from streams.connectors.feed import Kind
from streams.discovery import modules_of


@lru_cache(maxsize=1)
def kinds() -> Mapping[str, Kind]:
    """All of them by name. Raises ValueError where two have the same, or a module has no KIND."""
    named: dict[str, Kind] = {}
    for loaded in modules_of(__name__, __path__):
        kind = getattr(loaded, "KIND", None)
        if not isinstance(kind, Kind):
            raise ValueError(f"{loaded.__name__} has no KIND")
        if kind.name in named:
            raise ValueError(f"two kinds of feeds are called {kind.name!r}")
        named[kind.name] = kind
    return named
