"""Board: the windows of every scope, kept up with the panes and with the clock."""

from collections.abc import Collection, Iterable, Iterator
from heapq import heappop, heappush

from agents.metrics.panes import DAYS_KEPT, Panes
from agents.metrics.progress import Unsent
from agents.metrics.scopes import Scope, scopes_of
from agents.metrics.staffing import Spent
from agents.metrics.tally import Tally
from agents.metrics.windows import ALL, LONGEST_ROLLING, ROLLING, Calendar, Span
from schemas import live
from schemas.instants import DAY, HOUR, MINUTE, SECOND

HOT_MS = HOUR
"""How long after its end the window of a queue stays in memory; a later fact makes it anew from the panes."""

_LIVE = (ALL, *(span for span, _ in ROLLING))

Name = tuple[bytes, live.Scope, live.Window]
"""Key, scope and window of a record."""


WINDOW_EVERY_MS = 250
"""One window is sent at most so often, except when it ends."""

PROMISED_EVERY_MS = SECOND
"""The same where there is no other news than of promises and surveys: they take their time."""

PAIRED_EVERY_MS = 5 * SECOND
"""The same of a policy in a queue, of which there may be many."""


class Entry:
    """One scope and window: its tally, and when it was last sent (by the pace of sending, and by the clock).

    `built`: the round of changes in which it was made from the panes. `name`:
    as the publisher has it. `spent`: the agents' time, once it is folded and no longer to be had. `unsent`: its name
    for the state.
    """

    __slots__ = ("built", "name", "scope", "sent_clock", "sent_pace", "span", "spent", "tally", "unsent")

    def __init__(self, scope: Scope, span: Span, tally: Tally, built: int) -> None:
        self.scope = scope
        self.span = span
        self.tally = tally
        self.built = built
        self.unsent = Unsent(scope.channel, scope.queue, *span, scope.policy, scope.segment)
        self.sent_pace: int | None = None
        self.sent_clock: int | None = None
        self.name: Name | None = None
        self.spent: Spent | None = None


