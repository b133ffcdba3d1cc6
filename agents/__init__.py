"""What is worked out: pure rules and one thin agent each, from a provider's bytes to numbers and alerts.

`app` is what `faust -A agents worker` runs; its settings come from floorwalker.toml and the environment.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    # Made when it is asked for: the settings are read then, and who imports a rule needs none.
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agents.pipeline import build
    from streams.settings import load_settings

    globals()["app"], _ = build(load_settings())
    return globals()["app"]
