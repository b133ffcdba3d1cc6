"""`floorwalker backtest --compare`: the same past under other promises, side by side."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.acceptance.program import floorwalker

NOON = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)
"""A Tuesday, 14:00 in Berlin."""

DUE = NOON + timedelta(hours=19, minutes=40)
"""An hour of business after 16:40: the next day at 09:40."""

SETTINGS = """
[sla]
id = "calls-{within}"
answer_within = "{within}"

[calendars.office]
hours = "Mo-Fr 09:00-17:00"
timezone = "Europe/Berlin"

[[policies]]
id = "mail"
channels = ["email"]
calendar = "office"
targets = {{ first_reply = "{reply}" }}
"""


def event(kind: str, contact: str, at: datetime, **more: object) -> dict[str, Any]:
    return {
        "type": kind, "id": f"{contact} {kind} {at:%H%M%S}", "time": at.isoformat(), "channel": "phone",
        "source": "desk", "contact": contact, **more,
    }  # fmt: skip


def past() -> list[dict[str, Any]]:
    """Three calls that wait 10, 20 and 45 s; two mails of 16:40 in Berlin, answered when due and 1 s later."""
    found = []
    for number, wait in enumerate((10, 20, 45)):
        call = f"call {number}"
        found.append(event("contact.offered", call, NOON, queue="sales"))
        found.append(event("contact.answered", call, NOON + timedelta(seconds=wait), queue="sales", agent="Ann"))
    for late in (0, 1):
        mail, asked = f"mail {late}", NOON + timedelta(hours=2, minutes=40)
        found.append(event("message.posted", mail, asked, channel="email", author="customer"))
        found.append(event("message.posted", mail, DUE + timedelta(seconds=late), channel="email", author="agent"))
    return sorted(found, key=lambda each: str(each["time"]))


def test_one_past_under_two_settings_is_told_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "past.jsonl").write_text("".join(json.dumps(each) + "\n" for each in past()))
    (tmp_path / "now.toml").write_text(SETTINGS.format(within="20s", reply="1h"))
    (tmp_path / "next.toml").write_text(SETTINGS.format(within="1m", reply="2h"))
    ended = floorwalker(
        "backtest", "past.jsonl", "--format", "canonical", "--config", "now.toml", "--compare", "next.toml",
        "--json", "out.json", "--no-progress", "--partitions", 1, folder=tmp_path,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3_000:]
    out = json.loads((tmp_path / "out.json").read_text())
    calls = {"clock": "answer_within", "cancelled": 0, "open": 0}
    mails = {"policy": "mail", "clock": "first_reply", "cancelled": 0, "open": 0}
    assert out["promises"] == [
        {**calls, "policy": "calls-20s", "met": 2, "breached": 1, "at_risk": 2, "compliance": 2 / 3},
        {**mails, "met": 1, "breached": 1, "at_risk": 2, "compliance": 0.5},
    ]
    assert out["compared"] == {
        "config": "next.toml",
        "promises": [
            {**calls, "policy": "calls-1m", "met": 3, "breached": 0, "at_risk": 0, "compliance": 1.0},
            {**mails, "met": 2, "breached": 0, "at_risk": 0, "compliance": 1.0},
        ],
    }
    [breach] = [each for each in out["alerts"] if each["transition"] == "breached" and each["clock"] == "first_reply"]
    told = {name: breach[name] for name in ("contact", "due_at", "occurred_at", "elapsed", "target", "calendar")}
    assert told == {
        "contact": "mail 1", "due_at": "2026-06-10T07:40:00Z", "occurred_at": "2026-06-10T07:40:00Z",
        "elapsed": 3_600.0, "target": 3_600.0, "calendar": {"id": "office", "version": 1},
    }  # fmt: skip
    lines = [[cell.strip() for cell in line.split("│")] for line in ended.stdout.splitlines()]
    assert [cells[1:-1] for cells in lines if "first_reply" in cells] == [
        ["mail", "first_reply", "now.toml", "1", "1", "0", "0", "2", "50.000%"],
        ["mail", "first_reply", "next.toml", "2", "0", "0", "0", "0", "100.000%"],
    ]
