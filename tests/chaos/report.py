"""What rounds amount to: `chaos.json`, a line a round in `chaos.jsonl`, and a summary for people."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos.rounds import Outcome
from tests.chaos.schedule import KINDS

FOUND = ("lost", "doubled", "missed_breaches", "duplicate_breaches", "false_breaches", "late_breaches")
KILLS = ("worker-kill", "worker-kill-in-flush")
BOUNCES = {
    "broker-kill-leader": 1,
    "broker-kill-coordinator": 1,
    "brokers-kill-all": 3,
    "brokers-rolling": 3,
    "disk-full": 1,
}
"""How many brokers each kind stops and starts again."""


def commit() -> str:
    """What is tried: the commit, with '-dirty' where files differ from it; 'unknown' outside a repository."""
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    return done.stdout.strip() or "unknown"


def by_kind(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How often each kind of fault happened."""
    counted = Counter(fault["kind"] for outcome in outcomes for fault in outcome.faults)
    return {kind: counted[kind] for kind in KINDS if counted[kind]}


def line_of(outcome: Outcome, tried: str) -> dict[str, Any]:
    """One round, as a line of `chaos.jsonl`."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": outcome.plan.seed,
        "round": outcome.plan.number,
        "commit": tried,
        "faults": by_kind([outcome]),
        "skipped": sorted(outcome.skipped),
        "passed": outcome.passed,
        **_found([outcome]),
        "slack_ms": None if outcome.verdict is None else outcome.verdict["slack_ms"],
        "complaints": outcome.complaints,
        "broken": outcome.broken,
        "seconds": round(outcome.seconds, 1),
        "drain_seconds": round(outcome.drain_seconds, 1),
    }


def total_of(outcomes: list[Outcome], tried: str) -> dict[str, Any]:
    """All rounds of a run, as `chaos.json`. `failed_seeds`: SEED/ROUND of each round in which anything was found."""
    kinds = by_kind(outcomes)
    return {
        "commit": tried,
        "rounds": len(outcomes),
        "faults": kinds,
        "kills": sum(kinds.get(kind, 0) for kind in KILLS),
        "bounces": sum(kinds.get(kind, 0) * brokers for kind, brokers in BOUNCES.items()),
        **_found(outcomes),
        "complaints": sum(len(each.complaints) for each in outcomes),
        "broken": sum(each.broken is not None for each in outcomes),
        "failed_seeds": [each.plan.name for each in outcomes if not each.passed],
    }


def _found(outcomes: Iterable[Outcome]) -> dict[str, int]:
    verdicts: list[Any] = [each.verdict for each in outcomes if each.verdict is not None]
    return {name: sum(verdict[name] for verdict in verdicts) for name in ("events", *FOUND, "hasty_breaches")}


def summary(outcomes: list[Outcome], total: dict[str, Any], disk: bool, kept: dict[str, Path]) -> str:
    """A few lines to read."""
    times_all = sum(total["faults"].values())
    lines = [
        f"{total['rounds']} round(s), {times_all} faults, {total['events']} events, {total['commit']}",
        *(f"  {kind:26} {times:4}" for kind, times in total["faults"].items()),
        "  " + ", ".join(f"{name.replace('_', ' ')} {total[name]}" for name in (*FOUND, "hasty_breaches")),
    ]
    if not disk:
        lines.append("  disk-full is left out: no disk of limited size could be mounted here (that takes root)")
    for outcome in outcomes:
        if outcome.passed:
            continue
        lines.append(f"round {outcome.plan.name} failed; its folder: {kept[outcome.plan.name]}")
        findings = outcome.verdict["findings"] if outcome.verdict is not None else []
        told = [*([outcome.broken] if outcome.broken else []), *outcome.complaints, *findings]
        lines += [f"  {finding}" for finding in told[:10]]
        if len(told) > 10:
            lines.append(f"  ... and {len(told) - 10} more in verdict.json")
    lines.append("nothing was found" if all(each.passed for each in outcomes) else "FAILED")
    return "\n".join(lines)


def told(outcome: Outcome) -> str:
    """One round that has ended, in a line."""
    found = "passed" if outcome.passed else "FAILED"
    line = (
        f"round {outcome.plan.name} {found} in {outcome.seconds:.0f} s, {outcome.drain_seconds:.0f} s of them to drain"
    )
    slack = None if outcome.verdict is None else outcome.verdict["slack_ms"]
    return line if slack is None else f"{line}; the latest breach {slack} ms before it would be late"


def append(file: Path, line: dict[str, Any]) -> None:
    """Add a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line) + "\n")
