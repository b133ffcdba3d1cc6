"""What policies and calendars a task has heard of, as state of its own."""

from collections.abc import Iterator

from schemas.policies import Policies, decode_policy
from schemas.policy_book import BookEntry, PolicyBook
from streams.store import Store


class Heard:
    """The book of policies of one task, and its entries in the changelog: one is added for whatever is news.

    `kind`: the byte of its store. `settings`: they hold from the task's first start on, or from the start at which they
    are others than before.
    """

    __slots__ = ("_entries", "_settings", "book")

    def __init__(self, kind: bytes, settings: Policies) -> None:
        self.book = PolicyBook.of(settings)
        self._settings = settings
        self._entries = Store(kind, BookEntry)

    def start(self, clock: int) -> None:
        """The settings hold at the latest from `clock` (ms) on."""
        self.book.hear_settings(self._settings, clock)

    def hear(self, value: bytes, clock: int) -> None:
        """Take a record of the topic policies. Raises one of UNREADABLE, and ValueError for what is no policy."""
        self.book.hear(decode_policy(value), clock)

    def owns(self, key: bytes) -> bool:
        """Whether a changelog key is one of an entry."""
        return self._entries.owns(key)

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The entries that are new since the last call, encoded."""
        for number in range(len(self._entries), len(self.book.entries)):
            self._entries.put(str(number), self.book.entries[number])
        yield from self._entries.changes()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take one changelog record."""
        self._entries.restore(key, value)

    def restored(self, judged: int) -> int:
        """Build the book anew. Returns the last instant up to `judged` (ms, that up to which contacts were judged)
        from which on something else held."""
        entries = self._entries.data
        if entries:
            self.book = PolicyBook([entries[str(number)] for number in range(len(entries))])
        return (0, *self.book.changes(0, judged))[-1]
