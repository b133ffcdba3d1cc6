"""Workers of one installation as people start them, and what they use."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.acceptance.program import BIN, Program
from tests.benchmarks.failure import MeasurementFailed

PARTITIONS = 4
NAMESPACE = "bench"
_TICKS = os.sysconf("SC_CLK_TCK")


def worker(bootstrap: str, namespace: str, folder: Path, number: int, **settings: object) -> Program:
    """One `floorwalker worker` with the defaults of service, not yet started."""
    return Program(
        *(BIN / "floorwalker", "worker", "--port", 0, "--partitions", PARTITIONS),
        *("--bootstrap", bootstrap, "--namespace", namespace),
        folder=folder,
        log=folder / f"{namespace}-{number}.log",
        settings={"service__data_folder": folder, **settings},
    )


@contextmanager
def crew(bootstrap: str, namespace: str, folder: Path, count: int, **settings: object) -> Iterator[list[Program]]:
    """So many workers, started at once; they are killed at the end. `settings` as `sla__answer_within=5`."""
    workers = [worker(bootstrap, namespace, folder, number, **settings) for number in range(count)]
    with ExitStack() as stack:
        for each in workers:
            stack.enter_context(each)
        yield workers


def cpu_seconds(program: Program) -> float:
    """Processor time that it has used."""
    fields = Path(f"/proc/{program.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def still_there(workers: list[Program]) -> None:
    """Raises MeasurementFailed with the last words of a worker that has ended."""
    for each in workers:
        if each.process.poll() is not None:
            raise MeasurementFailed(f"a worker ended by itself, its last words: {each.words[-2_000:]}")


def wait_ready(workers: list[Program], seconds: float = 60.0) -> None:
    """Wait until all are at work. Raises MeasurementFailed."""
    deadline = time.monotonic() + seconds
    while not all(each.is_ready() for each in workers):
        still_there(workers)
        if time.monotonic() > deadline:
            raise MeasurementFailed(f"workers are not ready after {seconds:.0f} s: {workers[0].words[-2_000:]}")
        time.sleep(0.05)
