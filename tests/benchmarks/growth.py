"""What an event costs as the state grows: CPU microseconds by stage, the rules alone, on state taken from real events.

Time is virtual: EVENTS_PER_SECOND are offered, every stage flushes 20 times a second and publishes as in service.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from schemas.instants import DAY, HOUR, MINUTE, SECOND
from tests.benchmarks.calls import Call, Manner, Step, evenly, in_order, understood
from tests.benchmarks.chain import STAGES, Chain, memory_as_in_service, settings_of_the_floor

BEGIN = 1_790_000_000_000
EVENTS_PER_SECOND = 2_500
FLUSH = 50
"""Milliseconds of virtual time between flushes."""

CUSTOMERS = (10_000, 100_000, 1_000_000)
QUEUES = (10, 100, 1_000)
OPEN = (0, 100_000)
RECORDS = 100_000
CHUNK = 5_000
LIMIT = 1_200
OPEN_QUEUE = "callback"
_FILLING = Manner()
_MEASURED = Manner(wait=12.0, talk=20.0, abandoned=0.1)
_WARM = 60 * SECOND
_OLD = 30 * DAY

Say = Callable[[str], None]


class Case(msgspec.Struct, frozen=True):
    """How large the floor is: customers with a contact in the last 30 days, queues, contacts with an open deadline."""

    customers: int
    queues: int = 10
    open: int = 0


class Cost(msgspec.Struct, frozen=True):
    """CPU microseconds a source record, by stage and together (the median of chunks of CHUNK records)."""

    case: Case
    records: int
    stages: dict[str, float]
    total: float


def cases(customers: tuple[int, ...] = CUSTOMERS, opened: int = OPEN[1]) -> tuple[Case, ...]:
    """All that is measured: one thing grows at a time, from the smallest floor."""
    small = customers[0]
    return (
        *(Case(each) for each in customers),
        *(Case(small, queues=each) for each in QUEUES[1:]),
        Case(small, open=opened),
    )


def measure(say: Say, customers: tuple[int, ...] = CUSTOMERS, records: int = RECORDS) -> list[Cost]:
    """Every case in a process of its own, one after another."""
    costs = []
    for case in cases(customers, opened=min(OPEN[1], 10 * customers[0])):
        cost = _in_a_process(case, records)
        say(f"growth, {case}: {cost.total:.1f} us a record")
        costs.append(cost)
    return costs


def section(costs: list[Cost]) -> dict[str, Any]:
    """What build/bench.json says. Ratios: each case against the smallest floor."""
    least = costs[0]
    return {
        "cases": msgspec.to_builtins(costs),
        "ratios": {name_of(cost.case): round(cost.total / least.total, 3) for cost in costs[1:]},
    }


def name_of(case: Case) -> str:
    """A case in a few words."""
    return f"{case.customers:,} customers, {case.queues:,} queues, {case.open:,} open deadlines"


def show(console: Console, costs: list[Cost]) -> None:
    """Print the table."""
    table = Table("customers", "queues", "open", *STAGES, "all", "times", title="growth: CPU us a source record")
    for cost in costs:
        case = cost.case
        table.add_row(
            *(f"{each:,}" for each in (case.customers, case.queues, case.open)),
            *(f"{cost.stages[stage]:.1f}" for stage in STAGES),
            f"{cost.total:.1f}",
            f"{cost.total / costs[0].total:.2f}x",
        )
    console.print(table)


def _in_a_process(case: Case, records: int) -> Cost:
    with TemporaryDirectory(prefix="floorwalker-bench-") as folder:
        result = Path(folder) / "cost.json"
        told = [case.customers, case.queues, case.open, records, result]
        subprocess.run([sys.executable, "-m", "tests.benchmarks.growth", *map(str, told)], check=True, timeout=LIMIT)
        return msgspec.json.decode(result.read_bytes(), type=Cost)


def cost_of(case: Case, records: int) -> Cost:
    """Fill the state, let the floor come to an even pace, then measure."""
    memory_as_in_service()
    chain = Chain(settings_of_the_floor(OPEN_QUEUE))
    queues = [f"queue-{number}" for number in range(case.queues)]
    random = Random(1)
    _fill(chain, evenly(BEGIN - _OLD, _OLD / case.customers, case.customers, queues, lambda number: number), random)
    waiting = evenly(BEGIN - HOUR, HOUR / max(case.open, 1), case.open, [OPEN_QUEUE], lambda n: n, case.customers)
    _fill_open(chain, waiting, random)
    every = 1000 * 5 / EVENTS_PER_SECOND
    calls = evenly(
        BEGIN, every, 1 << 40, queues, lambda _: random.randrange(case.customers), case.customers + case.open
    )
    chunks: list[dict[str, float]] = []
    measured = 0
    before = dict(chain.cpu)
    for clock, steps in _slices(in_order(calls, _MEASURED, random)):
        chain.take([understood(step, 0) for step in steps], clock)
        if clock < BEGIN + _WARM:
            before = dict(chain.cpu)
            continue
        measured += len(steps)
        if measured >= CHUNK * (len(chunks) + 1):
            chunks.append({stage: (chain.cpu[stage] - before[stage]) / CHUNK * 1e6 for stage in STAGES})
            before = dict(chain.cpu)
            if measured >= records:
                break
    return Cost(
        case=case,
        records=measured,
        stages={stage: round(median(chunk[stage] for chunk in chunks), 2) for stage in STAGES},
        total=round(median(sum(chunk.values()) for chunk in chunks), 2),
    )


def _slices(steps: Iterator[Step]) -> Iterator[tuple[int, list[Step]]]:
    """What comes between two flushes, and the clock at the second."""
    clock, gathered = 0, list[Step]()
    for step in steps:
        clock = clock or step.time + FLUSH
        while step.time >= clock:
            yield clock, gathered
            clock, gathered = clock + FLUSH, []
        gathered.append(step)


def _fill(chain: Chain, calls: Iterator[Call], random: Random) -> None:
    gathered, last = [], 0
    for offset, step in enumerate(in_order(calls, _FILLING, random)):
        if step.time >= BEGIN:
            break
        gathered.append(understood(step, offset))
        if step.time - last >= 10 * MINUTE or len(gathered) >= 2_000:
            last = step.time
            chain.take(gathered, last)
            gathered = []
    chain.take(gathered, BEGIN - HOUR)


def _fill_open(chain: Chain, calls: Iterator[Call], random: Random) -> None:
    gathered = []
    for call in calls:
        gathered.append(understood(next(in_order([call], _FILLING, random)), 0))
        if len(gathered) >= 2_000:
            chain.take(gathered, call.begin)
            gathered = []
    chain.take(gathered, BEGIN - MINUTE)


if __name__ == "__main__":
    told = [int(each) for each in sys.argv[1:5]]
    Path(sys.argv[5]).write_bytes(msgspec.json.encode(cost_of(Case(*told[:3]), told[3])))
