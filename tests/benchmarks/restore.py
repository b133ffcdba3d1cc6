"""Reading a task's state back: two updates of each customer in a changelog as in production, against bare reading.

States are real ones (customers with two, then three contacts, as the rules encode them), each standing for many
customers. They come in transactions of the size of a large flush.
"""

import json
from argparse import Namespace
from asyncio import run
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
from confluent_kafka import Producer

from agents.customers.customers import Customers
from schemas.customers import CustomerContact, encode_contact
from schemas.ids import customer_ids
from schemas.instants import DAY, MINUTE
from schemas.topics import CUSTOMERS_EVENTS
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.acceptance.program import CUSTOMER_NAMESPACE
from tests.benchmarks.apart import apart
from tests.benchmarks.calls import Taken
from tests.benchmarks.chain import NoOutbox
from tests.benchmarks.report import grid
from tests.benchmarks.runs import Result, Run

UPDATES = 2_000_000
NAMESPACE = "restore"
POOL = 10_000
"""Different states."""

TRANSACTION = 10_000
_BEGIN = 1_790_000_000_000
_PATIENCE = 60.0

Say = Callable[[str], None]


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """The engine's restore and bare reading, taking turns on one topic."""
    with (
        TemporaryDirectory(prefix="floorwalker-bench-") as name,
        EmbeddedKafka(Path(name), notify=say) as kafka,
    ):
        run(ensure_topics(kafka.bootstrap, NAMESPACE, 1))
        topic = f"{NAMESPACE}.customers-changelog"
        write(kafka.bootstrap, topic, told.updates)
        say(f"{told.updates:,} updates written to {topic}")
        ours, bare = list[Run](), list[Run]()
        for _ in range(told.repeats):
            bare.append(_bare(kafka.bootstrap, topic))
            ours.append(_restored(kafka.bootstrap))
            say(f"restore: {ours[-1].per_second:,.0f} records/s, bare {bare[-1].per_second:,.0f}")
    return in_numbers(told.updates, Result(tuple(ours)), Result(tuple(bare)))


def in_numbers(updates: int, ours: Result, bare: Result) -> dict[str, Any]:
    """What build/bench.json says. `records`: that were there to read; fewer than updates where Kafka's cleaner ran."""
    return {
        "updates": updates,
        "keys": updates // 2,
        "records": [each.events for each in ours.runs],
        "records_per_s": round(ours.per_second.median),
        "records_per_cpu_s": round(ours.per_cpu_second.median),
        "bare_records_per_s": round(bare.per_second.median),
        "bare_records_per_cpu_s": round(bare.per_cpu_second.median),
        "ratio": round(ours.times(bare).median, 3),
        "ratio_range": [round(each, 3) for each in (ours.times(bare).least, ours.times(bare).most)],
        "cpu_ratio": round(ours.per_cpu_times(bare).median, 3),
    }


def table(section: dict[str, Any]) -> list[str]:
    """Ours, the limit, the ratio."""
    low, high = section["ratio_range"]
    read = ", ".join(f"{each:,}" for each in section["records"])
    return [
        *grid(
            (f"{section['updates']:,} updates of {section['keys']:,} customers", "records/s", "records/CPU-s"),
            ("restore", f"{section['records_per_s']:,}", f"{section['records_per_cpu_s']:,}"),
            ("bare getmany + decode", f"{section['bare_records_per_s']:,}", f"{section['bare_records_per_cpu_s']:,}"),
        ),
        "",
        (
            f"Restore against bare: {section['ratio']:.2f} ({low:.2f}-{high:.2f}), by CPU {section['cpu_ratio']:.2f}; "
            f"records read: {read}."
        ),
    ]


def write(bootstrap: str, topic: str, updates: int) -> None:
    """Fill the changelog: every customer once, then every customer again, each time in another order."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": "restore-bench",
            "linger.ms": 20,
            "batch.size": 512 * 1024,
            "log_level": 2,
        }
    )
    producer.init_transactions(_PATIENCE)
    producer.begin_transaction()
    for number, (key, value) in enumerate(_updates(updates), 1):
        while True:
            try:
                producer.produce(topic, value, key, 0)
            except BufferError:
                producer.poll(0.1)
            else:
                break
        if number % TRANSACTION == 0 or number == updates:
            producer.commit_transaction(_PATIENCE)
            if number < updates:
                producer.begin_transaction()


def _updates(updates: int) -> Iterator[tuple[bytes, bytes]]:
    ids = customer_ids(UUID(CUSTOMER_NAMESPACE))
    count = updates // 2
    for states, prime in zip(_states(), (1_000_003, 999_983), strict=True):
        for number in range(count):
            customer = number * prime % count
            yield b"u" + ids(f"tel:+49301{customer:07d}").encode(), states[customer % len(states)]


def _states() -> Iterator[Sequence[bytes]]:
    """States of POOL customers as the rules encode them, with two contacts, then with three."""
    rules, out, random = Customers(), NoOutbox(), Random(1)
    rules.advance(_BEGIN, out)
    for contacts in ((0, 1), (2,)):
        for customer in range(POOL):
            for number in contacts:
                said = _contact(customer, number, random)
                rules.take(Taken(CUSTOMERS_EVENTS.name, said.customer.encode(), encode_contact(said)), out)
        rules.advance(_BEGIN + (contacts[0] + 1) * MINUTE, out)
        rules.before_flush(out, ended=False)
        yield [value for _, value in rules.changes() if value is not None]


def _contact(customer: int, number: int, random: Random) -> CustomerContact:
    started = _BEGIN - (20 - 6 * number) * DAY + random.randrange(DAY)
    waited = random.randrange(60_000)
    return CustomerContact(
        customer=f"customer-{customer}",
        contact=str(UUID(int=random.getrandbits(128), version=4)),
        channel="chat" if number == 2 else "phone",
        started=started,
        open=False,
        outcome="answered",
        queue=f"queue-{(customer + number // 2) % 10}",
        agent=f"PJSIP/{2000 + random.randrange(1_500)}",
        waited=waited,
        offered=started,
        answered=started + waited,
        handled=random.randrange(600_000),
        ended=started + waited + 300_000,
        offers=1,
        known=True,
    )


def _restored(bootstrap: str) -> Run:
    told = json.loads(apart("restore_task", bootstrap, NAMESPACE))
    return Run(events=told["records"], seconds=told["seconds"], cpu_seconds=told["cpu_seconds"])


def _bare(bootstrap: str, topic: str) -> Run:
    return msgspec.json.decode(apart("restore_bare", bootstrap, topic), type=Run)
