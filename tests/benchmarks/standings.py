"""What contestants of one job came to, beside each other: a section of build/bench.json and its table."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tests.benchmarks.report import grid, whole
from tests.benchmarks.runs import Result

OURS = "floorwalker"


def entry(result: Result) -> dict[str, Any]:
    """What build/bench.json says of one contestant."""
    return {
        "events_per_s": round(result.per_second.median),
        "events_per_cpu_s": round(result.per_cpu_second.median),
        "range": whole(result.per_second),
        "cpu_range": whole(result.per_cpu_second),
        "runs": msgspec.to_builtins(result.runs),
    }


def standings(results: Mapping[str, Result]) -> dict[str, Any]:
    """Name -> entry. A peer's has `ratio` and `cpu_ratio`: how many times as fast ours is, paired by repetition."""
    ours = results.get(OURS)
    section: dict[str, Any] = {}
    for name, result in results.items():
        section[name] = entry(result)
        if ours is not None and name != OURS:
            section[name]["ratio"] = msgspec.to_builtins(ours.times(result))
            section[name]["cpu_ratio"] = msgspec.to_builtins(ours.per_cpu_times(result))
    return section


def standings_table(section: Mapping[str, Any]) -> list[str]:
    """One row a contestant."""
    rows = [["", "events/s", "range", "events/CPU-s", "ours is, wall", "range", "ours is, CPU"]]
    for name, each in section.items():
        least, most = each["range"]
        row = [f"`{name}`", f"{each['events_per_s']:,}", f"{least:,}-{most:,}", f"{each['events_per_cpu_s']:,}"]
        ratio, cpu = each.get("ratio"), each.get("cpu_ratio")
        if ratio is not None and cpu is not None:
            row += [
                f"{ratio['median']:.2f}x",
                f"{ratio['least']:.2f}-{ratio['most']:.2f}x",
                f"{cpu['median']:.2f}x",
            ]
        rows.append(row)
    return grid(*rows)
