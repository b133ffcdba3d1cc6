"""Contacts to be judged again in the background, because another policy or calendar has come into force."""

from collections import deque
from collections.abc import Iterable, Iterator

AT_ONCE = 50
"""How many contacts are judged again between two looks at the clock, so that the stream goes on meanwhile."""


class Reviews:
    """The open contacts that are still to be judged by what has come into force. `since`: the last instant (ms) from
    which on something else held and for which reviews are planned: who was judged later needs none, who was judged at
    it may have been so before it was heard of.

    >>> reviews = Reviews()
    >>> reviews.plan(["c2", "c1"], 5_000)
    >>> list(reviews.next(1)), list(reviews.next(9)), reviews.since
    (['c1'], ['c2'], 5000)
    """

    __slots__ = ("_left", "since")

    def __init__(self) -> None:
        self._left: deque[str] = deque()
        self.since = 0

    def __len__(self) -> int:
        return len(self._left)

    def plan(self, contacts: Iterable[str], since: int) -> None:
        """All of these anew, in the order of their ids: the same wherever a task goes on."""
        self._left = deque(sorted(contacts))
        self.since = since

    def next(self, limit: int) -> Iterator[str]:
        """The next contacts, `limit` of them at most."""
        for _ in range(min(limit, len(self._left))):
            yield self._left.popleft()
