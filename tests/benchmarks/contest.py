"""Contestants taking turns on one topic, each in a process of its own."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from streams.kafka import EmbeddedKafka
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Result, Run
from tests.benchmarks.topic import forget_runs, write_topic

NAMESPACE = "bench"
LIMIT = 600.0
"""Seconds after which a contestant has failed."""

Say = Callable[[str], None]


class ContestantFailed(MeasurementFailed):
    """A contestant ended without a result; the message has its last words."""


@contextmanager
def topic_of(events: int, slice_seconds: float, say: Say) -> Iterator[Job]:
    """A Kafka with a topic of so many events, and what contestants are told of it.

    `slice_seconds`: after how long those stop that would take too long for all of it.
    """
    with TemporaryDirectory(prefix="floorwalker-bench-") as folder, EmbeddedKafka(Path(folder), notify=say) as kafka:

        def written(done: int) -> None:
            say(f"{done:,} of {events:,} events written")

        yield Job(
            bootstrap=kafka.bootstrap,
            namespace=NAMESPACE,
            end=asyncio.run(write_topic(kafka.bootstrap, NAMESPACE, events, written)),
            events=events,
            seconds=slice_seconds,
            result=f"{folder}/run.json",
        )


def contest(names: Iterable[str], job: Job, repeats: int, say: Say) -> dict[str, Result]:
    """Have contestants (modules of tests.benchmarks.contestants) do a job in turns: A B C A B C."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for repeat in range(1, repeats + 1):
        for name, done in runs.items():
            run = one_run(name, job)
            say(f"{repeat}/{repeats} {name}: {run.per_second:,.0f} events/s")
            done.append(run)
    return {name: Result(tuple(each)) for name, each in runs.items()}


def one_run(name: str, job: Job, before: Sequence[str] = ()) -> Run:
    """Have one contestant do a job, on topics that hold nothing of earlier runs. `before`: a profiler's command line,
    for instance. Raises ContestantFailed."""
    asyncio.run(forget_runs(job.bootstrap, job.namespace))
    return run_command(name, [*before, sys.executable, "-m", f"tests.benchmarks.contestants.{name}"], job)


def run_command(name: str, command: Sequence[str], job: Job) -> Run:
    """Run a contestant's program on a job. Raises ContestantFailed."""
    result = Path(job.result)
    result.unlink(missing_ok=True)
    try:
        done = subprocess.run([*command, *job.arguments()], capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise ContestantFailed(f"{name} was not through after {LIMIT:.0f} s: {_last(error.output)}") from error
    if not result.exists():
        raise ContestantFailed(
            f"{name} ended with exit code {done.returncode} and no result; {_last(done.stdout + done.stderr)}"
        )
    return msgspec.json.decode(result.read_bytes(), type=Run)


def _last(words: bytes | None) -> str:
    return f"its last words: {(words or b'')[-2000:].decode(errors='replace')}"
