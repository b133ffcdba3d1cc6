"""The topic of the customers job: seeded events of 273 bytes, each of one of 100,000 customers, in one partition."""

from array import array
from collections.abc import Callable, Iterator
from random import Random

from confluent_kafka import Producer

from schemas.instants import SECOND, from_ms
from tests.benchmarks.customers.event import INPUT, Event, encode
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.floor import BEGIN, QUEUES

CUSTOMERS = 100_000
BYTES = 273
EVENTS_PER_SECOND = 1_000
"""In a second of their own time: a minute and queue has some 6,000 of them."""

TYPES = ("contact.offered", "contact.answered", "contact.ended", "message.posted")
_PATIENCE = 120.0


class Written:
    """What was written, in order: the number of each event's customer and the number of its queue.

    `per_second`: events in a second of their own time.
    """

    def __init__(self, seed: int = 1, customers: int = CUSTOMERS, per_second: int = EVENTS_PER_SECOND) -> None:
        self.customers = array("I")
        self.queues = array("B")
        self.per_second = per_second
        random = Random(seed)
        self.names = [_uuid(random) for _ in range(customers)]
        self._random = random

    def __len__(self) -> int:
        return len(self.customers)

    def events(self, count: int) -> Iterator[Event]:
        """The next so many."""
        random = self._random
        for _ in range(count):
            number = len(self.customers)
            customer, queue = random.randrange(len(self.names)), random.randrange(len(QUEUES))
            self.customers.append(customer)
            self.queues.append(queue)
            yield Event(
                id=_uuid(random),
                type=random.choice(TYPES),
                time=self.time_of(number),
                contact=f"pbx1-{BEGIN}.{number}",
                customer=self.names[customer],
                channel="phone",
                queue=QUEUES[queue],
                agent=str(2000 + random.randrange(1_000)),
                waited=random.randrange(100, 1_000),
            )

    def time_of(self, number: int) -> str:
        """When the event of this number happened."""
        ms = BEGIN * SECOND + number * SECOND // self.per_second
        return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % SECOND:03d}Z"


def padded(event: Event) -> bytes:
    """Its JSON, filled up to the size that all have by its note. Raises ValueError for one that is larger."""
    short = len(encode(event))
    if short > BYTES:
        raise ValueError(f"an event of {short} bytes, {BYTES} at most: {event}")
    event.note = "." * (BYTES - short)
    return encode(event)


def write_topic(bootstrap: str, namespace: str, events: int, progress: Callable[[int], None]) -> Written:
    """Write so many events; returns what they were. Raises MeasurementFailed where not all are durable."""
    written = Written()
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 50, "batch.size": 512 * 1024, "compression.type": "none"}
    )
    topic = f"{namespace}.{INPUT}"
    for number, event in enumerate(written.events(events), 1):
        while True:
            try:
                producer.produce(topic, padded(event), event.customer.encode(), partition=0)
                break
            except BufferError:
                producer.poll(0.1)
        if number % 250_000 == 0:
            progress(number)
    missing = producer.flush(_PATIENCE)
    if missing:
        raise MeasurementFailed(f"{missing} of {events} events could not be written to {topic}")
    return written


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
