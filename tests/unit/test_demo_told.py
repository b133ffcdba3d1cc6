"""What the demo says on the terminal of alerts: who is told now, on the wallboard's clock, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agents.cli.demo.told import line_of
from schemas import notifications
from schemas.instants import to_ms
from schemas.notifications import Alert, Evidence

NOW = datetime(2026, 7, 1, 8, 30, 15, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def alert(**changed: Any) -> Alert:
    fields: dict[str, Any] = {
        "id": "a",
        "sequence": 1,
        "rule": "sla.answer_within",
        "labels": {"queue": "support"},
        "state": "firing",
        "severity": "critical",
        "mode": "live",
        "started_at": NOW,
        "updated_at": NOW,
        "summary": "Support: 2 callers wait",
        "evidence": Evidence(open=2, total=2),
        "notify": "trigger",
    }
    return Alert(**(fields | changed))


def said(record: Alert, since: datetime = NOW) -> str | None:
    return line_of(notifications.encode(record), to_ms(since), BERLIN)


def test_a_line_has_the_time_of_the_wallboard_what_is_done_and_the_summary() -> None:
    assert said(alert()) == "10:30:15  alert: [critical] Support: 2 callers wait"
    assert said(alert(notify="resolve")) == "10:30:15  alert ended: [critical] Support: 2 callers wait"


@pytest.mark.parametrize("changed", [{"notify": None}, {"mode": "replay"}])
def test_what_nobody_is_told_of_is_not_said(changed: dict[str, Any]) -> None:
    assert said(alert(**changed)) is None


def test_what_was_told_before_the_demo_went_live_is_not_said() -> None:
    assert said(alert(), NOW.replace(second=16)) is None


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b'{"kind": "of a newer version"}'])
def test_what_cannot_be_read_is_not_said(value: bytes | None) -> None:
    assert line_of(value, 0, BERLIN) is None
