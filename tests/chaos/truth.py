"""What must come out of a floor, in closed form: from what its stories say, by none of the service's rules.

The truth of a floor is JSON. Instants are ms since the epoch, durations ms.

    records     how many are published; `counts`: what the pipeline must have counted of them
    failed      index of a record that nobody can read -> why
    outcomes    index of every record -> its contact, None for one that nobody can read
    contacts    id -> how it ended
    customers   id -> what the profile says
    windows     numbers of every scope and window on metrics.live
    promises    one a stay in a queue: what is to be stated of it in the end, and what was known when
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from tests.chaos.contract import CUSTOMER_NAMESPACE
from tests.chaos.numbers import Leg, windows_of
from tests.chaos.story import BY_NAME, Event, Stay, Story

if TYPE_CHECKING:
    from tests.chaos.floor import Telling

LAST = 10
"""So many contacts a profile tells one by one."""

AT_RISK = 0.8

Told = tuple[int, Event]
"""Index of a record, and its event."""


def truth_of(tellings: Sequence[Telling], begins_ms: int) -> dict[str, Any]:
    """The truth of a floor that begins at `begins_ms`."""
    told: dict[str, list[Told]] = defaultdict(list)
    stories: dict[str, Story] = {}
    failed: dict[str, str | None] = {}
    for index, each in enumerate(tellings):
        if each.story is None or each.event is None:
            failed[str(index)] = each.reason
        else:
            told[each.key].append((index, each.event))
            stories[each.key] = each.story
    accepted = sum(_news(events) for events in told.values())
    legs = {name: _legs(story, begins_ms) for name, story in stories.items()}
    contacts = {name: _contact(story, legs[name], begins_ms) for name, story in stories.items()}
    menus = [(each["channel"], each["ended"]) for each in contacts.values() if each["outcome"] == "left_ivr"]
    return {
        "begins_ms": begins_ms,
        "records": len(tellings),
        "counts": {
            "read": len(tellings),
            "accepted": accepted,
            "ignored": 0,
            "failed": len(failed),
            "duplicates": len(tellings) - accepted - len(failed),
        },
        "failed": failed,
        "outcomes": [None if each.story is None else each.key for each in tellings],
        "contacts": contacts,
        "customers": _customers(contacts),
        "windows": windows_of([leg for each in legs.values() for leg in each], menus),
        "promises": [
            _promise(story, stay, leg, told[name], begins_ms)
            for name, story in stories.items()
            for stay, leg in zip(story.stays, legs[name], strict=True)
        ],
    }


def _news(events: Iterable[Told]) -> int:
    """How many of them say something new: an id for the first time, or with a higher revision than before."""
    revisions: dict[str, int] = {}
    news = 0
    for _, event in events:
        if event.revision > revisions.get(event.id, -1):
            revisions[event.id] = event.revision
            news += 1
    return news


def _legs(story: Story, begins_ms: int) -> list[Leg]:
    """What became of each stay in a queue, by the last that was said of its events."""
    final = story.final()
    legs = []
    for stay in story.stays:
        offered, stopped = final[stay.offered], final[stay.stopped]
        answered = stopped.type == "contact.answered"
        completed = final[stay.completed] if answered and stay.completed else None
        handled = None
        if completed is not None:
            measured = completed.fields.get("handled")
            handled = completed.at - stopped.at if measured is None else round(measured * 1_000)
        legs.append(
            Leg(
                channel=story.channel,
                queue=offered.fields["queue"],
                at=begins_ms + offered.at,
                outcome="answered" if answered else stopped.fields.get("reason", "abandoned"),
                wait=stopped.at - offered.at,
                handled=handled,
            )
        )
    return legs


def _contact(story: Story, legs: Sequence[Leg], begins_ms: int) -> dict[str, Any]:
    final = story.final().values()
    over = next(each for each in final if each.type in ("contact.ended", "contact.left_ivr"))
    last = legs[-1] if legs else None
    handled = [leg.handled for leg in legs if leg.handled is not None]
    return {
        "customer": str(uuid5(UUID(CUSTOMER_NAMESPACE), story.identifier)),
        "channel": story.channel,
        "outcome": "left_ivr" if last is None else last.outcome,
        "queue": None if last is None else last.queue,
        "waited": None if last is None else last.wait,
        "handled": sum(handled) if handled else None,
        "started": begins_ms + min(each.at for each in final),
        "ended": begins_ms + over.at,
        "offers": len(legs),
        "transfers": sum(each.type == "contact.transferred" for each in final),
    }


def _customers(contacts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """By customer: how many contacts, the sums of each channel, and the last contacts, newest first."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, contact in contacts.items():
        names[contact["customer"]].append(name)
    found: dict[str, Any] = {}
    for customer, own in names.items():
        channels: dict[str, dict[str, Any]] = {}
        for name in own:
            contact = contacts[name]
            sums = channels.setdefault(
                contact["channel"], {"contacts": 0, "outcomes": {}, "waits": 0, "total_wait": 0, "longest_wait": None}
            )
            sums["contacts"] += 1
            sums["outcomes"][contact["outcome"]] = sums["outcomes"].get(contact["outcome"], 0) + 1
            if contact["waited"] is not None:
                sums["waits"] += 1
                sums["total_wait"] += contact["waited"]
                sums["longest_wait"] = max(sums["longest_wait"] or 0, contact["waited"])
        newest = sorted(own, key=lambda name: (contacts[name]["started"], name), reverse=True)
        found[customer] = {"contacts": len(own), "channels": channels, "last": newest[:LAST]}
    return found


def _promise(story: Story, stay: Stay, leg: Leg, told: Iterable[Told], begins_ms: int) -> dict[str, Any]:
    """What is stated in the end of the promise that began with a stay, and `known`: what was known after which record.

    A reading of `known`: `record` (index), `due` (None: nobody knew of the offer yet), `stop` (when the wait ended;
    None: it went on).
    """
    queue = BY_NAME[leg.queue]
    due, stop = leg.at + queue.target, leg.at + leg.wait
    at_risk = leg.at + round(queue.target * AT_RISK)
    stated: list[list[Any]] = []
    if stop > at_risk:
        stated.append(["at_risk", at_risk, None])
    if stop > due:
        stated.append(["breached", due, None])
    if leg.outcome == "answered":
        stated.append(["fulfilled", stop, "late" if stop > due else "attained"])
    else:
        stated.append(["lapsed" if stop > due else "cancelled", stop, leg.outcome])
    return {
        "contact": story.contact,
        "instance": stay.offered,
        "channel": leg.channel,
        "queue": leg.queue,
        "policy": queue.policy,
        "version": 1,
        "due": due,
        "stated": stated,
        "known": _known(stay, told, begins_ms),
    }


def _known(stay: Stay, told: Iterable[Told], begins_ms: int) -> list[dict[str, Any]]:
    latest: dict[str, Event] = {}
    known: list[dict[str, Any]] = []
    for index, event in told:
        if event.id not in (stay.offered, stay.stopped):
            continue
        before = latest.get(event.id)
        if before is not None and event.revision <= before.revision:
            continue
        latest[event.id] = event
        offered, stopped = latest.get(stay.offered), latest.get(stay.stopped)
        known.append(
            {
                "record": index,
                "due": None if offered is None else begins_ms + offered.at + BY_NAME[offered.fields["queue"]].target,
                "stop": None if stopped is None else begins_ms + stopped.at,
            }
        )
    return known
