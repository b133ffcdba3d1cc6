"""Open contacts with running clocks: what they weigh, what a second without deadlines costs, and a change of policy.

Tickets are opened over an hour and stay open: two source records each (created, the customer's message). Beside them
the same tickets where nothing is promised. One contacts task, its rules alone, encoding of its flushes included.
"""

import gc
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any
from uuid import UUID

from agents.contacts.processor import Contacts
from schemas.envelopes import Envelope, Origin
from schemas.envelopes import encode as encode_envelope
from schemas.events import AnyEvent, ContactCreated, MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import HOUR, SECOND, from_ms
from schemas.policies import (
    POLICY_KEY,
    CalendarTerms,
    ClockName,
    Policies,
    PolicyRecord,
    QueuePolicy,
    SlaPolicy,
    Target,
    encode_policy,
)
from schemas.topics import CONTACTS_EVENTS
from tests.benchmarks.calls import Taken
from tests.benchmarks.chain import CUSTOMER_NAMESPACE, NoOutbox, memory_as_in_service
from tests.benchmarks.memory import rss
from tests.benchmarks.report import grid

OPEN = 100_000
BEGIN = 1_790_580_600_000
"""Monday, 2026-09-28, 06:30 UTC."""

IDLE = 300
"""Seconds without a deadline."""

FLUSH = 2_000
TICK = 50
"""Ms between two looks at the clock."""

_TARGETS: dict[ClockName, float] = {"first_reply": 4.0, "requester_wait": 16.0, "total_resolution": 40.0}
_OFFICE = CalendarTerms(id="office", timezone="Europe/Berlin", hours="Mo-Fr 09:00-17:00", holidays="DE-BE")

Say = Callable[[str], None]


def section(told: Namespace, say: Say) -> dict[str, Any]:
    """Without promises, then with them."""
    memory_as_in_service()
    plain = _filled(Policies(default=QueuePolicy(answer_within=None)), told.open_contacts)
    say(f"nothing promised: {plain['us_per_record']} us a record, {plain['bytes']} bytes a contact")
    policies = Policies(default=QueuePolicy(answer_within=None), sla=(_policy(1, 1.0),), calendars=(_OFFICE,))
    promised = _filled(policies, told.open_contacts)
    contacts = promised.pop("contacts")
    plain.pop("contacts")
    return {"open": told.open_contacts, "plain": plain, "promised": promised, **_afterwards(contacts)}


def table(section: dict[str, Any]) -> list[str]:
    """What they cost."""
    plain, promised = section["plain"], section["promised"]
    return [
        *grid(
            (f"{section['open']:,} open contacts, {len(_TARGETS)} clocks each", "nothing promised", "promised"),
            ("us a source record", plain["us_per_record"], promised["us_per_record"]),
            ("... of the first and last tenth", plain["first_last"], promised["first_last"]),
            ("bytes a contact (RSS)", plain["bytes"], promised["bytes"]),
        ),
        "",
        *grid(
            ("afterwards", ""),
            ("a second without deadlines, us", section["idle_us"]),
            (f"a deadline (of {section['deadlines']:,}), us", section["deadline_us"]),
            ("a change of policy: CPU s for all", section["change_cpu_s"]),
            ("... the longest hold-up of the stream, ms", section["longest_ms"]),
        ),
    ]


def _policy(version: int, factor: float) -> SlaPolicy:
    targets = {clock: Target(target=hours * factor * 3_600, calendar="office") for clock, hours in _TARGETS.items()}
    return SlaPolicy(id="letters", version=version, targets=targets)


def _records(count: int) -> Iterator[Taken]:
    for number in range(count):
        contact, at = contact_id.__wrapped__("desk", number), from_ms(BEGIN + number * HOUR // count)
        head: dict[str, Any] = {
            "time": at,
            "channel": "email",
            "source": "desk",
            "contact": contact,
            "queue": "letters",
        }
        who = (f"mailto:customer-{number}@kunde.example",)
        created = ContactCreated(id=event_id("desk", number, "created"), identifiers=who, **head)
        asked = MessagePosted(id=event_id("desk", number, "asked"), author="customer", identifiers=who, **head)
        events: tuple[AnyEvent, ...] = (created, asked)
        for place, event in enumerate(events):
            offset = 2 * number + place
            value = encode_envelope(Envelope(origin=Origin("channel.email", 0, offset), events=(event,)))
            yield Taken(CONTACTS_EVENTS.name, contact.encode(), value, timestamp=BEGIN + number * HOUR // count)


def _filled(policies: Policies, count: int) -> dict[str, Any]:
    before, out = rss(), NoOutbox()
    contacts = Contacts("contacts-0", policies=policies, namespace=UUID(str(CUSTOMER_NAMESPACE)))
    chunks: list[float] = []
    used, clock = 0.0, 0
    for number, record in enumerate(_records(count), 1):
        began = time.process_time()
        if record.timestamp >= clock + SECOND:
            clock = record.timestamp
            contacts.advance(clock, out)
        contacts.take(record, out)
        if number % FLUSH == 0:
            _flush(contacts, out)
        used += time.process_time() - began
        if number % (count // 5) == 0:
            chunks.append(used / (count // 5) * 1e6)
            used = 0.0
    _flush(contacts, out)
    return {
        "us_per_record": round(median(chunks), 1),
        "first_last": f"{chunks[0]:.1f}, {chunks[-1]:.1f}",
        "bytes": round((rss() - before) / count),
        "contacts": contacts,
    }


def _afterwards(contacts: Contacts) -> dict[str, Any]:
    """The first deadlines come four business hours after nine, less a fifth; until then nothing is due."""
    out, clock = NoOutbox(), BEGIN + HOUR + SECOND
    gc.collect()
    idle = []
    for _ in range(IDLE):
        clock += SECOND
        idle.append(_timed(lambda clock=clock: contacts.advance(clock, out))[1])  # type: ignore[misc]
    record = PolicyRecord(id="letters", versions=(_policy(2, 2.0),))
    contacts.take(Taken(CONTACTS_EVENTS.name, POLICY_KEY, encode_policy(record), timestamp=clock), out)
    used, longest, last = 0.0, 0.0, -1
    while out.sent != last:
        last, clock = out.sent, clock + TICK + SECOND
        wall, cpu = _timed(lambda clock=clock: contacts.advance(clock, out))  # type: ignore[misc]
        used, longest = used + cpu, max(longest, wall)
    _flush(contacts, out)
    before = out.sent
    _, due = _timed(lambda: contacts.advance(BEGIN + 14 * HOUR, out))
    deadlines = out.sent - before
    return {
        "idle_us": round(median(idle) * 1e6, 1),
        "change_cpu_s": round(used, 1),
        "longest_ms": round(longest * 1e3, 1),
        "deadlines": deadlines,
        "deadline_us": round(due / deadlines * 1e6, 1) if deadlines else 0.0,
    }


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _flush(contacts: Contacts, out: NoOutbox) -> None:
    contacts.before_flush(out, ended=False)
    for _ in contacts.changes():
        pass
