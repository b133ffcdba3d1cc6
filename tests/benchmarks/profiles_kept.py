"""Customers of the benchmark of look-ups: who they are, what is known of them, and a process that says it anew.

`python -m tests.benchmarks.profiles_kept BOOTSTRAP TOPIC CUSTOMERS RATE` writes a profile of a random customer RATE
times a second until its standard input ends, then prints {"sent": N}.
"""

import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from threading import Thread
from uuid import UUID

from confluent_kafka import Producer

from schemas.customers import (
    ChannelWindow,
    CustomerProfile,
    LastContact,
    OpenContact,
    PreferredChannel,
    PromiseNow,
    encode_profile,
)
from schemas.ids import customer_ids
from tests.acceptance.program import CUSTOMER_NAMESPACE

AT = datetime(2026, 6, 8, 8, tzinfo=UTC)
_NOBODY = "00000000-0000-5000-8000-000000000000"
_ROUND = 0.01
_identify = customer_ids(UUID(CUSTOMER_NAMESPACE))


def identifier_of(number: int) -> str:
    """What somebody types to find a customer."""
    return f"customer{number}@shop.example"


def id_of(number: int) -> str:
    """The customer's id."""
    return _identify(f"mailto:{identifier_of(number)}")


def record_of(customer: str) -> bytes:
    """What is known of a customer: two channels, ten contacts, one of them open with a promise."""
    return _RECORD.replace(_NOBODY.encode(), customer.encode())


def _ordinary() -> bytes:
    counts = ChannelWindow(
        contacts=5, answered=4, outcomes={"answered": 4, "abandoned": 1}, total_wait=121.5, longest_wait=61.0,
        average_wait=24.3, messages_in=7, messages_out=6, handled=4, total_handle=1_311.0, average_handle=327.75,
    )  # fmt: skip
    windows = {name: {"phone": counts, "chat": counts} for name in ("30d", "90d", "lifetime")}
    last = [
        LastContact(
            contact=f"7d9c4b1e-0000-5000-8000-{number:012d}", channel="phone", started_at=AT - timedelta(days=number),
            outcome="answered", queue="sales", waited=21.5, handled=310.0, ended_at=AT - timedelta(days=number),
        )
        for number in range(10)
    ]  # fmt: skip
    promise = PromiseNow(clock="first_reply", policy="gold", version=3, due_at=AT + timedelta(hours=4))
    opened = OpenContact(
        contact="7d9c4b1e-0000-5000-8000-000000000000", channel="chat", started_at=AT, outcome="open", queue="sales",
        waits_for="agent", promises=[promise],
    )  # fmt: skip
    preferred = PreferredChannel(channel="phone", share=0.6, n=10, interval=(0.31, 0.83), sure=False)
    profile = CustomerProfile(
        customer=_NOBODY, as_of=AT, known=True, contacts=10, windows=windows, last_contacts=last,
        open_contacts=[opened], queues={"lifetime": {"sales": counts}}, preferred_channel=preferred,
    )  # fmt: skip
    return encode_profile(profile)


_RECORD = _ordinary()


def main(bootstrap: str, topic: str, customers: int, rate: float) -> None:
    """Write until told to end."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True})
    choose, sent, began = random.Random(7), 0, time.monotonic()
    waiting = Thread(target=sys.stdin.read, daemon=True)
    waiting.start()
    while waiting.is_alive():
        for _ in range(round((time.monotonic() - began) * rate) - sent):
            customer = id_of(choose.randrange(customers))
            producer.produce(topic, record_of(customer), customer)
            sent += 1
        producer.poll(0)
        time.sleep(_ROUND)
    producer.flush(30)
    print(json.dumps({"sent": sent}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
