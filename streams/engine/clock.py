"""A task's clock: the least of its sources' watermarks."""

from collections.abc import Iterable, Mapping

Source = tuple[str, str]
"""(input topic, name of the task that wrote the mark)."""


class Clock:
    """Time as one task knows it, in ms since the epoch; it never goes back.

    In event time it is the least watermark. In service (`wall`) it follows the wall clock, `lead` ms before the least
    watermark at most: what the sources have not passed on may still change the picture. With a lead of the grace that
    rules give, whatever had reached Kafka when something was due has been seen before it is declared.

    >>> clock = Clock([("in", "a-0"), ("in", "a-1")], wall=False)
    >>> clock.mark(("in", "a-0"), 5_000); clock.now(0)
    0
    >>> clock.mark(("in", "a-1"), 4_000); clock.now(0)
    4000
    """

    __slots__ = ("_expected", "_lead", "_now", "_wall", "marks")

    def __init__(self, sources: Iterable[Source], *, wall: bool, lead: int = 0) -> None:
        self._expected = frozenset(sources)
        self._wall = wall
        self._lead = lead
        self._now = 0
        self.marks: dict[Source, tuple[int, bool]] = {}

    def mark(self, source: Source, time: int, ended: bool = False) -> None:
        """A source says that it has passed on all it read up to `time`; a mark never takes time back."""
        known = self.marks.get(source)
        self.marks[source] = (max(time, known[0]) if known else time, ended)

    def now(self, wall: int) -> int:
        """The clock, given the wall clock. 0 until every source has spoken."""
        marks = self.marks
        try:
            least = min([marks[source][0] for source in self._expected])
        except (KeyError, ValueError):
            return self._now
        if self._wall:
            least = max(least, min(wall, least + self._lead))
        if least > self._now:
            self._now = least
        return self._now

    @property
    def ended(self) -> bool:
        """Whether every source has said that its input is at its end."""
        marks = self.marks
        return bool(self._expected) and all(marks.get(source, (0, False))[1] for source in self._expected)

    def dump(self) -> tuple[int, dict[str, tuple[int, bool]]]:
        """Clock and marks for the changelog."""
        return self._now, {f"{topic}|{task}": mark for (topic, task), mark in self.marks.items()}

    def load(self, now: int, marks: Mapping[str, tuple[int, bool]]) -> None:
        """Take back what `dump` gave."""
        self._now = max(self._now, now)
        for source, mark in marks.items():
            topic, _, task = source.partition("|")
            self.marks[topic, task] = (mark[0], mark[1])
