"""Writes a queue_log as Asterisk does: whole seconds of now, a line at a time, one open file."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from pathlib import Path

SOURCE = "pbx"
_CONTACTS = uuid.UUID("5f0c2f5e-6f0b-5f0e-9d0a-3d1f5a2b7c02")


class Pbx:
    """`path`: the log. `lines`: how many were written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self._file = path.open("ab", buffering=0)

    def close(self) -> None:
        """Close the log."""
        self._file.close()

    def say(self, call: str, queue: str, agent: str, event: str, *data: object, ahead: int = 0) -> int:
        """Write a line; returns its second. `ahead`: seconds by which the clock is wrong."""
        now = int(time.time()) + ahead
        self._file.write(f"{now}|{call}|{queue}|{agent}|{event}|{'|'.join(map(str, data))}\n".encode())
        self.lines += 1
        return now

    def enter(self, call: str, queue: str, ahead: int = 0) -> int:
        """A call enters a queue."""
        return self.say(call, queue, "NONE", "ENTERQUEUE", "", "+4930901820", 1, ahead=ahead)

    def rotate(self) -> None:
        """logrotate renames; until `reopen` the lines go on into the renamed file."""
        self.path.rename(self.path.with_name(self.path.name + ".1"))

    def reopen(self) -> None:
        """`logger reload`: a new file under the old name."""
        self._file.close()
        self._file = self.path.open("ab", buffering=0)

    def copy_and_truncate(self) -> None:
        """logrotate's copytruncate: the file stays, what was in it is in a copy."""
        shutil.copyfile(self.path, self.path.with_name(self.path.name + ".2"))
        os.truncate(self.path, 0)


def contact_of(call: str) -> str:
    """The id of a call's contact."""
    return str(uuid.uuid5(_CONTACTS, f"{SOURCE}\x1f{call}"))
