"""How much is taken of one asker in a while."""

from collections import deque
from collections.abc import Callable

from streams.outlets.gateway.errors import Refused

_MOST_ASKERS = 10_000


class Pace:
    """So many in a span of time (ms), for each asker. `clock`: the server's time, ms."""

    def __init__(self, most: int, span: int, clock: Callable[[], int]) -> None:
        self._most = most
        self._span = span
        self._clock = clock
        self._times: dict[str, deque[int]] = {}

    def check(self, asker: str) -> None:
        """Count one. Raises Refused (429) where there were too many."""
        now = self._clock()
        if asker not in self._times and len(self._times) >= _MOST_ASKERS:
            self._times = {name: times for name, times in self._times.items() if times[-1] > now - self._span}
        times = self._times.setdefault(asker, deque())
        while times and times[0] <= now - self._span:
            times.popleft()
        if len(times) >= self._most:
            wait = -(-(times[0] + self._span - now) // 1000)
            raise Refused(
                429,
                "Too many",
                f"{self._most} in {self._span // 1000} s are taken; try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )
        times.append(now)
