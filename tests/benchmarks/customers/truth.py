"""What the first so many events of the topic come to, worked out from what was written."""

from collections import Counter

from tests.benchmarks.customers.topic import Written
from tests.benchmarks.floor import QUEUES


def customers_after(written: Written, events: int) -> dict[str, tuple[int, str]]:
    """Customer -> how many of the first so many events, and the time of the last of them."""
    numbers = Counter(written.customers[:events])
    last = {customer: number for number, customer in enumerate(written.customers[:events])}
    return {written.names[customer]: (n, written.time_of(last[customer])) for customer, n in numbers.items()}


def panes_after(written: Written, events: int) -> dict[tuple[str, str], int]:
    """(Minute, queue) -> how many of the first so many events."""
    counts: dict[tuple[str, str], int] = {}
    # The events are in the order of their times and as many in each minute, the first of which begins with the first.
    per_minute = 60 * written.per_second
    for first in range(0, events, per_minute):
        minute = written.time_of(first)[:16]
        for queue, n in Counter(written.queues[first : min(events, first + per_minute)]).items():
            counts[minute, QUEUES[queue]] = n
    return counts
