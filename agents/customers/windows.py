"""Rolling windows over a customer's contacts, by channel and by queue.

A contact counts in a window of length W while its start is later than clock - W, a message or a reopening while its
own instant is. What is later than the clock counts: it has happened, only not everything before it is known yet.
"""

from bisect import bisect_right
from operator import attrgetter
from typing import NamedTuple

from agents.customers.contact import Contact
from agents.customers.encoded import encoded
from agents.customers.memory import NEVER, Customer
from agents.customers.parts import told as told_of
from agents.customers.parts import window
from agents.customers.sums import Counts, Sum
from schemas.customers import ChannelWindow
from schemas.instants import DAY, HOUR

WINDOWS: tuple[tuple[str, int], ...] = (
    ("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY), ("90d", 90 * DAY),
)  # fmt: skip
"""Name and length (ms), shortest first."""

MOST_TOLD = 100
"""So many queues of each window, those with most contacts: a source may name one for each contact."""

LIFETIME = "lifetime"
"""Name of the window that nothing leaves."""

_EVER = -NEVER
_EMPTY: dict[str, ChannelWindow] = encoded({})
_TIMED = (
    (attrgetter("messages_in"), "messages_in"),
    (attrgetter("messages_out"), "messages_out"),
    (attrgetter("reopened"), "reopened"),
)

Windows = dict[str, dict[str, ChannelWindow]]
"""By name of the window, each of them encoded (agents.customers.encoded)."""


class Rolled(NamedTuple):
    """All windows by channel and by queue (`queues` empty without any); contacts by channel of the longest; contacts
    and complaints of a lifetime; the next clock at which something leaves a window (NEVER: nothing will)."""

    channels: Windows
    queues: Windows
    used: dict[str, int]
    contacts: int
    complaints: int
    due: int


class _Table:
    """What every channel, or every queue, adds up to so far: counts, or its only contact if that is a whole one and was
    no complaint.

    What nothing was added to is not encoded anew.
    """

    __slots__ = ("_parts", "_told")

    def __init__(self) -> None:
        self._parts: dict[str, Counts | Contact] = {}
        self._told: dict[str, ChannelWindow] = {}

    def begin(self, name: str, contact: Contact) -> None:
        """Count what counts by the start of the contact."""
        case = contact.case
        if name not in self._parts and (case is None or not (case.complaint or case.addition)):
            self._parts[name] = contact
        else:
            self.of(name).begin(contact)

    def of(self, name: str) -> Counts:
        """What to add something to."""
        part = self._parts.get(name)
        if isinstance(part, Counts):
            self._told.pop(name, None)
            return part
        counts = self._parts[name] = Counts()
        if part is not None:
            self._told.pop(name, None)
            counts.begin(part)
        return counts

    def told(self) -> dict[str, ChannelWindow]:
        """The window, encoded."""
        told, parts = self._told, self._parts
        if len(parts) > MOST_TOLD:
            return encoded({name: self._told_of(name) for name in self._most()})
        if len(told) < len(parts):
            for name in parts:
                self._told_of(name)
        return encoded(dict(sorted(told.items())) if len(told) > 1 else told)

    def _told_of(self, name: str) -> ChannelWindow:
        found = self._told.get(name)
        if found is None:
            part = self._parts[name]
            found = self._told[name] = window(part) if isinstance(part, Counts) else told_of(part).alone
        return found

    def _most(self) -> list[str]:
        """The names that most was counted of, in the order of the alphabet."""
        contacts = self.contacts()
        return sorted(sorted(self._parts, key=lambda name: (-contacts.get(name, 0), name))[:MOST_TOLD])

    def __bool__(self) -> bool:
        return bool(self._parts)

    def contacts(self) -> dict[str, int]:
        """How many contacts, of those that have any."""
        counted = {}
        for name, part in self._parts.items():
            count = part.contacts if isinstance(part, Counts) else 1
            if count:
                counted[name] = count
        return counted

    def complaints(self) -> int:
        """How many of all were complaints."""
        return sum([part.complaints for part in self._parts.values() if isinstance(part, Counts)])


class _Series:
    """Instants of one kind of one contact; `place`: those before it are in no window yet."""

    __slots__ = ("contact", "field", "instants", "place")

    def __init__(self, contact: Contact, field: str, instants: tuple[int, ...]) -> None:
        self.contact = contact
        self.field = field
        self.instants = instants
        self.place = len(instants)


class _Roll:
    """A pass from the newest to the oldest: each window is the shorter one and what is older.

    `oldest`: the earliest instant counted so far, the next to leave the window (NEVER: there is none). `next`: the
    latest that is not counted yet.
    """

    __slots__ = ("_contacts", "_place", "_series", "_sums", "channels", "next", "oldest", "queues")

    def __init__(self, customer: Customer) -> None:
        self._contacts = customer.contacts
        self._place = len(customer.contacts)
        self._sums = list(customer.sums)
        self._series = [
            _Series(contact, field, instants)
            for contact in customer.contacts
            if contact.case is not None
            for of, field in _TIMED
            if (instants := of(contact.case))
        ]
        self.channels = _Table()
        self.queues = _Table()
        self.oldest = NEVER
        self._look()

    def widen(self, bound: int) -> None:
        """Go on to what is later than `bound`."""
        contacts, sums, place = self._contacts, self._sums, self._place
        channels, queues = self.channels, self.queues
        while place and contacts[place - 1].started > bound:
            place -= 1
            contact = contacts[place]
            channels.begin(contact.channel, contact)
            if contact.queue is not None:
                queues.begin(contact.queue, contact)
            self.oldest = min(self.oldest, contact.started)
        self._place = place
        while sums and sums[-1].latest > bound:
            each = sums.pop()
            self.add(each)
            self.oldest = min(self.oldest, each.latest)
        for series in self._series:
            end = series.place
            if end and series.instants[end - 1] > bound:
                series.place = bisect_right(series.instants, bound, 0, end)
                self._add_series(series, end - series.place)
        self._look()

    def _look(self) -> None:
        contacts, place = self._contacts, self._place
        self.next = contacts[place - 1].started if place else _EVER
        if self._sums:
            self.next = max(self.next, self._sums[-1].latest)
        for series in self._series:
            if series.place:
                self.next = max(self.next, series.instants[series.place - 1])

    def add(self, each: Sum) -> None:
        """Count a sum."""
        self.channels.of(each.channel).add(each.counts)
        if each.queue is not None:
            self.queues.of(each.queue).add(each.counts)

    def _add_series(self, series: _Series, n: int) -> None:
        contact, field = series.contact, series.field
        tallies = [self.channels.of(contact.channel)]
        if contact.queue is not None:
            tallies.append(self.queues.of(contact.queue))
        for counts in tallies:
            setattr(counts, field, getattr(counts, field) + n)
        self.oldest = min(self.oldest, series.instants[series.place])


def roll(customer: Customer, clock: int) -> Rolled:
    """All windows at `clock`."""
    pass_ = _Roll(customer)
    channels: Windows = {}
    queues: Windows = {}
    by_channel = by_queue = _EMPTY
    due = NEVER
    for name, length in WINDOWS:
        if pass_.next > clock - length:
            pass_.widen(clock - length)
            due = min(due, pass_.oldest + length)
            by_channel, by_queue = pass_.channels.told(), pass_.queues.told()
        channels[name], queues[name] = by_channel, by_queue
    used = pass_.channels.contacts()
    if pass_.next > _EVER or customer.earlier:
        pass_.widen(_EVER)
        for each in customer.earlier:
            pass_.add(each)
        by_channel, by_queue = pass_.channels.told(), pass_.queues.told()
    channels[LIFETIME], queues[LIFETIME] = by_channel, by_queue
    every = sum(pass_.channels.contacts().values())
    return Rolled(channels, queues if pass_.queues else {}, used, every, pass_.channels.complaints(), due)
