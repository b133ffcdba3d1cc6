"""When what was said may be forgotten."""

import heapq

from schemas.instants import HOUR


class Waning:
    """Keys of `width` bytes by the hour in which something was said of them: nothing is kept of each but itself.

    >>> waning = Waning(1)
    >>> waning.note(5, b"a"), waning.note(HOUR, b"b"), waning.note(7, b"c")
    (None, None, None)
    >>> waning.due(HOUR - 1, 9), waning.due(HOUR, 1), waning.due(HOUR, 9)
    ([], [b'c'], [b'a'])
    """

    __slots__ = ("_hours", "_keys", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._keys: dict[int, bytearray] = {}
        self._hours: list[int] = []

    def note(self, at: int, key: bytes) -> None:
        """Something was said at `at` (ms)."""
        hour = at // HOUR
        if hour not in self._keys:
            self._keys[hour] = bytearray()
            heapq.heappush(self._hours, hour)
        self._keys[hour] += key

    def due(self, bound: int, most: int) -> list[bytes]:
        """Take out keys of the hours that were over at `bound` (ms), the earliest hours first, so many at most."""
        found: list[bytes] = []
        width = self._width
        while self._hours and (self._hours[0] + 1) * HOUR <= bound and len(found) < most:
            keys = self._keys[self._hours[0]]
            taken = bytes(keys[-width * (most - len(found)) :])
            del keys[len(keys) - len(taken) :]
            found += (taken[start : start + width] for start in range(len(taken) - width, -1, -width))
            if not keys:
                del self._keys[heapq.heappop(self._hours)]
        return found
