"""Every provider whose webhooks are understood: a module of this package each, found by being there."""

from collections.abc import Mapping
from functools import lru_cache

from agents.intake.webhook import Webhook
from streams.discovery import modules_of


@lru_cache(maxsize=1)
def webhooks() -> Mapping[str, Webhook]:
    """All of them by name. Raises ValueError where two have the same, or a module has no PROVIDER and no PROVIDERS."""
    named: dict[str, Webhook] = {}
    for loaded in modules_of(__name__, __path__):
        found = getattr(loaded, "PROVIDERS", None) or [getattr(loaded, "PROVIDER", None)]
        for each in found:
            if not isinstance(each, Webhook):
                raise ValueError(f"{loaded.__name__} has no PROVIDER and no PROVIDERS")
            if each.name in named:
                raise ValueError(f"two providers are called {each.name!r}")
            named[each.name] = each
    return named
