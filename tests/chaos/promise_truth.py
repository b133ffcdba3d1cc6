"""What is to be stated of every promise in the end, and what was known of it after which record.

    clock, instance, contact, queue, version
    stated      [transition, when it occurred, outcome or reason, due, policy] of all that stands in the end
    known       [{record, breach}]: from this record on it was known to be broken at `breach`; None: not to be broken

Instants in ms since the epoch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.chaos.clock_truth import AT_RISK, Stated, breach_of, stated_of
from tests.chaos.numbers import Leg
from tests.chaos.story import BY_NAME, Event, Stay, Story

ANSWER_WITHIN = "answer_within"

Told = tuple[int, Event]
"""Index of a record, and its event."""


def promises_of(story: Story, legs: Sequence[Leg], told: Sequence[Told], begins_ms: int) -> Iterator[dict[str, Any]]:
    """Every promise that was ever made of a contact, also those that never were, as it turned out."""
    for stay, leg in zip(story.stays, legs, strict=True):
        yield _answer_within(story, stay, leg, told, begins_ms)
    yield from _clocks(story, told, begins_ms)


def _answer_within(story: Story, stay: Stay, leg: Leg, told: Iterable[Told], begins_ms: int) -> dict[str, Any]:
    """The promise that began with a stay in a queue."""
    queue = BY_NAME[leg.queue]
    due, stop = leg.at + queue.target, leg.at + leg.wait
    at_risk = leg.at + round(queue.target * AT_RISK)
    stated: list[tuple[str, int, str | None]] = [("activated", leg.at, None)]
    if stop > at_risk:
        stated.append(("at_risk", at_risk, None))
    if stop > due:
        stated.append(("breached", due, None))
    if leg.outcome == "answered":
        stated.append(("fulfilled", stop, "late" if stop > due else "attained"))
    else:
        stated.append(("lapsed" if stop > due else "cancelled", stop, leg.outcome))
    whole = [[*each, due, queue.policy] for each in stated]
    return _promise(story, ANSWER_WITHIN, stay.offered, leg.queue, whole, _known_of(stay, told, begins_ms))


def _known_of(stay: Stay, told: Iterable[Told], begins_ms: int) -> list[dict[str, Any]]:
    latest: dict[str, Event] = {}
    known: list[dict[str, Any]] = []
    for index, event in _news(told):
        if event.id not in (stay.offered, stay.stopped):
            continue
        latest[event.id] = event
        offered, stopped = latest.get(stay.offered), latest.get(stay.stopped)
        due = None if offered is None else offered.at + BY_NAME[offered.fields["queue"]].target
        kept = due is None or (stopped is not None and stopped.at <= due)
        known.append(_reading(index, None if kept else due, begins_ms))
    return known


def _clocks(story: Story, told: Iterable[Told], begins_ms: int) -> Iterator[dict[str, Any]]:
    """The promises of a ticket."""
    latest: dict[str, Event] = {}
    known: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    stated: dict[tuple[str, str], list[Stated]] = {}
    if any(each.type == "message.posted" for each in story.events):
        for index, event in _news(told):
            latest[event.id] = event
            stated = stated_of(latest.values())
            for key in {**known, **stated}:
                known[key].append(_reading(index, breach_of(stated.get(key, ())), begins_ms))
    for key, readings in known.items():
        whole = [
            [name, begins_ms + at, detail, begins_ms + due, policy]
            for name, at, detail, due, policy in stated.get(key, ())
        ]
        yield _promise(story, *key, None, whole, _changes(readings))


def _promise(
    story: Story, clock: str, instance: str, queue: str | None, stated: list[list[Any]], known: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "contact": story.contact,
        "clock": clock,
        "instance": instance,
        "queue": queue,
        "version": 1,
        "stated": stated,
        "known": known,
    }


def _news(told: Iterable[Told]) -> Iterator[Told]:
    """Those that say something new."""
    revisions: dict[str, int] = {}
    for index, event in told:
        if event.revision > revisions.get(event.id, -1):
            revisions[event.id] = event.revision
            yield index, event


def _reading(record: int, breach: int | None, begins_ms: int) -> dict[str, Any]:
    return {"record": record, "breach": None if breach is None else begins_ms + breach}


def _changes(readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that say something else than the one before."""
    before = [None, *readings[:-1]]
    return [each for was, each in zip(before, readings, strict=True) if was is None or was["breach"] != each["breach"]]
