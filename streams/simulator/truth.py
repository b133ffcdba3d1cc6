"""What really happened in a simulated centre, counted where it happens."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from streams.simulator.people import Person

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


@dataclass
class DeskTruth:
    """Per desk: requests offered, how long those waited that were answered, and those that left (ms), the messages by
    author ('machine': automatic mail), the ratings (1 to 5), and who wrote. A request offered again after it was over
    counts again. `came_back`: per channel, who had given up on another one."""

    offered: Counter[str] = field(default_factory=Counter)
    waits: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    in_vain: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    messages: Counter[tuple[str, str]] = field(default_factory=Counter)
    ratings: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    people: dict[str, set[Person]] = field(default_factory=lambda: defaultdict(set))
    came_back: Counter[str] = field(default_factory=Counter)

    def answered(self, desk: str) -> int:
        """How many requests a human being answered."""
        return len(self.waits[desk])

    def left(self, desk: str) -> int:
        """How many left unanswered."""
        return len(self.in_vain[desk])

    def in_time(self, desk: str, seconds: float) -> int:
        """How many of them within so many seconds; exactly so many are within."""
        return sum(wait <= seconds * 1_000 for wait in self.waits[desk])
