"""Boards as the stream tells them: what tests and the scripted gateway show."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime
from typing import Any

Said = dict[str, Any]

LIMITS = {"beat_ms": 5_000, "lost_after_ms": 120_000, "stale_after_ms": 300_000}
"""Longer than the gateway's: what is silent here is the test."""


def now() -> int:
    return time.time_ns() // 1_000_000


def wave(low: float, high: float, turns: float = 2.0) -> list[float | None]:
    """An hour of values between two."""
    middle, swing = (low + high) / 2, (high - low) / 2
    return [round(middle + swing * math.sin(turns * math.pi * minute / 30 + low), 3) for minute in range(60)]


def tile(id_: str, label: str, kind: str, value: float | None, **more: Any) -> Said:
    units = {"clock": "s", "duration": "s", "ratio": "fraction", "count": "contacts"}
    return {
        "id": id_,
        "metric": "contacts_in_queue",
        "version": 1,
        "label": label,
        "kind": kind,
        "value": value,
        "since": None,
        "reason": None,
        "unit": units[kind],
        "status": "neutral",
        "word": "",
        "target": None,
        "direction": "neutral",
        "note": "",
        "n": None,
        "m": None,
        "window": "now",
        "as_of": now(),
        "series": None,
        **more,
    }


def clock(id_: str, label: str, waited: float | None, **more: Any) -> Said:
    """A waiting clock; nobody waits where `waited` is None."""
    since = None if waited is None else now() - round(waited * 1_000)
    told = {
        "metric": "oldest_waiting",
        "target": 20.0,
        "direction": "lower",
        "since": since,
        "reason": "nobody_waits" if waited is None else None,
        "series": wave(0, 45),
    }
    return tile(id_, label, "clock", waited, **(told | more))


def ratio(id_: str, label: str, n: int, m: int, **more: Any) -> Said:
    told = {
        "metric": "service_level.connect@20",
        "target": 0.8,
        "direction": "higher",
        "n": n,
        "m": m,
        "note": f"{n} of {m}, last 30 min",
        "window": "last 30 min",
        "series": wave(0.62, 0.93),
    }
    return tile(id_, label, "ratio", n / m if m else None, **(told | more))


def count(id_: str, label: str, value: float | None, **more: Any) -> Said:
    return tile(id_, label, "count", value, **({"series": wave(2, 14)} | more))


def floor() -> list[Said]:
    """A page of twelve: every kind, every status that a live board has."""
    bad = {"status": "bad", "word": "OVER 20 s"}
    warn = {"status": "warn", "word": "CLOSE TO 20 s"}
    good = {"status": "good", "word": "ON TARGET"}
    return [
        clock("oldest", "Oldest waiting", 161, note="7 in queue", **bad),
        count(
            "waiting",
            "In queue",
            7,
            note="at 4 queues",
            trend={"state": "open", "since": now() - 900_000, "ratio": 1.6},
        ),
        ratio("level", "Service level", 164, 200, **good),
        ratio(
            "abandoned",
            "Abandoned",
            9,
            140,
            status="warn",
            word="CLOSE TO 8 %",
            target=0.08,
            direction="lower",
            series=wave(0.02, 0.07),
        ),
        count(
            "ready",
            "Agents ready",
            4,
            unit="agents",
            status="warn",
            word="CLOSE TO 5",
            note="minimum 5",
            series=wave(3, 9),
        ),
        count("talking", "Agents on contact", 23, unit="agents", note="of 31 signed in", series=wave(14, 26)),
        count("answered", "Answered", 1284, window="today", note="of 1371 offered", series=wave(900, 1284)),
        tile(
            "asa",
            "Speed of answer",
            "duration",
            47.3,
            window="last 30 min",
            note="mean of 164",
            target=20.0,
            direction="lower",
            series=wave(9, 48),
        ),
        clock("cards", "Cards voice", 161, note="3 in queue", **bad),
        clock("loans", "Loans", 16, note="1 in queue", **warn),
        clock("mortgage", "Mortgage renewals", 8, note="2 in queue", **good),
        clock("travel", "Travel insurance", None, note="0 in queue", **good),
    ]


def quiet_floor() -> list[Said]:
    """Nothing but good."""
    return [{**one, "status": "good", "word": "ON TARGET"} if one["status"] != "neutral" else one for one in floor()]


def problem(id_: str, text: str, severity: str = "critical", **more: Any) -> Said:
    told = {"since": now() - 240_000, "state": "firing", "acknowledged": None, "muted": False}
    return {"id": id_, "severity": severity, "text": text} | told | more


def alert(id_: str, summary: str, **more: Any) -> Said:
    return {
        "id": id_,
        "rule": "sla.answer_within",
        "labels": {"queue": "cards"},
        "state": "firing",
        "severity": "critical",
        "summary": summary,
        "started_at": now() - 240_000,
        "ended_at": None,
        "open": 3,
        "total": 5,
        "acknowledged": None,
        "muted": False,
        "reason": None,
    } | more


def details(line: Said, deliveries: tuple[Said, ...] = (), **evidence: Any) -> Said:
    """What the API says of an alert beside the stream: `line` as the stream has it."""
    record = {
        **line,
        "mode": "live",
        "started_at": instant(line["started_at"]),
        "ended_at": line["ended_at"] and instant(line["ended_at"]),
        "updated_at": instant(now()),
        "acknowledged": None,
        "muted": None,
        "evidence": {"open": line["open"], "total": line["total"], **evidence},
    }
    return {"alert": record, "deliveries": list(deliveries)}


def instant(at: int) -> str:
    """Milliseconds since 1970 as the API says them."""
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat().replace("+00:00", "Z")


CARDS = "Cards voice: 3 past 20 s, oldest 2:41"


def troubled() -> Said:
    """Parts of a snapshot with three problems and four more."""
    return {
        "problems": [
            problem("a-1", CARDS),
            problem(
                "a-2", "Loans: 60 % more calls than usual", "warning", acknowledged={"by": "Dana", "at": now() - 60_000}
            ),
            problem("source:pbx-south", "Source pbx-south is silent", "warning"),
        ],
        "more_problems": 4,
        "alerts": [
            alert("a-1", CARDS),
            alert("a-2", "Loans: 60 % more calls than usual", severity="warning", rule="arrivals.high"),
        ],
    }


def hello(**more: Any) -> Said:
    return {
        "schema": 1,
        "server_time": now(),
        "mode": "live",
        "build": "0.1.0-1a2b3c4d",
        "role": "lead",
        "board": {"id": "floor", "title": "Customer service floor", "timezone": "Europe/Berlin"},
        "limits": LIMITS,
    } | more


def state_of(**more: Any) -> Said:
    """What snapshot, delta and beat say of the data."""
    return {"seq": 0, "server_time": now(), "watermark": now() - 900, "state": "live", "lag": 0.9} | more


def snapshot(tiles: list[Said] | None = None, pages: list[list[Said]] | None = None, **more: Any) -> Said:
    sheets = pages if pages is not None else [tiles if tiles is not None else floor()]
    titled = [{"title": f"Page {place}", "tiles": sheet} for place, sheet in enumerate(sheets, 1)]
    told = {
        "sources": [{"name": "pbx", "last_seen": now(), "silent_since": None}],
        "problems": [],
        "more_problems": 0,
        "alerts": [],
    }
    return state_of(pages=titled, **(told | more))


def delta(*tiles: Said, **more: Any) -> Said:
    return state_of(tiles={one["id"]: one for one in tiles}, **more)


def beat(**more: Any) -> Said:
    return state_of(sources=[], **more)