class Board:
    """All windows that are of interest, and which of them have news (`dirty`; after which pause at least it is sent in
    ms, None: as usual).

    Derived from the panes throughout: windows are made when first touched and kept up by what changes. Rolling
    windows take the minute that begins and give back the one that leaves, so none is ever summed anew.
    """

    def __init__(self, panes: Panes, calendar: Calendar) -> None:
        self.dirty: dict[Entry, int | None] = {}
        self.clock: int | None = None
        self.offered: Collection[Scope] = panes.scopes
        self._panes = panes
        self._calendar = calendar
        self._round = 0
        self._entries: dict[Span, dict[Scope, Entry]] = {}
        self._closing: list[tuple[int, Span]] = []

    def settle(self) -> None:
        """Bring every window up to the panes; what changed has news."""
        deltas = self._panes.take_deltas()
        if not deltas:
            return
        self._round += 1
        for (leaf, minute), delta in deltas.items():
            scopes = scopes_of(leaf)
            spans: list[Span] = [ALL]
            if not delta.late:
                spans += self._calendar.spans(minute)
                spans += self._rolling(minute)
            elif self._panes.knows_day(day := self._calendar.spans(minute)[3]):
                spans.append(day)
            for span in spans:
                entries = self._of(span)
                for scope in scopes:
                    entry = entries.get(scope)
                    if entry is None:
                        entry = self._open(scope, span)
                    elif entry.built != self._round:
                        entry.tally.apply(delta)
                    self.dirty[entry] = None

    def advance(self, clock: int) -> None:
        """Move the clock: rolling windows roll, windows that have ended are sent once more. Settle first."""
        before, self.clock = self.clock, clock
        minute = clock // MINUTE
        if before is None:
            self._round += 1
            for leaf, panes in self._panes.leaves.items():
                recent = any(at in panes for at in range(minute - LONGEST_ROLLING, minute + 1))
                # 'all' may have been sent before there was a clock: without what is as of the clock.
                self.touch(scopes_of(leaf), live_spans(clock) if recent else [ALL])
            self.dirty.update(dict.fromkeys(self._of(ALL).values()))
        elif minute != before // MINUTE:
            self._roll(before // MINUTE, minute)
        while self._closing and self._closing[0][0] <= clock:
            span = heappop(self._closing)[1]
            for entry in self._entries[span].values():
                entry.sent_pace = None
                self.dirty[entry] = None

    def touch(self, scopes: Iterable[Scope], spans: Iterable[Span]) -> None:
        """There is news of windows that no fact says (who waits, agents). Settle first."""
        self.dirty.update(dict.fromkeys(self.follow(scopes, spans)))

    def touch_promised(self, scopes: Iterable[Scope], spans: Iterable[Span]) -> None:
        """The same of promises and surveys. Settle first."""
        dirty = self.dirty
        for entry in self.follow(scopes, spans):
            dirty.setdefault(entry, PAIRED_EVERY_MS if entry.scope.is_pair else PROMISED_EVERY_MS)

    def follow(self, scopes: Iterable[Scope], spans: Iterable[Span]) -> list[Entry]:
        """Keep up these windows from now on. Settle first."""
        scopes = tuple(scopes)
        found: list[Entry] = []
        for span in spans:
            entries = self._of(span)
            found.extend([entries.get(scope) or self._open(scope, span) for scope in scopes])
        return found

    def as_of_clock(self, scope: Scope) -> Iterator[Entry]:
        """The windows of a scope that are as of the clock. Settle first."""
        return self.entries(scope, live_spans(self.clock))

    def entries(self, scope: Scope, spans: Iterable[Span]) -> Iterator[Entry]:
        """These windows of a scope. Settle first."""
        for span in spans:
            yield self._of(span).get(scope) or self._open(scope, span)

    def has(self, scope: Scope, span: Span) -> bool:
        """Whether a window of a scope is kept up."""
        return scope in self._entries.get(span, ())

    def over(self, start: int, end: int) -> dict[Span, None]:
        """The windows between two instants (ms) that can be told anew, and those that are as of the clock.

        Of a time longer than DAYS_KEPT days, those of the last days.
        """
        spans: dict[Span, None] = dict.fromkeys(live_spans(self.clock))
        minute, last = max(start, end - DAYS_KEPT * DAY) // MINUTE, max(start, end - 1) // MINUTE
        while minute <= last:
            found = self._calendar.spans(minute)
            if not self._panes.is_final(minute):
                spans.update(dict.fromkeys(found))
            elif self._panes.knows_day(found[3]):
                spans[found[3]] = None
            minute = found[0].minutes.stop
        return spans

    def minutes(self, span: Span) -> range:
        """The minutes of a window as of the clock ('all': none are named)."""
        for rolling, size in ROLLING:
            if span == rolling:
                now = (self.clock or 0) // MINUTE
                return range(now - size, now + 1)
        return span.minutes

    def longest(self, entry: Entry) -> None:
        """Make sure that an entry's longest wait is right, should a correction have taken it away."""
        if entry.tally.stale:
            entry.tally.stale = False
            entry.tally.longest = self._panes.longest(entry.scope, entry.span, self.minutes(entry.span))

    def forget(self, folded: int) -> None:
        """Drop the windows below the day up to minute `folded`, and of queues what ended long ago."""
        limit = (self.clock or 0) - HOT_MS
        for span, entries in list(self._entries.items()):
            if span.end is None or span.end > limit:
                continue
            gone = span.minutes.stop <= folded if span.kind != "day" else span.end < limit - DAYS_KEPT * DAY
            for scope, entry in list(entries.items()):
                if entry not in self.dirty and (gone or scope.queue is not None or not scope.of_offers):
                    del entries[scope]
            if not entries:
                del self._entries[span]

    def restored(self, clock: int | None) -> None:
        """Make the windows that were open at `clock` from the panes."""
        self.clock = clock
        for leaf, panes in self._panes.leaves.items():
            open_spans: dict[Span, None] = {}
            for minute in panes:
                for span in self._calendar.spans(minute):
                    if clock is None or (span.end or 0) > clock:
                        open_spans[span] = None
                open_spans.update(dict.fromkeys(self._rolling(minute)))
            for span in open_spans:
                entries = self._of(span)
                for scope in scopes_of(leaf):
                    if scope not in entries:
                        self._open(scope, span)

    def _of(self, span: Span) -> dict[Scope, Entry]:
        entries = self._entries.get(span)
        if entries is None:
            entries = self._entries[span] = {}
            if span.end is not None and (self.clock is None or span.end > self.clock):
                heappush(self._closing, (span.end, span))
        return entries

    def _open(self, scope: Scope, span: Span) -> Entry:
        tally = Tally(self._panes.layout)
        self._panes.fill(tally, scope, span, self.minutes(span))
        entry = self._entries[span][scope] = Entry(scope, span, tally, self._round)
        return entry

    def _rolling(self, minute: int) -> list[Span]:
        if self.clock is None:
            return []
        age = self.clock // MINUTE - minute
        return [span for span, size in ROLLING if 0 <= age <= size]

    def _roll(self, before: int, now: int) -> None:
        layout = self._panes.layout
        self._round += 1
        for span, size in ROLLING:
            entries = self._of(span)
            for minute in range(before - size, min(now - size, before + 1)):
                for leaf, pane in self._panes.at(minute):
                    changes = layout.deltas(pane.facts)
                    for scope in scopes_of(leaf):
                        entry = entries[scope]
                        entry.tally.subtract(changes, pane.longest)
                        self.dirty[entry] = None
            for minute in range(max(now - size, before + 1), now + 1):
                for leaf, pane in self._panes.at(minute):
                    changes = layout.deltas(pane.facts)
                    for scope in scopes_of(leaf):
                        found = entries.get(scope)
                        if found is None:
                            self._open(scope, span)
                        elif found.built != self._round:
                            found.tally.add(changes, pane.longest)
            self.dirty.update((entry, None) for entry in entries.values() if any(entry.tally.counts))


def live_spans(clock: int | None) -> tuple[Span, ...]:
    """The windows that are as of the clock; before there is one, rolling windows do not exist."""
    return (ALL,) if clock is None else _LIVE
