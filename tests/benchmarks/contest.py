"""Contestants taking turns on one topic, each in a process of its own."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from streams.kafka import EmbeddedKafka
from tests.benchmarks.job import Job
from tests.benchmarks.runs import Result, Run
from tests.benchmarks.topic import forget_runs, write_topic

NAMESPACE = "bench"
LIMIT = 900.0
"""Seconds after which a contestant has failed."""


class ContestantFailed(Exception):
    """A contestant ended without a result; the message has its last words."""


def contest(
    names: Iterable[str], events: int, repeats: int, slice_seconds: float, say: Callable[[str], None]
) -> dict[str, Result]:
    """Have contestants (modules of tests.benchmarks.contestants) consume a topic of so many events, in turns: A B A B.

    `slice_seconds`: after how long those stop that would take too long for all of it.
    """
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with TemporaryDirectory(prefix="floorwalker-bench-") as folder, EmbeddedKafka(Path(folder), notify=say) as kafka:
        written = asyncio.run(
            write_topic(kafka.bootstrap, NAMESPACE, events, lambda done: say(f"{done:,} of {events:,} events written"))
        )
        job = Job(
            bootstrap=kafka.bootstrap,
            namespace=NAMESPACE,
            end=written,
            events=events,
            seconds=slice_seconds,
            result=f"{folder}/run.json",
        )
        for repeat in range(repeats):
            for name in names:
                asyncio.run(forget_runs(kafka.bootstrap, NAMESPACE))
                run = one_run(name, job)
                say(f"{repeat + 1}/{repeats} {name}: {run.per_second:,.0f} events/s")
                runs[name].append(run)
    return {name: Result(tuple(each)) for name, each in runs.items()}


def one_run(name: str, job: Job, runner: Sequence[str] = (sys.executable,)) -> Run:
    """Have one contestant do a job. `runner`: what runs the module, with a profiler before it for instance."""
    command = [*runner, "-m", f"tests.benchmarks.contestants.{name}", *job.arguments()]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT, check=False)
    result = Path(job.result)
    if not result.exists():
        words = (done.stdout + done.stderr)[-2000:].decode(errors="replace")
        raise ContestantFailed(f"{name} ended with exit code {done.returncode} and no result; its last words: {words}")
    run = msgspec.json.decode(result.read_bytes(), type=Run)
    result.unlink()
    return run
