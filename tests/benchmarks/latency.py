"""From a durable record on a channel topic to what can be read of it, at an even rate offered to two workers.

One process offers calls at an even pace (pacer.py), another reads alerts.sla and metrics.live (observer.py), all on one
machine and its clock. What a call's answer brings is found by its contact, what is counted by its rank in its queue.
"""

import subprocess
import sys
import time
from argparse import Namespace
from asyncio import run
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from schemas.topics import CONTACTS_EVENTS, METRICS_PARTIALS
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.acceptance.program import Program
from tests.benchmarks.calls import EVENTS, PHONE
from tests.benchmarks.crew import PARTITIONS, cpu_seconds, crew, still_there, wait_ready
from tests.benchmarks.delays import Delays
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.observer import Count, Seen, Transition
from tests.benchmarks.pacer import PROMISE, Offered, Paced
from tests.benchmarks.progress import Progress
from tests.benchmarks.report import grid

RATES = (1_000, 5_000)
SECONDS = 40.0
WARM = 20.0
"""Seconds before anything counts: the longest usual call lasts for so long, Python is warm by then."""

DRAIN = 3.0
"""Seconds after everything has been taken until all that it brings must be readable."""

GRACE = 1.0
"""Seconds, as in service: `service.grace`."""

SETTLED = ("fulfilled",)
"""Transitions that an answer brings; it bears the answer's contact."""

_PATIENCE = 60.0
_TOPICS = {PHONE: PARTITIONS, CONTACTS_EVENTS.name: PARTITIONS, METRICS_PARTIALS.name: 1}

Say = Callable[[str], None]


