"""Python's garbage collector as a worker needs it: it may hold up a stream for some milliseconds, not for a second.

Streams make millions of short-lived objects and few that refer to themselves, while their state, millions of objects
too, lives on: the default thresholds cost a fifth of the time, and a look at the whole state takes seconds.
"""

import gc
from collections.abc import Mapping

YOUNG, MIDDLE, OLD = 50_000, 2, 1_000
"""Objects before the young ones are looked at; how often that is done before those that were left are looked at once
more; and how often that, before all are."""


def arrange_collector() -> None:
    """Have it look at each object a few times and then no more."""
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    if _let_rest not in gc.callbacks:
        gc.callbacks.append(_let_rest)


def settle() -> None:
    """Look at everything once, and at what is left never again: what a task has restored lives as long as it does."""
    gc.collect()
    gc.freeze()


def _let_rest(phase: str, info: Mapping[str, int]) -> None:
    """What a look at everything has left is state: the next one passes over it."""
    if phase == "stop" and info["generation"] == 2:
        gc.freeze()
