"""A past for a centre: some days of its queue_log, which end with an empty floor."""

from pathlib import Path

from streams.simulator.centre import Centre
from streams.simulator.plan import Plan
from streams.simulator.truth import Truth

DRAIN = 240.0
"""Seconds before the end from which on nobody calls any more; who is still on the line then hangs up."""


def write_history(path: Path, plan: Plan, *, seed: str, begins: float, ends: float) -> Truth:
    """Write the lines from `begins` to `ends` (seconds since the epoch); returns what happened. Raises OSError."""
    centre = Centre(plan, seed=seed, begins=begins)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(centre.run(max(begins, ends - DRAIN)))
        centre.last_orders()
        file.writelines(centre.run(ends))
        file.writelines(centre.close(ends))
    return centre.truth
