"""When profiles leave: paced after a change, and anew when they cease to be true. Whoever keeps states shares it."""

from collections.abc import Callable, Iterable
from typing import Generic, Protocol, TypeVar

from agents.customers.expiries import Expiries
from agents.customers.failures import Failures
from agents.customers.memory import NEVER, UNSENT, decode_due
from agents.customers.pace import Pace
from streams.caching_store import CachingStore
from streams.processor import Outbox

READY = 4_096
"""States kept ready: those of contacts under way and of the last moments."""


class Due(Protocol):
    """A state that says from which clock on what was told of it is no longer true."""

    due: int


S = TypeVar("S", bound=Due)


class Telling(Generic[S]):
    """States by key, and who is to be told of when.

    `tell` sends what is to be told of a state at a clock and sets its `due`; it returns whether the state is still
    needed. It is called with the flush after the first change, then at most once a second of the task's clock, and when
    a state is due with nothing else happening. Nothing is told before the clock is known.
    """

    __slots__ = ("_expiries", "_pace", "_room", "_tell", "clock", "store")

    def __init__(
        self,
        kind: bytes,
        *,
        encode: Callable[[S], bytes],
        decode: Callable[[str, bytes], S],
        version: int,
        tell: Callable[[str, S, int, Outbox], bool],
    ) -> None:
        self.clock = 0
        self.store: CachingStore[S] = CachingStore(kind, encode=encode, decode=decode, version=version, ready=READY)
        self._tell = tell
        self._pace = Pace()
        # An entry counts only while it is what the state says.
        self._expiries = Expiries()
        self._room = 1_000

    def changed(self, key: str, state: S) -> None:
        """The state is now this one."""
        state.due = -abs(state.due)
        self.store.put(key, state)
        self._pace.changed(key)

    def tell_now(self, key: str, state: S, out: Outbox) -> None:
        """The state is now this one, and what is told of it cannot wait."""
        self.store.put(key, state)
        self._tell_of(key, out)

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock has moved on: tell of what is no longer true, and of who was held back."""
        if clock <= self.clock:
            return
        self.clock = clock
        store = self.store
        for key in self._pace.advance(clock):
            self._tell_of(key, out)
        for key in self._expiries.begun(clock):
            state = store.peek(key)
            if state is not None and state.due != UNSENT and self._expiries.is_near(abs(state.due)):
                self._expiries.add(abs(state.due), key)
        for due, key in self._expiries.due(clock):
            state = store.peek(key)
            if state is None or state.due != due:
                continue
            state.due = UNSENT
            store.put(key, state)
            if self._pace.changed(key):
                self._tell_of(key, out)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Tell what has changed since the last flush; when all input has ended, what was held back as well."""
        if not self.clock and not ended:
            return
        for key in self._pace.ready(all_=ended):
            self._tell_of(key, out)

    def _tell_of(self, key: str, out: Outbox) -> None:
        store = self.store
        state = store.get(key)
        if state is None:
            return
        # An instant that is the same as before has its entry.
        noted = abs(state.due)
        if self._tell(key, state, self.clock, out):
            store.put(key, state)
            if state.due not in (noted, NEVER):
                self._expiries.add(state.due, key)
        else:
            store.delete(key)
        self._pace.told(key, self.clock)

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded (None: forgotten)."""
        yield from self.store.changes()
        # Entries that no longer count pile up under those who change often.
        if len(self._expiries) > self._room:
            self._room = 2 * len(self.store) + 1_000
            if len(self._expiries) > self._room:
                self._schedule_all()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record; those of other stores are passed over."""
        if self.store.owns(key):
            self.store.restore(key, value)

    def restored(self) -> None:
        """The state is complete: what was still to be told is due, the rest when it ceases to be true."""
        self._schedule_all()
        for key, stored in self.store.stored():
            if decode_due(stored) <= UNSENT:
                self._pace.changed(key)

    def _schedule_all(self) -> None:
        self._expiries = Expiries()
        for key, stored in self.store.stored():
            due = abs(decode_due(stored))
            if due not in (UNSENT, NEVER):
                self._expiries.add(due, key)


class Teller(Generic[S]):
    """What a processor that tells of states does beside taking records (see streams.processor)."""

    __slots__ = ("_failures", "_telling")

    def __init__(self, telling: Telling[S], failures: Failures) -> None:
        self._telling = telling
        self._failures = failures

    def __len__(self) -> int:
        """How many states are remembered."""
        return len(self._telling.store)

    def advance(self, clock: int, out: Outbox) -> None:
        """The task's clock has moved on: tell whose profile is no longer true, and who was held back."""
        self._telling.advance(clock, out)

    def before_flush(self, out: Outbox, *, ended: bool) -> None:
        """Tell what has changed since the last flush; when all input has ended, what was held back as well."""
        self._telling.before_flush(out, ended=ended)
        self._failures.flushed()

    def changes(self) -> Iterable[tuple[bytes, bytes | None]]:
        """State changed since the last call, encoded (None: forgotten)."""
        return self._telling.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record; those of other stores are passed over."""
        self._telling.restore(key, value)

    def restored(self) -> None:
        """The state is complete: whoever's profile was still to be sent is due, the others at their next expiry."""
        self._telling.restored()
