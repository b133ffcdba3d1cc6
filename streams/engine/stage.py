"""What one agent reads, writes and works out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from streams.processor import Processor

REPLAY = "replay"
"""Name of the source whose marks stand on the channel topics: the replay connector."""


@dataclass(frozen=True)
class Stage:
    """One agent of the pipeline; it has one task per partition of its inputs.

    `feeds`: input topic -> the stage whose tasks' watermarks drive this stage's clock. An input that no stage
    feeds is read from outside: there the clock is the time up to which the input has been read (in service), or
    the marks of the replay (in event time). `marks_to`: output topics that carry this stage's watermarks.
    `processor` makes the rules and state of the task of one partition.
    """

    name: str
    inputs: tuple[str, ...]
    processor: Callable[[int], Processor]
    feeds: Mapping[str, str] = field(default_factory=dict)
    marks_to: tuple[str, ...] = ()
    partitioned: bool = True

    @property
    def changelog(self) -> str:
        """Topic that holds the state of this stage's tasks."""
        return f"{self.name}-changelog"

    @property
    def head(self) -> bool:
        """Whether it reads what comes from outside."""
        return not self.feeds
