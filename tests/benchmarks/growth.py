"""What an event costs as the state grows: CPU microseconds by stage, the rules alone, on state taken from real events.

Time is virtual: EVENTS_PER_SECOND are offered, every stage flushes 20 times a second and publishes as in service.
"""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from random import Random
from statistics import median
from typing import Any

import msgspec

from schemas.instants import DAY, HOUR, MINUTE, SECOND
from tests.benchmarks.apart import apart
from tests.benchmarks.calls import Call, Manner, Step, evenly, in_order, steps_of, understood, whole
from tests.benchmarks.chain import STAGES, Chain, memory_as_in_service, settings_of_the_floor
from tests.benchmarks.report import grid

BEGIN = 1_790_000_000_000
EVENTS_PER_SECOND = 2_500
FLUSH = 50
"""Milliseconds of virtual time between flushes."""

CUSTOMERS = (10_000, 100_000, 1_000_000)
QUEUES = (10, 100, 1_000)
OPEN = 100_000
RECORDS = 16_000
CHUNK = 2_000
OPEN_QUEUE = "callback"
_FILLING = Manner()
_MEASURED = Manner(wait=8.0, talk=3.0, abandoned=0.1)
_WARM = 12 * SECOND
_PRIME = 1_000_003
_OLD = 3 * DAY

Say = Callable[[str], None]


class Case(msgspec.Struct, frozen=True):
    """How large the floor is: customers with a contact in the last 3 days, queues, contacts with an open deadline."""

    customers: int
    queues: int = 10
    open: int = 0


class Cost(msgspec.Struct, frozen=True):
    """CPU microseconds a source record, by stage and together (the median of chunks of CHUNK records)."""

    case: Case
    records: int
    stages: dict[str, float]
    total: float


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Every case in a process of its own, one after another."""
    costs = []
    for case in cases(told.customers):
        line = apart("growth", case.customers, case.queues, case.open, told.growth_records)
        cost = msgspec.json.decode(line, type=Cost)
        say(f"growth, {named(case)}: {cost.total:.1f} us a record")
        costs.append(cost)
    return {
        "cases": msgspec.to_builtins(costs),
        # Each against the smallest floor.
        "ratios": {named(cost.case): round(cost.total / costs[0].total, 3) for cost in costs[1:]},
    }


def table(section: dict[str, Any]) -> list[str]:
    """CPU by case and stage."""
    costs = msgspec.convert(section["cases"], list[Cost])
    return grid(
        ("customers", "queues", "open deadlines", *(f"{stage} us" for stage in STAGES), "all us", "times"),
        *(
            (
                *(f"{each:,}" for each in (cost.case.customers, cost.case.queues, cost.case.open)),
                *(f"{cost.stages[stage]:.1f}" for stage in STAGES),
                f"{cost.total:.1f}",
                f"{cost.total / costs[0].total:.2f}",
            )
            for cost in costs
        ),
    )


def cases(most: int) -> tuple[Case, ...]:
    """All that is measured, up to so many customers: one thing grows at a time, from the smallest floor."""
    customers = tuple(each for each in CUSTOMERS if each <= most) or (most,)
    small = customers[0]
    return (
        *(Case(each) for each in customers),
        *(Case(small, queues=each) for each in QUEUES[1:]),
        Case(small, open=min(OPEN, 10 * small)),
    )


def named(case: Case) -> str:
    """A case in a few words."""
    return f"{case.customers:,} customers, {case.queues:,} queues, {case.open:,} open deadlines"


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
    # Nobody calls twice while it is measured (of 10,000 or more): a customer has as many contacts on a small floor.
    calls = evenly(
        BEGIN, every, 1 << 40, queues, lambda number: number * _PRIME % case.customers, case.customers + case.open
    )
    chunks: list[dict[str, float]] = []
    measured = in_chunk = 0
    before = dict(chain.cpu)
    for clock, steps in _slices(in_order(calls, _MEASURED, random)):
        chain.take([understood(step, 0) for step in steps], clock)
        if clock < BEGIN + _WARM:
            before = dict(chain.cpu)
            continue
        in_chunk += len(steps)
        if in_chunk >= CHUNK:
            chunks.append({stage: (chain.cpu[stage] - before[stage]) / in_chunk * 1e6 for stage in STAGES})
            before = dict(chain.cpu)
            measured, in_chunk = measured + in_chunk, 0
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
    for offset, call in enumerate(calls):
        step = whole(call, _FILLING, random)
        gathered.append(understood(step, offset))
        if step.time - last >= 10 * MINUTE or len(gathered) >= 2_000:
            last = step.time
            chain.take(gathered, last)
            gathered = []
    chain.take(gathered, BEGIN - HOUR)


def _fill_open(chain: Chain, calls: Iterator[Call], random: Random) -> None:
    gathered = []
    for call in calls:
        gathered.append(understood(steps_of(call, _FILLING, random)[0], 0))
        if len(gathered) >= 2_000:
            chain.take(gathered, call.begin)
            gathered = []
    chain.take(gathered, BEGIN - MINUTE)


if __name__ == "__main__":
    customers, queues, opened, records = map(int, sys.argv[1:5])
    print(msgspec.json.encode(cost_of(Case(customers, queues, opened), records)).decode())
