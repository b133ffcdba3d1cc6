"""From the SIGKILL of one of two workers to the first event that the next owner of its partitions has committed."""

import time
from argparse import Namespace
from asyncio import run
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from schemas.topics import AGENTS_EVENTS, CONTACTS_EVENTS
from streams.kafka import EmbeddedKafka
from streams.topics import ensure_topics
from tests.acceptance.program import Program
from tests.benchmarks.crew import PARTITIONS, crew, wait_ready
from tests.benchmarks.failure import MeasurementFailed
from tests.benchmarks.latency import child
from tests.benchmarks.payloads import PHONE
from tests.benchmarks.progress import Place, Progress
from tests.benchmarks.report import grid

RATE = 500
"""Events offered a second: every partition has something to take at any time."""

KILLS = 5
SETTLE = 4.0
"""Seconds at an even pace before each kill."""

STALLED = 7.0
"""A partition that commits nothing for so long after the kill was the dead worker's: nobody else has it before the
session of 10 s is over (less a heartbeat)."""

POLL = 0.02
LIMIT = 60.0
LONGEST = 60.0
"""Seconds of events for each kill."""

NAMESPACE = "takeover"

Moves = Sequence[tuple[float, Mapping[Place, int]]]
"""(seconds since the kill, what was committed)."""


def section(told: Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Kill one of two as often as told; a new one takes its place each time."""
    with (
        TemporaryDirectory(prefix="floorwalker-bench-") as name,
        EmbeddedKafka(Path(name), notify=say) as kafka,
    ):
        folder = Path(name) / "workers"
        folder.mkdir()
        run(ensure_topics(kafka.bootstrap, NAMESPACE, PARTITIONS))
        topics = {PHONE: PARTITIONS, CONTACTS_EVENTS.name: PARTITIONS, AGENTS_EVENTS.name: PARTITIONS}
        progress = Progress(
            kafka.bootstrap, NAMESPACE, {topic: topics[topic] for topic in (PHONE, CONTACTS_EVENTS.name)}
        )
        with (
            crew(kafka.bootstrap, NAMESPACE, folder, 2) as team,
            child("pacer", kafka.bootstrap, NAMESPACE, RATE, LONGEST * (told.kills + 1), folder / "paced.json"),
        ):
            firsts, lasts = [], []
            for number in range(told.kills):
                wait_ready(team)
                time.sleep(SETTLE)
                moves = _kill(team[number % 2], progress)
                first, last = taken_over(moves)
                say(f"takeover {number + 1}: first event after {first:.1f} s, all partitions after {last:.1f} s")
                firsts.append(first)
                lasts.append(last)
                team[number % 2].start()
    return {
        "first_event_s": [round(each, 2) for each in firsts],
        "all_partitions_s": [round(each, 2) for each in lasts],
        "median_s": round(median(firsts), 2),
        "median_all_s": round(median(lasts), 2),
        "session_s": 10,
    }


def table(section: dict[str, Any]) -> list[str]:
    """Median, least and most."""
    rows = (
        ("first event of a dead worker's partitions", "first_event_s"),
        ("all of its partitions at work", "all_partitions_s"),
    )
    return grid(
        ("SIGKILL of one of two workers, session 10 s", "median s", "least", "most", "n"),
        *(
            (
                name,
                f"{median(section[key]):.1f}",
                f"{min(section[key]):.1f}",
                f"{max(section[key]):.1f}",
                str(len(section[key])),
            )
            for name, key in rows
        ),
    )


def _kill(worker: Program, progress: Progress) -> Moves:
    """Kill it, and look on until every partition has moved that stood still."""
    worker.kill()
    began = time.monotonic()
    moves: list[tuple[float, Mapping[Place, int]]] = []
    while True:
        offsets = progress.committed()
        at = time.monotonic() - began
        moves.append((at, offsets))
        if at > STALLED and not _standing(moves):
            return moves
        if at > LIMIT:
            raise MeasurementFailed(f"not taken over within {LIMIT:.0f} s: {sorted(_standing(moves))}")
        time.sleep(POLL)


def _dead(moves: Moves) -> dict[Place, int]:
    """The partitions that did not move until STALLED, and where they stood. What was under way at the kill counts as
    before it."""
    early = next(offsets for at, offsets in moves if at >= 0.5)
    late = next(offsets for at, offsets in moves if at >= STALLED)
    return {place: offset for place, offset in late.items() if early.get(place) == offset}


def _standing(moves: Moves) -> set[Place]:
    now = moves[-1][1]
    return {place for place, offset in _dead(moves).items() if now.get(place, 0) <= offset}


def taken_over(moves: Moves) -> tuple[float, float]:
    """When the first and the last of the dead worker's partitions had moved again. Raises MeasurementFailed."""
    dead = _dead(moves)
    if not dead:
        raise MeasurementFailed(f"no partition stood still for {STALLED:.0f} s after the kill")
    found = [
        next((at for at, offsets in moves if offsets.get(place, 0) > offset), float("inf"))
        for place, offset in dead.items()
    ]
    return min(found), max(found)
