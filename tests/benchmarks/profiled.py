"""`python -m tests.benchmarks.profiled EVENTS PROFILER...`: the contacts task under a profiler.

The profiler's command line stands before the program that it watches: `py-spy record --gil -o profile.svg --`.
"""

import sys

from tests.benchmarks.contest import one_run, topic_of


def main(events: int, profiler: list[str]) -> None:
    """Run it once, and say how fast it was while it was watched."""
    with topic_of(events, 0, lambda words: print(words, file=sys.stderr)) as job:
        run = one_run("floorwalker", job, profiler)
    print(f"{run.per_second:,.0f} events/s, {run.per_cpu_second:,.0f} events/CPU-s")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
