"""Who is told what because of an alert's record: the rules, each as a claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.notifications import Alert, Evidence, Notify
from streams.outlets.notifier.admission import Earlier, Plan, State, plan

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def alert(
    notify: Notify | None = "trigger", *, due: float | None = 5, updated: float = 0, still: int = 1, **changed: Any
) -> Alert:
    """`still`: how many wait. A promise was broken `due` seconds ago, the record made `updated` seconds ago."""
    fields: dict[str, Any] = {
        "id": "a",
        "sequence": 1,
        "rule": "sla.answer",
        "labels": {},
        "state": "firing",
        "severity": "critical",
        "mode": "live",
        "started_at": ago(10_000),
        "updated_at": ago(updated),
        "summary": "",
        "evidence": Evidence(open=still, total=1, newest_due_at=None if due is None else ago(due)),
        "notify": notify,
    }
    return Alert(**(fields | changed))


def earlier(notify: Notify = "trigger", state: State = "sent", attempts: int = 1, message: str = "m1") -> Earlier:
    return Earlier(message, notify, state, attempts)


def told(record: Alert, *before: Earlier, severities: tuple[str, ...] = ("critical",)) -> Plan | None:
    return plan(record, severities, before, NOW, 900)


UNTRIED = earlier(state="queued", attempts=0)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (alert(), Plan(notify="trigger")),
        (alert(None), None),
        (alert(severity="info"), None),
        (alert(due=930, updated=900), Plan(notify="trigger")),
        (alert(due=931, updated=901), Plan(notify="trigger", dropped="stale")),
        (alert("update", due=931, updated=901), Plan(notify="update", dropped="stale")),
        (alert("repeat", due=4_000, updated=901), Plan(notify="repeat", dropped="stale")),
        # What goes on is not stale, however long it has: after a mute, and where its beginning came too late.
        (alert(due=4_000), Plan(notify="trigger")),
        (alert("update", due=4_000), Plan(notify="update")),
        (alert("repeat", due=4_000), Plan(notify="repeat")),
        # What is over is.
        (alert(due=900, still=0), Plan(notify="trigger")),
        (alert(due=901, still=0), Plan(notify="trigger", dropped="stale")),
        (alert("brief", due=901, still=0), Plan(notify="brief", dropped="stale")),
        # A trend and a silence begin long before they are found.
        (alert(due=None, updated=900), Plan(notify="trigger")),
        (alert(due=None, updated=901), Plan(notify="trigger", dropped="stale")),
        (alert(mode="replay"), Plan(notify="trigger", dropped="replay")),
        (alert("resolve"), None),
        (alert("retract"), None),
        (alert("resolve", mode="replay"), None),
    ],
)
def test_the_first_record_of_an_episode(record: Alert, expected: Plan | None) -> None:
    assert told(record) == expected


@pytest.mark.parametrize(
    ("record", "before", "expected"),
    [
        (alert("resolve"), [earlier()], Plan(notify="resolve")),
        (alert("resolve"), [earlier(state="failed")], Plan(notify="resolve")),
        (alert("resolve"), [earlier(state="sending")], Plan(notify="resolve")),
        (alert("resolve"), [earlier(state="queued", attempts=3)], Plan(notify="resolve")),
        (alert("resolve"), [earlier(state="dropped", attempts=0)], None),
        (alert("retract"), [earlier()], Plan(notify="retract")),
        # However old: whoever was told that it began is told that it ended.
        (alert("resolve", due=50_000, updated=50_000), [earlier()], Plan(notify="resolve")),
        (alert("resolve", severity="info"), [earlier()], Plan(notify="resolve")),
        (alert("resolve"), [UNTRIED], Plan(notify="brief", superseded=("m1",))),
        (alert("retract"), [UNTRIED], Plan(notify="retract", dropped="superseded", superseded=("m1",))),
    ],
)
def test_an_end_follows_what_became_of_its_beginning(
    record: Alert, before: list[Earlier], expected: Plan | None
) -> None:
    assert told(record, *before) == expected


def test_a_resolve_makes_untried_updates_superfluous_but_not_what_was_tried() -> None:
    update = earlier("update", "queued", 0, "m2")
    assert told(alert("resolve"), earlier(), update) == Plan(notify="resolve", superseded=("m2",))


def test_an_update_replaces_an_untried_update_and_never_the_trigger() -> None:
    update = earlier("update", "queued", 0, "m2")
    assert told(alert("update"), UNTRIED, update) == Plan(notify="update", superseded=("m2",))
    assert told(alert("update"), UNTRIED) == Plan(notify="update")


@pytest.mark.parametrize("news", ["update", "repeat"])
def test_who_was_told_hears_of_what_goes_on_by_when_the_record_was_made(news: Notify) -> None:
    assert told(alert(news, due=4_000), earlier()) == Plan(notify=news)
    assert told(alert(news, due=4_000, updated=901), earlier()) == Plan(notify=news, dropped="stale")


@pytest.mark.parametrize("goes_on", ["update", "repeat"])
def test_who_missed_the_beginning_hears_of_what_goes_on(goes_on: Notify) -> None:
    missed = earlier(state="dropped", attempts=0)
    assert told(alert(goes_on, due=4_000), missed) == Plan(notify=goes_on)
    assert told(alert("resolve", due=8_000, still=0), missed, earlier(goes_on)) == Plan(notify="resolve")


def test_who_was_told_hears_of_it_whatever_its_severity_becomes() -> None:
    assert told(alert("update", severity="info"), earlier()) == Plan(notify="update")
    assert told(alert("update", severity="info"), earlier(state="dropped")) is None
