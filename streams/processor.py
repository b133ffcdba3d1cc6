"""What a task works out: the interface between the engine and the rules.

A processor belongs to one task (one agent x one partition) and is called by it alone, one call at a time, never
while the task encodes a flush. Nothing here does I/O or looks at a clock: records and time come in, outputs and
changed state go out. What it sends and what it changed between two flushes becomes one Kafka transaction.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """One record of an input topic (aiokafka's ConsumerRecord has this shape). `timestamp`: ms, append time."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Output(NamedTuple):
    """One record to send. `partition` None: by the hash of the key. `topic`: as in schemas.topics, no namespace."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class Outbox(Protocol):
    """Takes what a processor sends; it leaves with the task's next flush or not at all."""

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        partition: int | None = None,
    ) -> None:
        """Send one record with the next flush; the arguments are those of `Output`."""


class Processor(Protocol):
    """Rules and state of one task."""

    def take(self, record: Record, out: Outbox) -> None:
        """Apply one record (watermarks never come here)."""

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock (ms) has moved on: whatever was due up to it happens now."""

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Send what was gathered since the last flush. `ended`: all input has ended, hold nothing back."""

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded (None: gone), and forget that it changed."""

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record; later ones of the same key win."""

    def restored(self) -> None:
        """The state is complete: rebuild what is derived from it (heaps, totals)."""


@runtime_checkable
class Resumes(Protocol):
    """A processor whose rules ask for the clock before it moves on for the first time."""

    def resume(self, clock: int) -> None:
        """The state is complete, and the task's clock (ms) stood here when it was written."""


@runtime_checkable
class HasNews(Protocol):
    """A processor that gathers what time alone brings about until `before_flush`."""

    def has_news(self) -> bool:
        """Whether the next flush has something of it to send."""


def news_of(processor: Processor) -> Callable[[], bool]:
    """By what a processor says that it has something to send with the next flush.

    Ask once: an instance check of a protocol takes longer than a look at the clock.
    """
    return processor.has_news if isinstance(processor, HasNews) else _never


def _never() -> bool:
    return False
