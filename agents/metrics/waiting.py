"""Waiting: who is in a queue now, by the instant of the offer."""

from bisect import bisect_left, insort
from typing import NamedTuple

from agents.metrics.scopes import Leaf, Scope, cell_key, parse_cell_key, scopes_of
from schemas.instants import MINUTE
from streams.store import Store


class QueueNow(NamedTuple):
    """A scope's queue as of `clock`; all instants are offers, ms, oldest first.

    `instants`: everybody who waits. `cohort`: those of them who were offered within the window at hand.
    """

    clock: int
    instants: list[int]
    cohort: list[int]


class Waiting:
    """Open offers of every scope. State: one entry a minute of offers, gone when nobody of it waits any more."""

    def __init__(self) -> None:
        self.store: Store[dict[int, int]] = Store(b"w", dict[int, int])
        self._instants: dict[Scope, list[int]] = {}

    def add(self, leaf: Leaf, instant: int, n: int) -> None:
        """Take a signed fact: `n` offers of `instant` (ms) began to wait, or no longer do."""
        key = cell_key(instant // MINUTE, leaf)
        offers = self.store.get(key)
        if offers is None:
            offers = {}
        before = offers.get(instant, 0)
        after = before + n
        if after:
            offers[instant] = after
        else:
            offers.pop(instant, None)
        if offers:
            self.store.put(key, offers)
        else:
            self.store.delete(key)
        # Facts may come in any order: one that ends a wait before it began leaves a debt, not a negative queue.
        self._change(leaf, instant, max(after, 0) - max(before, 0))

    def scopes(self) -> list[Scope]:
        """The scopes in which somebody waits."""
        return list(self._instants)

    def now(self, scope: Scope, clock: int, since: int | None) -> QueueNow:
        """The queue of a scope as of `clock`; the cohort is of the offers from `since` on (None: all)."""
        instants = self._instants.get(scope, [])
        cohort = instants if since is None else instants[bisect_left(instants, since) :]
        return QueueNow(clock, instants, cohort)

    def restored(self) -> None:
        """Rebuild the order of who waits."""
        for key, offers in self.store.data.items():
            leaf = parse_cell_key(key)[1]
            for instant, n in offers.items():
                self._change(leaf, instant, max(n, 0))

    def _change(self, leaf: Leaf, instant: int, n: int) -> None:
        if not n:
            return
        for scope in scopes_of(leaf):
            instants = self._instants.setdefault(scope, [])
            for _ in range(n):
                insort(instants, instant)
            if n < 0:
                at = bisect_left(instants, instant)
                del instants[at : at - n]
            if not instants:
                del self._instants[scope]
