"""Stories of contacts as text: what was promised, what happened, and what is to be told of it.

An instant is '06-09T14:40' or '06-09T14:40:30': of 2026, in UTC. What is to be told is a line for each transition:

    06-10T08:00 fulfilled late due 06-10T07:40 used 80m by 2,3

when it occurred, its outcome or reason, when the clock was due, how much time it had used, and the events that it rests
on, by their number in the story. Where it is so, the cause and the policy follow: one of another name than the story's,
or another version than the first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

STATUSES = ("new", "open", "pending", "on_hold", "solved", "closed")
_MESSAGES: Mapping[str, dict[str, Any]] = {
    "customer": {"author": "customer"},
    "agent": {"author": "agent", "agent": "mia"},
    "note": {"author": "agent", "agent": "mia", "public": False},
    "bot": {"author": "bot"},
}


class Story(NamedTuple):
    """One contact. `policies`: tables of floorwalker.toml. `events`: 'INSTANT WHAT [FIELD VALUE]...'. `told`: by clock,
    the lines in any order. `queue`, `segment`: of the contact when its clocks are decided."""

    name: str
    policies: tuple[str, ...]
    events: tuple[str, ...]
    told: Mapping[str, tuple[str, ...]]
    queue: str | None = None
    segment: str | None = None
    channel: str = "email"


def promise(story: str, calendar: str = "BER", *, id: str | None = None, **more: Any) -> str:  # noqa: A002
    """A policy for the contact of one story: targets by clock, everything else as it is called in the settings."""
    targets = {name: more.pop(name) for name in list(more) if name.endswith(_ENDINGS)}
    fields = {"id": id or story, "tags": [story], "calendar": calendar, **more}
    said = ", ".join(f"{clock} = {json.dumps(within)}" for clock, within in targets.items())
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join(["[[policies]]", *lines, f"targets = {{ {said} }}", ""])


_ENDINGS = ("_reply", "_update", "_wait", "_work", "_resolution", "_within")


def instant(text: str) -> str:
    """The instant in ISO 8601."""
    return f"2026-{text}{':00' if text.count(':') == 1 else ''}Z"


def events_of(story: Story) -> Iterator[dict[str, Any]]:
    """The canonical events of a story."""
    for number, line in enumerate(story.events, 1):
        at, what, *words = line.split()
        fields = dict(zip(words[::2], words[1::2], strict=True))
        yield {
            "id": f"{story.name}/{number:02}",
            "time": instant(at),
            "contact": story.name,
            "channel": story.channel,
            "source": "desk",
            **_said(what, story),
            **fields,
        }


def _said(what: str, story: Story) -> dict[str, Any]:
    if what in STATUSES:
        return {"type": "contact.status_changed", "status": what}
    if what in _MESSAGES:
        return {"type": "message.posted", **_MESSAGES[what]}
    return {"type": f"contact.{what}"} | ({"tags": [story.name]} if what == "created" else {})


def lines_of(alerts: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """What alerts.sla says and was not taken back, as lines by (contact, clock), sorted."""
    said = list(alerts)
    wrong = {each["corrects"] for each in said if each["transition"] == "corrected"}
    found: dict[tuple[str, str], list[str]] = {}
    for each in said:
        if each["transition"] != "corrected" and each["id"] not in wrong:
            found.setdefault((each["contact"], each["clock"]), []).append(line_of(each))
    return {key: sorted(lines) for key, lines in found.items()}


def line_of(alert: Mapping[str, Any]) -> str:
    """The line of one transition."""
    policy = alert["policy"]
    is_own = (policy["id"], policy["version"]) == (alert["contact"], 1)
    words = (
        *(_short(alert["occurred_at"]), alert["transition"], alert["outcome"] or alert["reason"]),
        *("due", _short(alert["due_at"]), "used", _amount(alert["elapsed"])),
        *("by", ",".join(str(int(event.rpartition("/")[2])) for event in alert["evidence"])),
        *(alert["cause"], None if is_own else f"{policy['id']}:{policy['version']}"),
    )
    return " ".join(word for word in words if word)


def expected(stories: Iterable[Story]) -> dict[tuple[str, str], list[str]]:
    """What is to be told, in the form of `lines_of`."""
    return {(story.name, clock): sorted(lines) for story in stories for clock, lines in story.told.items()}


def _short(at: str) -> str:
    assert at.startswith("2026-"), at
    return at.removeprefix("2026-").removesuffix("Z").removesuffix(":00")


def _amount(seconds: float) -> str:
    return f"{seconds / 60:.0f}m" if seconds % 60 == 0 else f"{seconds:g}s"


def seconds_of(amount: str) -> float:
    """The seconds of an amount of time in a line."""
    return float(amount[:-1]) * (60 if amount.endswith("m") else 1)
