"""`python -m tests.chaos`: rounds of faults, judged. Ends with 1 where anything was found."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.chaos.fleet import FLOORWALKER
from tests.chaos.rounds import Plan
from tests.chaos.run import run
from tests.chaos.schedule import KINDS
from tests.chaos.times import LOAD


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="what all follows from (default 1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first round: SEED/NUMBER repeats one")
    parser.add_argument("--seconds", type=float, default=LOAD, help=f"of load in a round (default {LOAD:.0f})")
    parser.add_argument("--only", default=",".join(KINDS), help="kinds of faults, with commas: " + ", ".join(KINDS))
    parser.add_argument("--mutant", help="run workers with this fault of tests.chaos.mutants built in: to be found")
    parser.add_argument("--build", type=Path, default=Path("build"), help="where results go (default build)")
    said = parser.parse_args(arguments)
    kinds = tuple(kind for kind in said.only.split(",") if kind)
    if unknown := set(kinds) - KINDS.keys():
        parser.error(f"--only: no such fault: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    mutant = (sys.executable, "-m", "tests.chaos.mutants", said.mutant, "worker")
    program = FLOORWALKER if said.mutant is None else mutant
    numbers = range(said.first, said.first + said.rounds)
    plans = [Plan(said.seed, number, said.seconds, kinds, program) for number in numbers]
    outcomes = run(plans, said.build, lambda words: print(words, flush=True))
    return 0 if all(each.passed for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
