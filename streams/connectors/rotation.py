"""Which file on disk is the one that was being read, and which come after it."""

import os
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from streams.connectors.cursor import Fingerprint, Place

FINGERPRINT_BYTES = 1024
_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip"})


class Sibling(NamedTuple):
    """A file that may once have had the name that is followed."""

    path: Path
    stat: os.stat_result


def fingerprint(beginning: bytes) -> Fingerprint:
    """Of the beginning of a file."""
    head = beginning[:FINGERPRINT_BYTES]
    return Fingerprint(len(head), blake2b(head, digest_size=16).hexdigest())


def _fits(file: int, place: Place) -> bool:
    """Whether an open file begins as that of a place did, and is long enough."""
    beginning = os.pread(file, place.fingerprint.length, 0)
    return os.fstat(file).st_size >= place.offset and fingerprint(beginning) == place.fingerprint


def siblings(path: Path, besides: frozenset[Path]) -> list[Sibling]:
    """Files that rotation may have made of `path` (`name.1`, `name-20261020`), oldest first. Packed ones can't be
    read where they were left, and are no siblings."""
    found = []
    for entry in path.parent.iterdir():
        if entry.name[: len(path.name) + 1] not in (path.name + ".", path.name + "-"):
            continue
        if entry.suffix in _PACKED or entry in besides or not entry.is_file():
            continue
        try:
            found.append(Sibling(entry, entry.stat()))
        except FileNotFoundError:
            # Rotated on while we looked.
            continue
    return sorted(found, key=lambda sibling: (sibling.stat.st_mtime_ns, sibling.path.name))


def is_place(path: Path, place: Place, *, same_inode: bool) -> bool:
    """Whether `path` is the file of a place: by its inode, or a copy by its beginning."""
    try:
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            if same_inode and (stat.st_ino, stat.st_dev) != (place.inode, place.device):
                return False
            if not same_inode and place.fingerprint.length == 0:
                return False
            return _fits(file.fileno(), place)
    except FileNotFoundError:
        return False


def find(path: Path, place: Place, besides: frozenset[Path]) -> Path | None:
    """Where the file of a place is now: under its name, rotated away, or copied (copytruncate, another disk)."""
    candidates = [path, *(sibling.path for sibling in reversed(siblings(path, besides)))]
    for same_inode in (True, False):
        for candidate in candidates:
            if is_place(candidate, place, same_inode=same_inode):
                return candidate
    return None


def successors(path: Path, place: Place, besides: frozenset[Path]) -> list[Path]:
    """Files that were written after the file of a place, oldest first; the name that is followed comes last."""
    later = [
        sibling.path
        for sibling in siblings(path, besides)
        if sibling.stat.st_mtime_ns > place.written
        and (sibling.stat.st_ino, sibling.stat.st_dev) != (place.inode, place.device)
        and not (place.fingerprint.length and is_place(sibling.path, place, same_inode=False))
    ]
    return [*later, path]
