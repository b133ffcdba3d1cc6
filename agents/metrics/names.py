"""Names from outside: how many queues, policies and segments have numbers of their own."""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

from streams.store import Store

NameKind = Literal["queue", "policy", "segment"]

MOST: dict[NameKind, int] = {"queue": 1_000, "policy": 500, "segment": 200}
"""So many of each: a source that puts an id of each customer or contact there must not become a window for each. Of
policy and queue together there are as many as were seen with each other."""


class Names:
    """The names that have numbers of their own: the first MOST of each kind, for ever, so that what was counted under
    a name is taken back under it. State: a name each. `counted` is told with each flush how many facts came with a name
    too many since the last one, by kind."""

    def __init__(self, counted: Callable[[Mapping[str, int]], None] | None = None) -> None:
        self.store: Store[bool] = Store(b"b", bool)
        self._known: dict[NameKind, set[str]] = {kind: set() for kind in get_args(NameKind)}
        self._counted = counted
        self._refused: dict[str, int] = {}

    def own(self, kind: NameKind, name: str | None) -> str | None:
        """The name, or None where there are too many: then it counts where no such name is told."""
        known = self._known[kind]
        if name is None or name in known:
            return name
        if len(known) < MOST[kind]:
            self._add(kind, name)
            return name
        self._refused[kind] = self._refused.get(kind, 0) + 1
        return None

    def tell(self) -> None:
        """Tell of the names too many."""
        if self._counted is not None and self._refused:
            self._counted(self._refused)
        self._refused = {}

    def restored(self, queues: Iterable[str | None]) -> None:
        """Rebuild what is derived. `queues`: those that have numbers already."""
        for key in self.store.data:
            for kind, known in self._known.items():
                if key.startswith(kind):
                    known.add(key[len(kind) + 1 :])
        for queue in queues:
            if queue is not None and queue not in self._known["queue"]:
                self._add("queue", queue)

    def _add(self, kind: NameKind, name: str) -> None:
        self._known[kind].add(name)
        self.store.put(f"{kind} {name}", True)
