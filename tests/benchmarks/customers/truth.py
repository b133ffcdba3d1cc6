"""What the first so many events of the topic come to, worked out from what was written."""

from collections import Counter

from tests.benchmarks.customers.topic import Written, time_of
from tests.benchmarks.floor import QUEUES


def customers_after(written: Written, events: int) -> dict[str, tuple[int, str]]:
    """Customer -> how many of the first so many events, and the time of the last of them."""
    numbers = Counter(written.customers[:events])
    last = {customer: number for number, customer in enumerate(written.customers[:events])}
    return {written.names[customer]: (n, time_of(last[customer])) for customer, n in numbers.items()}


def panes_after(written: Written, events: int) -> dict[tuple[str, str], int]:
    """(Minute, queue) -> how many of the first so many events."""
    counts: Counter[tuple[str, str]] = Counter()
    first = 0
    while first < events:
        minute = time_of(first)[:16]
        end = first + 1
        # All of one minute stand together: the events are in the order of their times.
        step = 1 << 16
        while step:
            while end + step <= events and time_of(end + step - 1)[:16] == minute:
                end += step
            step >>= 1
        for queue, n in Counter(written.queues[first:end]).items():
            counts[minute, QUEUES[queue]] = n
        first = end
    return dict(counts)
