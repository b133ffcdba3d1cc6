"""How every kind of feed, and of files, behaves: a module of this package each, found by being there, with STANDS."""

from functools import lru_cache

from streams.discovery import modules_of
from tests.contract.feed_kit import Stand


@lru_cache(maxsize=1)
def stands() -> dict[str, type[Stand]]:
    """All of them by name. Raises ValueError where two have the same."""
    found: dict[str, type[Stand]] = {}
    for loaded in modules_of(__name__, __path__):
        for each in loaded.STANDS:
            if each.name in found:
                raise ValueError(f"two stands of {each.name}")
            found[each.name] = each
    return found
