"""The demo's folder: its own, and empty at each start."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "demo.lock"


class FolderTaken(Exception):
    """A folder that the demo must not empty."""


@contextmanager
def demo_folder(path: Path) -> Iterator[Path]:
    """The emptied folder, held until the end of the block.

    Raises FolderTaken where another demo runs in it, or where it holds what no demo has put there; OSError.
    """
    lock = path / LOCK
    if path.is_dir() and any(path.iterdir()) and not lock.exists():
        raise FolderTaken(f"{path} holds files that are not a demo's: they would be lost. Name another --folder")
    path.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderTaken(f"another demo runs in {path}: end it, or name another --folder") from None
        for entry in path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != lock:
                entry.unlink()
        yield path.resolve()
