"""`python -m tests.benchmarks.profiled JOB EVENTS PROFILER...`: the engine under a profiler. JOB: contacts_agent or
customers_job.

The profiler's command line stands before the program that it watches: `py-spy record --gil -o profile.svg --`.
"""

import sys

from tests.benchmarks import customers_job
from tests.benchmarks.contest import one_run, topic_of
from tests.benchmarks.customers.entries import ENTRIES
from tests.benchmarks.runs import Run
from tests.benchmarks.standings import OURS

SECONDS = 600.0


def main(job: str, events: int, profiler: list[str]) -> int:
    """Run it once, and say how fast it was while it was watched."""
    if job == "contacts_agent":
        with topic_of(events, SECONDS, _say) as told:
            run = one_run(OURS, told, profiler)
    elif job == "customers_job":
        run = _customers_job(events, profiler)
    else:
        _say(f"no job {job!r}: there are contacts_agent and customers_job")
        return 2
    print(f"{run.per_second:,.0f} events/s, {run.per_cpu_second:,.0f} events/CPU-s")
    return 0


def _customers_job(events: int, profiler: list[str]) -> Run:
    with customers_job.topic_of(events, SECONDS, _say) as (told, written):
        return customers_job.one_run(OURS, [*profiler, *ENTRIES[OURS].command(_say)], told, written)


def _say(words: str) -> None:
    print(words, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
