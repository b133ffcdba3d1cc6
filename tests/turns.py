"""Tests that judge times have the machine for themselves: the other processes of the run wait meanwhile."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def lock_files() -> tuple[Path, Path] | None:
    """The gate that every test passes and the floor that it works on; None where one process runs all tests."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return None
    base = Path(tempfile.gettempdir())
    return base / f"floorwalker-tests-{run}.gate", base / f"floorwalker-tests-{run}.floor"


@contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Wait for one's turn, and have it: beside others, or alone.

    Who waits to be alone keeps the gate: it would never be, where others came in as others went.
    """
    files = lock_files()
    if files is None:
        yield
        return
    with files[0].open("ab") as gate, files[1].open("ab") as floor:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(floor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        if not alone:
            fcntl.flock(gate, fcntl.LOCK_UN)
        yield