class Latency(msgspec.Struct, frozen=True):
    """One rate; `rate`: events/s that were sent. `sla`, `metrics`: from the durable record until what it brings is
    readable. `detected`, `breach`: of a breach without an event, from due + grace until the task found it, and until it
    was readable. `cpu`: cores that the two workers used. `behind`: the most milliseconds by which an event was offered
    too late. `missing`: answers of which nothing was readable."""

    offered: int
    rate: float
    sla: Delays
    metrics: Delays
    detected: Delays
    breach: Delays
    cpu: float
    behind: float
    missing: int


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Each rate on a Kafka and with workers of its own."""
    return {str(rate): msgspec.to_builtins(_at(rate, told.seconds, say)) for rate in told.rates}


def table(section: dict[str, Any]) -> list[str]:
    """Percentiles by rate."""
    rows = []
    for rate, said in section.items():
        latency = msgspec.convert(said, Latency)
        ways = {
            "durable -> alerts.sla": latency.sla,
            "durable -> metrics.live": latency.metrics,
            "breach, no event: detected - due - grace": latency.detected,
            "breach, no event: readable - due - grace": latency.breach,
        }
        name = f"{int(rate):,} events/s ({latency.rate:,.0f} sent, workers {latency.cpu:.2f} cores)"
        for what, delays in ways.items():
            rows.append((name, what, *(f"{each:,}" for each in (delays.p50, delays.p99, delays.max, delays.n))))
            name = ""
    return grid(("offered", "", "p50 ms", "p99 ms", "max ms", "n"), *rows)


def _at(rate: int, seconds: float, say: Say) -> Latency:
    with (
        TemporaryDirectory(prefix="floorwalker-bench-") as name,
        EmbeddedKafka(Path(name), notify=say) as kafka,
    ):
        folder = Path(name) / "workers"
        folder.mkdir()
        namespace = f"offered-{rate}"
        run(ensure_topics(kafka.bootstrap, namespace, PARTITIONS))
        with crew(kafka.bootstrap, namespace, folder, 2, sla__answer_within=PROMISE) as team:
            wait_ready(team)
            taken = Progress(kafka.bootstrap, namespace, _TOPICS)
            with child("observer", kafka.bootstrap, namespace, folder / "seen.json") as watching:
                _wait_for(watching, b"watching")
                paced, used = _offer(team, kafka.bootstrap, namespace, rate, seconds, folder / "paced.json")
                taken.wait_taken(tuple(_TOPICS), _PATIENCE)
                time.sleep(DRAIN)
                _end(watching)
        seen = msgspec.json.decode((folder / "seen.json").read_bytes(), type=Seen)
        try:
            latency = latency_of(rate, paced, seen, used)
        except ValueError as error:
            said = Counter(each.transition for each in seen.transitions)
            raise MeasurementFailed(f"{rate} events/s, {len(paced.calls):,} calls, {said}: {error}") from None
    say(f"latency at {rate:,} events/s: alerts.sla {latency.sla}; metrics.live {latency.metrics}")
    return latency


def _offer(
    team: list[Program], bootstrap: str, namespace: str, rate: int, seconds: float, result: Path
) -> tuple[Paced, float]:
    with child("pacer", bootstrap, namespace, rate, WARM + seconds, result) as pacing:
        _wait_for(pacing, b"begun")
        time.sleep(WARM)
        cpu, began = sum(map(cpu_seconds, team)), time.monotonic()
        while pacing.poll() is None:
            still_there(team)
            time.sleep(0.2)
        used = (sum(map(cpu_seconds, team)) - cpu) / (time.monotonic() - began)
        if pacing.returncode:
            raise MeasurementFailed(f"the pacer ended with exit code {pacing.returncode}")
    return msgspec.json.decode(result.read_bytes(), type=Paced), used


@contextmanager
def child(module: str, *told: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that ends when its standard input does."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, told)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def _wait_for(child: subprocess.Popen[bytes], word: bytes) -> None:
    """Wait until it says this. Raises MeasurementFailed where it ends without."""
    if child.stdout is None or child.stdout.readline().strip() != word:
        raise MeasurementFailed(f"{child.args!r} did not say {word.decode()}; it says why above")


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    if child.wait(_PATIENCE):
        raise MeasurementFailed(f"a process ended with exit code {child.returncode}")


# -- arithmetic ------------------------------------------------------------------------------------------------------


def latency_of(rate: int, paced: Paced, seen: Seen, cpu: float) -> Latency:
    """What was measured after the warm-up, of calls whose offer was durable by then."""
    since = _since(paced.calls)
    answers = {call.contact: call.answered / 1000 for call in paced.calls if call.answered >= since * 1000}
    all_answers = {call.contact: call.answered / 1000 for call in paced.calls if call.answered}
    settled = [each for each in seen.transitions if each.transition in SETTLED and each.contact in answers]
    breaches = [each for each in seen.transitions if each.transition == "breached" and _instant(each.due_at) >= since]
    on_time = [each for each in breaches if _without_event(each, all_answers)]
    return Latency(
        offered=rate,
        rate=rate_of([call.offered / 1000 for call in paced.calls if call.offered >= since * 1000]),
        sla=Delays.of(each.readable - answers[each.contact] for each in settled),
        metrics=Delays.of(count_delays(paced.calls, seen.counts, since)),
        detected=Delays.of(_instant(each.detected_at) - _instant(each.due_at) - GRACE for each in on_time),
        breach=Delays.of(each.readable - _instant(each.due_at) - GRACE for each in on_time),
        cpu=round(cpu, 2),
        behind=paced.behind,
        missing=len(answers) - len({each.contact for each in settled}),
    )


def rate_of(offers: list[float]) -> float:
    """Events a second that calls offered at these instants (s) come to."""
    span = max(offers, default=0.0) - min(offers, default=0.0)
    return round(EVENTS * (len(offers) - 1) / span) if span else 0


def _since(calls: list[Offered]) -> float:
    return calls[0].offered / 1000 + WARM


def _without_event(breach: Transition, answers: dict[str, float]) -> bool:
    """Whether no answer was there when the breach was due to be declared: time alone brought it."""
    return answers.get(breach.contact, float("inf")) > _instant(breach.due_at) + GRACE


def count_delays(calls: Iterable[Offered], counts: Iterable[Count], since: float) -> list[float]:
    """From each offer since `since` (s) until a record counted it: the n-th of its queue, until n are counted."""
    offered: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        if call.offered:
            offered[call.queue].append(call.offered / 1000)
    steps: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    for count in counts:
        numbers, times = steps[count.queue]
        if not numbers or count.count > numbers[-1]:
            numbers.append(count.count)
            times.append(count.readable)
    found = []
    for queue, instants in offered.items():
        numbers, times = steps[queue]
        for rank, instant in enumerate(sorted(instants), 1):
            place = bisect_left(numbers, rank)
            if instant < since:
                continue
            if place == len(numbers):
                raise MeasurementFailed(f"offer {rank} of {queue} was never counted on metrics.live")
            found.append(times[place] - instant)
    return found


def _instant(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()
