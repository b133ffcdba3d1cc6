"""What stands in the topic of the customers job, and what the job makes of it.

The job: decode an event, count it and its time for its customer, count it for its minute and queue, keep both counts
durable, and publish those by minute and queue.
"""

import msgspec

INPUT = "customer-events"
OUTPUT = "queue-counts"
STAGE = "customers-job"
COMMIT_INTERVAL = 0.1
"""Seconds, of every contestant that commits in transactions."""


class Event(msgspec.Struct, gc=False):
    """One event. `time`: ISO 8601 UTC with milliseconds, so that its order is that of its letters."""

    id: str
    type: str
    time: str
    contact: str
    customer: str
    channel: str
    queue: str
    agent: str
    waited: int
    note: str = ""


class Customer(msgspec.Struct, array_like=True, gc=False):
    """State by customer: how many events, and the time of the last."""

    n: int = 0
    last: str = ""


class Count(msgspec.Struct, gc=False):
    """What is published by minute and queue."""

    minute: str
    queue: str
    n: int


decode = msgspec.json.Decoder(Event).decode
encode = msgspec.json.Encoder().encode


def pane(event: Event) -> str:
    """Key of its minute and queue."""
    return f"{event.time[:16]}|{event.queue}"


def count(pane: str, n: int) -> Count:
    """What is published of a pane."""
    minute, _, queue = pane.partition("|")
    return Count(minute, queue, n)
