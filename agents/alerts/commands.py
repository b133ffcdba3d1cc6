"""Which commands were heard before: whoever sends may send twice."""

from collections.abc import Iterable

import msgspec

from schemas.instants import DAY, HOUR
from streams.store import Store

REMEMBERED = DAY


class Heard(msgspec.Struct, array_like=True, gc=False):
    """When a command came, by the clock (ms); 0 while there was none."""

    at: int


class Commands:
    """Ids of the commands of the last 24 h."""

    __slots__ = ("_swept", "store")

    def __init__(self) -> None:
        self.store = Store(b"c", Heard)
        self._swept: int | None = None

    def is_new(self, command: str, clock: int) -> bool:
        """Whether it was not heard in the last 24 h; from now on it was."""
        heard = self.store.get(command)
        if heard is not None and (not heard.at or clock - heard.at < REMEMBERED):
            return False
        self.store.put(command, Heard(clock))
        return True

    def sweep(self, clock: int) -> None:
        """Forget what was heard long ago; looks at most once an hour of clock."""
        if self._swept is not None and clock - self._swept < HOUR:
            return
        self._swept = clock
        for command, heard in list(self.store.data.items()):
            if not heard.at:
                self.store.put(command, Heard(clock))
            elif clock - heard.at >= REMEMBERED:
                self.store.delete(command)

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """See streams.store.Store."""
        return self.store.changes()
