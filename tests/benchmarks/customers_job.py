"""The customers job: this engine beside its peers and the limits, on one topic."""

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from streams.kafka import EmbeddedKafka
from tests.benchmarks.contest import NAMESPACE, run_command
from tests.benchmarks.customers.entries import ENTRIES, Entry
from tests.benchmarks.customers.event import INPUT, OUTPUT
from tests.benchmarks.customers.slate import clean_slate
from tests.benchmarks.customers.topic import Written, write_topic
from tests.benchmarks.customers.verdict import held, judge, published, read_states
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.job import Job
from tests.benchmarks.peers.environments import PeerUnavailable
from tests.benchmarks.runs import Result, Run
from tests.benchmarks.standings import standings, standings_table

Say = Callable[[str], None]


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Contestants take turns on one topic; what each published and holds is compared with the truth after each run."""
    commands = _commands(told.entries or tuple(ENTRIES), say)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    with topic_of(told.events, told.slice, say) as (job, written):
        for repeat in range(1, told.repeats + 1):
            for name, command in commands.items():
                run = one_run(name, command, job, written)
                say(f"{repeat}/{told.repeats} {name}: {run.per_second:,.0f} events/s, {run.events:,} events")
                runs[name].append(run)
    return standings({name: Result(tuple(each)) for name, each in runs.items()})


def table(section: dict[str, Any]) -> list[str]:
    """The table, and what each contestant is."""
    return [*standings_table(section), "", *(f"- `{name}`: {ENTRIES[name].what}" for name in section)]


@contextmanager
def topic_of(events: int, slice_seconds: float, say: Say) -> Iterator[tuple[Job, Written]]:
    """A Kafka with the topic, what contestants are told of it, and what is in it."""
    with TemporaryDirectory(prefix="floorwalker-bench-") as folder, EmbeddedKafka(Path(folder), notify=say) as kafka:
        clean_slate(kafka.bootstrap, "", {f"{NAMESPACE}.{INPUT}": "delete"})

        def progress(done: int) -> None:
            say(f"{done:,} of {events:,} events written")

        written = write_topic(kafka.bootstrap, NAMESPACE, events, progress)
        yield (
            Job(
                bootstrap=kafka.bootstrap,
                namespace=NAMESPACE,
                end=events,
                events=events,
                seconds=slice_seconds,
                result=f"{folder}/run.json",
            ),
            written,
        )


def one_run(name: str, command: Sequence[str], job: Job, written: Written) -> Run:
    """One contestant's run, judged. Raises MeasurementFailed."""
    clean_slate(job.bootstrap, f"{job.namespace}.{INPUT}", {f"{job.namespace}.{OUTPUT}": "delete"})
    run = run_command(name, command, job)
    entry = ENTRIES[name]
    if entry.counts:
        if entry.state_of is None:
            states = read_states(job)
        else:
            states = held(job.bootstrap, entry.changelog, entry.state_of)
        counts = published(job.bootstrap, job.namespace)
        judge(name, written, counts, states, least=run.events, exactly_once=entry.exactly_once)
    if not run.events:
        raise MeasurementFailed(f"{name} took no event in {run.seconds:.0f} s")
    return run


def _commands(names: Sequence[str], say: Say) -> dict[str, list[str]]:
    commands = {}
    for name in names:
        entry: Entry = ENTRIES[name]
        try:
            commands[name] = entry.command(say)
        except PeerUnavailable as error:
            say(f"{name} is left out: {error}")
    return commands
