"""The windows of metrics.live that are shown: the newest record of each, decoded when somebody asks."""

from collections.abc import Callable, Iterator

import msgspec

from schemas.instants import to_ms
from schemas.live import LiveMetrics, Scope, Window, WindowKind, decode
from schemas.unreadable import UNREADABLE

KEPT: dict[WindowKind, int] = {"day": 1, "15min": 2, "30min": 2, "60min": 2}
"""How many windows of a kind that has a start are kept of each scope; of the other kinds there is but one."""


class _Name(msgspec.Struct, frozen=True):
    scope: Scope
    window: Window


_decode_name = msgspec.json.Decoder(_Name).decode


class Held:
    """The newest record of one scope and window, made at `at` (ms). `unreadable` hears of one that is none."""

    __slots__ = ("_live", "_raw", "_unreadable", "at", "kind", "scope", "start")

    def __init__(self, name: _Name, unreadable: Callable[[], None]) -> None:
        self.scope = name.scope
        self.kind: WindowKind = name.window.kind
        self.start = None if name.window.start is None else to_ms(name.window.start)
        self.at = 0
        self._raw: bytes | None = None
        self._live: LiveMetrics | None = None
        self._unreadable = unreadable

    def replace(self, raw: bytes, at: int) -> None:
        """Take a newer record."""
        self._raw, self.at = raw, at

    def live(self) -> LiveMetrics | None:
        """The record; where it cannot be understood, the one before."""
        if self._raw is not None:
            raw, self._raw = self._raw, None
            try:
                self._live = decode(raw)
            except UNREADABLE:
                self._unreadable()
        return self._live


class Windows:
    """Every window that is kept. `queues`: all queues of which there are numbers. `unreadable`: records left out."""

    def __init__(self) -> None:
        self.unreadable = 0
        self.queues: set[str] = set()
        self._by_key: dict[bytes, Held] = {}
        self._past: set[bytes] = set()
        self._of: dict[tuple[Scope, WindowKind], list[tuple[int, bytes]]] = {}

    def take(self, key: bytes, value: bytes | None, at: int) -> Held | None:
        """Take one record; returns the window that it is of, None where nobody asks for it.

        Raises schemas.unreadable.UNREADABLE for a key that names no window.
        """
        if value is None:
            self._forget(key)
            return None
        held = self._by_key.get(key)
        if held is None:
            if key in self._past:
                return None
            held = self._add(key)
            if held is None:
                return None
        held.replace(value, at)
        return held

    def newest(self, scope: Scope, kind: WindowKind) -> LiveMetrics | None:
        """The newest window of a scope and kind."""
        kept = self._of.get((scope, kind))
        return self._by_key[kept[-1][1]].live() if kept else None

    def all(self) -> Iterator[Held]:
        """All that are kept, in no order."""
        return iter(self._by_key.values())

    def _add(self, key: bytes) -> Held | None:
        held = Held(_decode_name(key), self._count)
        kept = self._of.setdefault((held.scope, held.kind), [])
        kept.append((held.start or 0, key))
        kept.sort()
        self._by_key[key] = held
        if held.scope.queue is not None:
            self.queues.add(held.scope.queue)
        if len(kept) > KEPT.get(held.kind, 1):
            _, old = kept.pop(0)
            del self._by_key[old]
            self._remember(old)
            if old == key:
                return None
        return held

    def _count(self) -> None:
        self.unreadable += 1

    def _remember(self, key: bytes) -> None:
        # Older windows are amended for days; their keys need not be read each time.
        if len(self._past) >= 100_000:
            self._past.clear()
        self._past.add(key)

    def _forget(self, key: bytes) -> None:
        held = self._by_key.pop(key, None)
        if held is not None:
            kept = self._of[held.scope, held.kind]
            kept.remove((held.start or 0, key))
