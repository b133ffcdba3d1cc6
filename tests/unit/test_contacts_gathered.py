"""What a task gathered between two flushes leaves in records that their topic takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.contacts.gathered import Gathered
from schemas.envelopes import Envelope, Origin
from schemas.partials import AgentNow, Partial, decode

LARGEST = 1_048_588
"""Bytes that a topic takes unless it is told otherwise (max.message.bytes)."""

QUEUE = "a queue with a name as long as anybody would ever give to a queue, in a country that loves them"


def backlog(records: int, queue: str = QUEUE) -> Gathered:
    """Of so many records that say much, all different."""
    gathered = Gathered()
    for n in range(records):
        agent, at = f"agent-{n % 5_000}@centre.example", 1_792_490_400_000 + n
        facts = (("phone", queue, n, "answered", n), 1), (("phone", queue, n, "handled", n), 1)
        gathered.add(facts, [((agent, at, None), 1), ((agent, at, at + n), 1)])
        gathered.add_clocks([(("letters", "first_reply", "phone", queue, None, "open", at), 1)])
        gathered.see([AgentNow(agent, queue, "available", None, at)], [((agent, queue, at, "available"), 1)])
        origin = Origin("channel.phone", 0, n)
        gathered.hear("pbx", Envelope(origin=origin, part=n % 2, parts=2), "accepted")
        gathered.hear("pbx", Envelope(origin=origin), "accepted")
    return gathered


def told(partials: Sequence[Partial]) -> Counter[object]:
    said: Counter[object] = Counter()
    for each in partials:
        assert each.task == "contacts-0"
        for name in ("facts", "calls", "states", "clocks"):
            for key, n in getattr(each, name):
                said[name, key] += n
        for name in ("outcomes", "busy", "sources"):
            for key, n in getattr(each, name).items():
                said[name, key] += n
        said.update(each.agents)
        said.update(each.split)
    return said


def test_a_backlog_fits_in_its_topic_and_nothing_of_it_is_missing_or_said_twice() -> None:
    gathered = backlog(25_000)
    sent = gathered.partials("contacts-0")
    assert sum(map(len, sent)) > 4 * LARGEST
    assert max(map(len, sent)) < LARGEST
    said = told([decode(each) for each in sent])
    assert Counter(key[0] for key in said if isinstance(key, tuple)) == {
        "facts": 50_000,
        "calls": 50_000,
        "states": 25_000,
        "clocks": 25_000,
        "outcomes": 1,
        "sources": 1,
    }
    assert sum(1 for key in said if isinstance(key, AgentNow)) == 5_000
    assert said["outcomes", "accepted"] == 25_000
    assert said["sources", "pbx"] == 37_500
    assert sum(1 for key in said if not isinstance(key, tuple | AgentNow)) == 25_000
    assert gathered.partials("contacts-0") == []


def test_names_of_any_length_fit_as_well() -> None:
    gathered = backlog(100, "q" * 15_000)
    for n in range(100):
        gathered.add_clocks([((f"{'p' * 15_000}{n}", "first_reply", "phone", None, None, "open", n), 1)])
        gathered.hear(f"{'s' * 15_000}{n}", Envelope(origin=Origin("channel.chat", 0, n)), "accepted")
    sent = gathered.partials("contacts-0")
    assert sum(map(len, sent)) > 4 * LARGEST
    assert max(map(len, sent)) < LARGEST
    said = told([decode(each) for each in sent])
    assert Counter(key[0] for key in said if isinstance(key, tuple)) == {
        "facts": 200, "calls": 200, "states": 100, "clocks": 200, "outcomes": 1, "sources": 101,
    }  # fmt: skip


def test_a_flush_in_service_is_one_record() -> None:
    assert len(backlog(100).partials("contacts-0")) == 1
