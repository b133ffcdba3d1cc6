"""What really happened in a simulated centre, counted where it happens."""

from collections import Counter
from dataclasses import dataclass, field

THRESHOLD = 20
"""Seconds within which an answer counts as in time."""


@dataclass
class Truth:
    """Per queue: calls offered, answered, answered within THRESHOLD, abandoned, and sent out after the timeout."""

    offered: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    in_time: Counter[str] = field(default_factory=Counter)
    abandoned: Counter[str] = field(default_factory=Counter)
    timed_out: Counter[str] = field(default_factory=Counter)
    lines: int = 0

    def answer(self, queue: str, hold: int) -> None:
        """A call was answered after `hold` whole seconds."""
        self.answered[queue] += 1
        self.in_time[queue] += hold <= THRESHOLD

    def service_level(self, queue: str | None = None) -> float:
        """Answered in time over offered; of all queues where none is named. 1.0 where nobody called."""
        offered = self.offered.total() if queue is None else self.offered[queue]
        in_time = self.in_time.total() if queue is None else self.in_time[queue]
        return in_time / offered if offered else 1.0
