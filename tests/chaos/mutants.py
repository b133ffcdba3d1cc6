"""Workers with one fault built in: what the judge must find.

`python -m tests.chaos.mutants MUTANT worker ...` is `floorwalker worker ...` but for that fault.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterable
from copy import copy
from typing import Any
from uuid import uuid4

from agents.cli import main
from agents.contacts import runs
from agents.contacts.deadlines import Deadlines
from agents.contacts.processor import Contacts
from agents.registry.words import Words
from schemas.identities import Statement
from streams.engine import task
from streams.engine.writer import POSITIONS_KEY, Flush, Writer
from streams.processor import Outbox, Output, Record

Mutate = Callable[[], None]

LATER = 0.4
"""Seconds between what was worked out and the positions, where these do not leave together."""


def positions_apart() -> None:
    """State and outputs leave in one transaction, the positions that they stand for in another, a little later."""
    _send_in_two(positions_first=False)


def positions_before() -> None:
    """The positions leave in a transaction of their own, what they stand for in another, a little later."""
    _send_in_two(positions_first=True)


def no_fence() -> None:
    """Every process has transactional ids of its own: the next owner of a partition fences nobody."""
    process = uuid4().hex

    class Unfenced(Writer):
        """A writer whose id says which process it is of."""

        def __init__(self, *, transactional_id: str, **others: Any) -> None:
            super().__init__(transactional_id=f"{transactional_id}-{process}", **others)

    task.Writer = Unfenced  # type: ignore[attr-defined]


def no_dedupe() -> None:
    """An event that comes twice is another event the second time."""
    take = Contacts.take
    known: set[tuple[str, int]] = set()

    def take_all(self: Contacts, record: Record, out: Outbox) -> None:
        said = json.loads(record.value or b"null")
        for event in said.get("events", ()):
            name = (event["id"], event.get("revision", 0))
            if name in known:
                event["id"] = str(uuid4())
            known.add(name)
        take(self, _with(record, json.dumps(said).encode()), out)

    Contacts.take = take_all  # type: ignore[method-assign]


def no_deadlines() -> None:
    """Who takes a partition over forgets whom it promised what by when."""
    restored = Contacts.restored

    def restored_without(self: Contacts) -> None:
        restored(self)
        self._deadlines = Deadlines()

    Contacts.restored = restored_without  # type: ignore[method-assign]


def no_pauses() -> None:
    """A clock runs on while the status says that it pauses."""

    def run_on(self: runs._Instance, at: int, event: str) -> None:
        """Nothing happens."""

    runs._Instance.pause = run_on  # type: ignore[method-assign]


def no_partings() -> None:
    """Who was linked once stays so, whatever is said afterwards."""
    hear = Words.hear

    def hear_links(self: Words, statement: Statement) -> Iterable[bytes]:
        return () if statement.kind == "unlinked" else hear(self, statement)

    Words.hear = hear_links  # type: ignore[method-assign]


MUTANTS: dict[str, Mutate] = {
    mutate.__name__: mutate
    for mutate in (positions_apart, positions_before, no_fence, no_dedupe, no_deadlines, no_pauses, no_partings)
}


def _send_in_two(*, positions_first: bool) -> None:
    send = Writer.send
    former: dict[Writer, tuple[bytes, bytes | None]] = {}

    async def send_in_two(self: Writer, flush: Flush, changelog: tuple[str, int]) -> None:
        positions = next(change for change in flush.changes if change[0] == POSITIONS_KEY)
        # Nothing stands before the first positions: what has none yet is sent whole.
        before = former.get(self)
        if before is None:
            await send(self, flush, changelog)
        else:
            rest = [change for change in flush.changes if change is not positions]
            place = positions if positions_first else before
            halves = [_half(flush, flush.outputs, [*rest, place]), _half(flush, [], [positions])]
            for half in reversed(halves) if positions_first else halves:
                await send(self, half, changelog)
                await asyncio.sleep(LATER)
        former[self] = positions

    Writer.send = send_in_two  # type: ignore[method-assign]


def _half(flush: Flush, outputs: list[Output], changes: list[tuple[bytes, bytes | None]]) -> Flush:
    half = copy(flush)
    half.outputs, half.changes = outputs, changes
    return half


class _Changed:
    """A record with another value."""

    def __init__(self, record: Record, value: bytes) -> None:
        self._record = record
        self.value = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


def _with(record: Record, value: bytes) -> Any:
    return _Changed(record, value)


def mutate_and_run(arguments: list[str]) -> None:
    """Build the fault in, then run what is asked for. Raises SystemExit."""
    if len(arguments) < 2 or arguments[0] not in MUTANTS:
        raise SystemExit(f"usage: python -m tests.chaos.mutants {{{','.join(MUTANTS)}}} worker ...")
    MUTANTS[arguments[0]]()
    sys.argv = ["floorwalker", *arguments[1:]]
    main()


if __name__ == "__main__":
    mutate_and_run(sys.argv[1:])
