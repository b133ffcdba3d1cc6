"""A busy floor's queue_log: what a PBX would write, seeded, in the order of time."""

import heapq
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import msgspec

from schemas.events import ContactEvent, ContactWrapupEnded, ContactWrapupStarted
from schemas.ids import contact_id, event_id
from schemas.instants import SECOND, from_ms

SOURCE = "pbx"
QUEUES = tuple(
    f"{line}-{language}" for line in ("sales", "billing", "support", "claims", "retention") for language in ("de", "en")
)
CALLERS = 100_000
AGENTS = 1_500
BEGIN = 1_772_438_400  # 2 March 2026, 08:00 UTC
CALLS_PER_SECOND = 5
MEAN_WAIT = 12.0
"""Seconds; four of five are answered within 20 s then."""

_ABANDONED = 0.1
_MISSED = 0.15
_TRANSFERRED = 0.03


class Said(NamedTuple):
    """One payload: when it was written (ms), the format it is in, its bytes."""

    time: int
    format: str
    payload: bytes


def floor(seed: int = 1, begin: int = BEGIN) -> Iterator[Said]:
    """Payloads without end, about five of a call, thousands of calls under way at a time, from the second `begin` on.

    Asterisk knows no wrap-up, so that of a call comes as canonical events, as from a second tool.
    """
    random = Random(seed)
    coming: list[tuple[int, int, Said]] = []
    number = 0
    for tick in range(1 << 40):
        now = begin * SECOND + tick * SECOND // CALLS_PER_SECOND
        while coming and coming[0][0] <= now:
            yield heapq.heappop(coming)[2]
        for said in _call(random, now // SECOND, tick):
            number += 1
            heapq.heappush(coming, (said.time, number, said))


def _call(random: Random, second: int, number: int) -> Iterator[Said]:
    call = f"pbx1-{second}.{number}"
    caller = f"+4930{1_000_000 + random.randrange(CALLERS)}"
    queue = random.choice(QUEUES)
    yield _line(second, call, queue, "NONE", "ENTERQUEUE", "", caller, "1")
    wait = 1 + int(random.expovariate(1 / MEAN_WAIT))
    if random.random() < _ABANDONED:
        yield _line(second + wait, call, queue, "NONE", "ABANDON", "1", "1", str(wait))
        return
    if random.random() < _MISSED:
        yield _line(second + wait - 1, call, queue, _agent(random), "RINGNOANSWER", "1000")
    agent, talk = _agent(random), 20 + int(random.expovariate(1 / 220))
    second += wait
    yield _line(second, call, queue, agent, "CONNECT", str(wait), call + "1", "2")
    if random.random() < _TRANSFERRED:
        second += talk
        yield _line(second, call, queue, agent, "BLINDTRANSFER", "600", "from-internal", str(wait), str(talk), "1")
        queue, agent, wait = random.choice(QUEUES), _agent(random), 1 + int(random.expovariate(1 / MEAN_WAIT))
        yield _line(second, call, queue, "NONE", "ENTERQUEUE", "", caller, "1")
        second += wait
        yield _line(second, call, queue, agent, "CONNECT", str(wait), call + "2", "2")
    second += talk
    ended = "COMPLETECALLER" if random.random() < 0.6 else "COMPLETEAGENT"
    yield _line(second, call, queue, agent, ended, str(wait), str(talk), "1")
    yield _wrapup(ContactWrapupStarted, second, call, queue, agent)
    second += 5 + int(random.expovariate(1 / 30))
    yield _wrapup(ContactWrapupEnded, second, call, queue, agent)


def _agent(random: Random) -> str:
    return f"PJSIP/{2000 + random.randrange(AGENTS)}"


def _line(second: int, call: str, *fields: str) -> Said:
    return Said(second * SECOND, "asterisk-queue-log", "|".join((str(second), call, *fields)).encode())


def _wrapup(kind: type[ContactEvent], second: int, call: str, queue: str, agent: str) -> Said:
    event = kind(
        id=event_id(SOURCE, call, kind.__name__),
        time=from_ms(second * SECOND),
        channel="phone",
        source=SOURCE,
        queue=queue,
        agent=agent,
        contact=contact_id(SOURCE, call),
    )
    return Said(second * SECOND, "canonical", msgspec.json.encode(event))
