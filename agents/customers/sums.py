"""What contacts add up to: in a window, on a day, and of those that are no longer told apart. Durations are ms."""

from collections.abc import Iterable

import msgspec

from agents.customers.contact import Contact
from schemas.instants import DAY

LIFETIME = -1
"""`Sum.day` of what has left every window."""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """Counts and times. `waits`, `handled`: how many contacts had a wait, were handled."""

    contacts: int = 0
    outcomes: dict[str, int] = {}
    waits: int = 0
    total_wait: int = 0
    longest_wait: int = 0
    handled: int = 0
    total_handle: int = 0
    transfers: int = 0
    complaints: int = 0
    messages_in: int = 0
    messages_out: int = 0
    reopened: int = 0

    def begin(self, contact: Contact) -> None:
        """Count what counts by the start of the contact."""
        if not contact.addition:
            self.contacts += 1
            outcomes, outcome = self.outcomes, contact.outcome
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        waited, handled = contact.waited, contact.handled
        if waited is not None:
            self.waits += 1
            self.total_wait += waited
            if waited > self.longest_wait:
                self.longest_wait = waited
        if handled is not None:
            self.handled += 1
            self.total_handle += handled
        if contact.transfers:
            self.transfers += contact.transfers
        if contact.case is not None and contact.case.complaint:
            self.complaints += 1

    def add(self, other: "Counts") -> None:
        """Add what others add up to."""
        self.contacts += other.contacts
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.waits += other.waits
        self.total_wait += other.total_wait
        self.longest_wait = max(self.longest_wait, other.longest_wait)
        self.handled += other.handled
        self.total_handle += other.total_handle
        self.transfers += other.transfers
        self.complaints += other.complaints
        self.messages_in += other.messages_in
        self.messages_out += other.messages_out
        self.reopened += other.reopened


class Sum(msgspec.Struct, array_like=True, gc=False):
    """What happened on one channel, in one queue, on one UTC day (days since the epoch; LIFETIME: ever before).

    It leaves a window whole: `latest`, the last of its instants, is in it or not.
    """

    day: int
    channel: str
    queue: str | None
    latest: int
    counts: Counts


SumKey = tuple[int, str, str | None]


class Sums:
    """Sums by day, channel and queue, to add to."""

    __slots__ = ("_sums",)

    def __init__(self, sums: Iterable[Sum] = ()) -> None:
        self._sums: dict[SumKey, Sum] = {}
        for each in sums:
            self.at(each.day, each.channel, each.queue, each.latest).add(each.counts)

    def at(self, day: int, channel: str, queue: str | None, latest: int) -> Counts:
        """What to add something to that happened at `latest`."""
        key = (day, channel, queue)
        found = self._sums.get(key)
        if found is None:
            found = self._sums[key] = Sum(day, channel, queue, latest, Counts())
        elif latest > found.latest:
            found.latest = latest
        return found.counts

    def fold(self, contact: Contact, day: int | None = None) -> None:
        """Add a contact, each part of it on its own day, or all of it on `day`."""
        case, channel, queue = contact.case, contact.channel, contact.queue

        def on(at: int) -> Counts:
            return self.at(at // DAY if day is None else day, channel, queue, at)

        on(contact.started).begin(contact)
        if case is not None:
            for at in case.messages_in:
                on(at).messages_in += 1
            for at in case.messages_out:
                on(at).messages_out += 1
            for at in case.reopened:
                on(at).reopened += 1

    def sorted(self, most: int) -> tuple[Sum, ...]:
        """All of them, in the order in which they leave a window. Of more than `most`, the queues of the oldest are
        told apart no more."""
        rows = sorted(self._sums.values(), key=_order)
        if len(rows) <= most:
            return tuple(rows)
        for each in rows:
            if len(self._sums) <= most:
                break
            if each.queue is not None:
                del self._sums[each.day, each.channel, each.queue]
                self.at(each.day, each.channel, None, each.latest).add(each.counts)
        return tuple(sorted(self._sums.values(), key=_order))


def _order(each: Sum) -> tuple[int, int, str, str]:
    return each.latest, each.day, each.channel, each.queue or ""
