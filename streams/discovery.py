"""Finds the modules of a package: what is found by being there."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType


def modules_of(package: str, path: Iterable[str]) -> Iterator[ModuleType]:
    """The modules of a package (its `__name__` and `__path__`), imported, but for those whose names begin with _."""
    for module in pkgutil.iter_modules(path):
        if not module.name.startswith("_"):
            yield importlib.import_module(f"{package}.{module.name}")
