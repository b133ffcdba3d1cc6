"""One measured run, and what several of them come to."""

import resource
import time
from collections.abc import Sequence
from statistics import median

import msgspec


class Run(msgspec.Struct, frozen=True):
    """`events` in `seconds` by the wall, for `cpu_seconds` of the whole process, all of its threads."""

    events: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds

    @property
    def per_cpu_second(self) -> float:
        return self.events / self.cpu_seconds


class Spread(msgspec.Struct, frozen=True):
    """A median and how far the values lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median=median(values), least=min(values), most=max(values))


class Result(msgspec.Struct, frozen=True):
    """What one contestant did, run by run."""

    runs: tuple[Run, ...]

    @property
    def per_second(self) -> Spread:
        return Spread.of([run.per_second for run in self.runs])

    @property
    def per_cpu_second(self) -> Spread:
        return Spread.of([run.per_cpu_second for run in self.runs])

    def times(self, other: "Result") -> Spread:
        """How many times as fast as `other` by the wall. Runs of one repetition are compared with each other, so
        that what slows the machine for a while slows both sides of a ratio."""
        return Spread.of([a.per_second / b.per_second for a, b in zip(self.runs, other.runs, strict=True)])

    def per_cpu_times(self, other: "Result") -> Spread:
        """The same by CPU time."""
        return Spread.of([a.per_cpu_second / b.per_cpu_second for a, b in zip(self.runs, other.runs, strict=True)])


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._cpu = cpu_seconds()
        self._wall = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._wall

    def stop(self, events: int) -> Run:
        return Run(events=events, seconds=self.seconds, cpu_seconds=cpu_seconds() - self._cpu)


def cpu_seconds() -> float:
    """What this process has used, user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
