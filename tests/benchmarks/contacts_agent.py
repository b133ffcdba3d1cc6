"""The contacts agent beside plain Faust with the same rules, and beside the limit."""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from tests.benchmarks.contest import contest, topic_of
from tests.benchmarks.standings import standings, standings_table

CONTESTANTS = {
    "floorwalker": "this engine, exactly once: changelog, transactions",
    "faust": "plain Faust, same rules, nothing sent, no changelog",
    "faust_sending": "the same, outputs sent",
    "aiokafka_decode": "the limit: aiokafka getmany + decode",
}
"""Name in build/bench.json -> what it is."""


def section(told: Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """Contestants take turns on one topic."""
    with topic_of(told.events, told.slice, say) as job:
        return standings(contest(CONTESTANTS, job, told.repeats, say))


def table(section: dict[str, Any]) -> list[str]:
    """The table, and what each contestant is."""
    return [*standings_table(section), "", *(f"- `{name}`: {CONTESTANTS.get(name, '?')}" for name in section)]
