"""What must come out of a floor, in closed form: from what its stories say, by none of the service's rules.

The truth of a floor is JSON. Instants are ms since the epoch, durations ms.

    records     how many are published; `counts`: what the pipeline must have counted of them
    failed      index of a record that nobody can read -> why
    outcomes    index of every record -> its contact, None for one that nobody can read
    contacts    id -> how it ended
    customers   id -> what the profile says
    windows     numbers of every scope and window on metrics.live
    identities  who is who: `sets` and `reviews`
    promises    one a clock instance: what is to be stated of it in the end, and what was known when
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.chaos.compliance_truth import compliance_of
from tests.chaos.link_truth import customer_of, said_by, who_is_who
from tests.chaos.numbers import Leg, windows_of
from tests.chaos.promise_truth import promises_of
from tests.chaos.story import Event, Story

if TYPE_CHECKING:
    from tests.chaos.floor import Telling

LAST = 10
"""So many contacts a profile tells one by one."""

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
    said = [word for story in stories.values() for word in map(said_by, story.final().values()) if word is not None]
    identities = who_is_who(said)
    promises = [
        promise for name, story in stories.items() for promise in promises_of(story, legs[name], told[name], begins_ms)
    ]
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
        "customers": _customers(contacts, identities["sets"]),
        "identities": identities,
        "windows": _windows(windows_of([leg for each in legs.values() for leg in each], menus), promises),
        "promises": promises,
    }


def _windows(windows: list[dict[str, Any]], promises: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is said of promises stands beside the numbers of the whole floor, and in windows of each policy."""
    whole = {"channel": None, "queue": None, "kind": "all", "start": None, "end": None}
    by_policy = compliance_of(promises)
    of_all = by_policy.pop(None, {})
    for window in windows:
        if whole.items() <= window.items():
            window["metrics"].update(of_all)
    return [*windows, *({**whole, "policy": policy, "metrics": own} for policy, own in by_policy.items())]


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
    # A ticket is solved, and none of its events says that it ended.
    over = next((each.at for each in final if each.type in ("contact.ended", "contact.left_ivr")), None)
    without = "ended" if over is None else "left_ivr"
    last = legs[-1] if legs else None
    handled = [leg.handled for leg in legs if leg.handled is not None]
    return {
        "customer": customer_of(story.identifier),
        "channel": story.channel,
        "outcome": without if last is None else last.outcome,
        "queue": None if last is None else last.queue,
        "waited": None if last is None else last.wait,
        "handled": sum(handled) if handled else None,
        "started": begins_ms + min(each.at for each in final),
        "ended": None if over is None else begins_ms + over,
        "offers": len(legs),
        "transfers": sum(each.type == "contact.transferred" for each in final),
    }


def _customers(contacts: dict[str, dict[str, Any]], sets: Mapping[str, list[str]]) -> dict[str, Any]:
    """By the smallest id of each customer's identifiers: how many contacts, the sums of each channel, the last contacts
    (newest first), and the ids of all identifiers where there are several."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, contact in contacts.items():
        own = contact["customer"]
        names[sets.get(own, [own])[0]].append(name)
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
        members = sets.get(customer, [])
        found[customer] = {
            "contacts": len(own),
            "channels": channels,
            "last": newest[:LAST],
            "members": members if len(members) > 1 else [],
        }
    return found
