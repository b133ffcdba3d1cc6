"""The contacts agent beside plain Faust with the same rules, and beside the limit."""

from typing import Any

import msgspec

from tests.benchmarks.runs import Result, Spread

CONTESTANTS = {
    "floorwalker": "this engine, exactly once: changelog, transactions",
    "faust": "plain Faust, same rules, nothing sent, no changelog",
    "faust_sending": "the same, outputs sent",
    "aiokafka_decode": "the limit: aiokafka getmany + decode",
}
"""Name in build/bench.json -> what it is."""


def entry(result: Result) -> dict[str, Any]:
    """What build/bench.json says of one contestant."""
    return {
        "events_per_s": round(result.per_second.median),
        "events_per_cpu_s": round(result.per_cpu_second.median),
        "range": _whole(result.per_second),
        "cpu_range": _whole(result.per_cpu_second),
        "runs": msgspec.to_builtins(result.runs),
    }


def sections(results: dict[str, Result]) -> dict[str, Any]:
    """The sections of build/bench.json; those of the peers and of the limit stand beside ours, under their names."""
    ours = results["floorwalker"]
    peers = {name: result for name, result in results.items() if name != "floorwalker"}
    return {
        "contacts_agent": {
            **entry(ours),
            "ratio": {name: msgspec.to_builtins(ours.times(result)) for name, result in peers.items()},
            "cpu_ratio": {name: msgspec.to_builtins(ours.per_cpu_times(result)) for name, result in peers.items()},
        },
        **{name: entry(result) for name, result in peers.items()},
    }


def _whole(spread: Spread) -> list[int]:
    return [round(spread.least), round(spread.most)]
