"""Fuzzing by hand: `python -m tests.fuzz --examples 100000 --only slack`; `--number` tries one payload alone."""

from __future__ import annotations

import argparse
import gc
import sys
import time

from tests.fuzz.corpus import corpora, missing
from tests.fuzz.trial import HEADINGS, SHOWN, SLOWEST_MS, Trial


def main() -> int:
    """Exit code: 1 where something was raised, or was too slow."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000, help="payloads for each mapper (100000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same payloads (1)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="this mapper alone; may be repeated"
    )
    parser.add_argument("--number", type=int, help="the payload of this number alone")
    asked = parser.parse_args()
    known = corpora()
    unknown = sorted(set(asked.only) - known.keys())
    if unknown:
        parser.error(f"no mapper {', '.join(unknown)}; there are: {', '.join(known)}")
    trials = [Trial(known[name], asked.seed) for name in asked.only or known]
    # Nothing of what stands here now is garbage: collections are not to count as a mapper's time.
    gc.freeze()
    for trial in trials:
        began = time.monotonic()
        trial.run(asked.number or 0, asked.examples if asked.number is None else 1)
        said = ", ".join(f"{name} {value}" for name, value in zip(HEADINGS[1:], trial.row()[1:], strict=True))
        print(f"{trial.corpus.format}: {time.monotonic() - began:.0f} s; {said}", flush=True)
        for failure in trial.failures[:SHOWN]:
            print(failure, flush=True)
    _report(trials)
    if missing():
        print(f"no valid payload of {', '.join(missing())}: tests/fuzz/corpus.py needs one")
    bad = [trial.corpus.format for trial in trials if not trial.is_good]
    if bad:
        print(f"raised, or slower than {SLOWEST_MS:g} ms at p99.9: {', '.join(bad)}")
    return 1 if bad or missing() else 0


def _report(trials: list[Trial]) -> None:
    rows = [HEADINGS, *(trial.row() for trial in trials)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *cells]))


if __name__ == "__main__":
    sys.exit(main())
