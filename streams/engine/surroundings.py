"""What every task of a process shares."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from faust.types import TP

from schemas.topics import prefix_of


@dataclass(frozen=True)
class Surroundings:
    """Where tasks run, and what they ask of the process. `wall`: in service (else event time). Seconds.

    `lead`: how far a clock may follow the wall beyond what its sources have passed on.

    `seek`: have partitions read on from these offsets (None: from the first there is); returns the offsets.
    `member_at`: when this process last asked the group whether it belongs, and was told yes (monotonic clock).
    `crash`: end the process. `background`: run something to its end, whatever becomes of the caller.
    """

    bootstrap: str
    namespace: str
    group: str
    partitions: Mapping[str, int]
    wall: bool
    flush_interval: float
    lead: float
    seek: Callable[[Mapping[TP, int | None]], Awaitable[Mapping[TP, int]]]
    member_at: Callable[[], float]
    crash: Callable[[BaseException], Awaitable[None]]
    background: Callable[[Coroutine[Any, Any, None]], None]

    def physical(self, topic: str) -> str:
        """The topic's name on the cluster."""
        return prefix_of(self.namespace) + topic
