"""One line of a contact's log: a canonical event, reduced to what the rules read."""

from collections.abc import Callable
from typing import Any

import msgspec

from schemas.events import (
    ContactAnswered,
    ContactCreated,
    ContactEnded,
    ContactEvent,
    ContactHoldEnded,
    ContactHoldStarted,
    ContactLeftIvr,
    ContactLeftQueue,
    ContactMerged,
    ContactOffered,
    ContactTransferred,
    ContactWrapupEnded,
    ContactWrapupStarted,
    MessagePosted,
)
from schemas.instants import to_ms

# The numbers are the order of events that bear the same time. Sources count in seconds, so a whole call may lie
# on one instant, and neither arrival nor an id says which came first: a contact is offered before it leaves, it
# leaves one offer before the next is answered, and a transfer is told before the end that goes with it.
CREATED = 0
OFFERED = 1
LEFT = 2
ANSWERED = 3
HOLD_STARTED = 4
HOLD_ENDED = 5
TRANSFERRED = 6
LEFT_IVR = 7
ENDED = 8
MERGED = 9
WRAPUP_STARTED = 10
WRAPUP_ENDED = 11
OTHER = 12
"""An event that no rule here reads; it is remembered because it can come twice."""
REPLIED = 13
"""A message of a human agent that the customer can read."""


# Who is told 'I hand you on' and is put into another queue waits there; a reply in the second of the end came first.
_RANKS: dict[int, float] = {REPLIED: (CREATED + OFFERED) / 2}


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of a contact. `time`: ms since the epoch; durations ms, None where the source measured none.

    `detail`: the reason for leaving a queue, or by whom the conversation was ended.
    """

    time: int
    kind: int
    id: str
    revision: int = 0
    queue: str | None = None
    agent: str | None = None
    identifiers: tuple[str, ...] = ()
    detail: str | None = None
    waited: int | None = None
    talked: int | None = None
    held: int | None = None
    handled: int | None = None

    def before(self, other: "Entry") -> bool:
        """Whether this one stands before `other`: by time, then kind, then id; never by arrival."""
        if self.time != other.time:
            return self.time < other.time
        return (_RANKS.get(self.kind, self.kind), self.id) < (_RANKS.get(other.kind, other.kind), other.id)


def _plain(kind: int) -> "MakeEntry":
    def plain(event: Any) -> Entry:
        return Entry(
            to_ms(event.time),
            kind,
            event.id,
            event.revision,
            event.queue,
            event.agent,
            event.identifiers,
        )

    return plain


def _stop(kind: int) -> "MakeEntry":
    def stop(event: Any) -> Entry:
        waited = event.waited
        return Entry(
            to_ms(event.time),
            kind,
            event.id,
            event.revision,
            event.queue,
            event.agent,
            event.identifiers,
            event.reason if kind == LEFT else None,
            None if waited is None else round(waited * 1000),
        )

    return stop


def _over(kind: int) -> "MakeEntry":
    def over(event: Any) -> Entry:
        talked, held, handled = event.talked, event.held, event.handled
        return Entry(
            to_ms(event.time),
            kind,
            event.id,
            event.revision,
            event.queue,
            event.agent,
            event.identifiers,
            event.by if kind == ENDED else None,
            None,
            None if talked is None else round(talked * 1000),
            None if held is None else round(held * 1000),
            None if handled is None else round(handled * 1000),
        )

    return over


def _posted(event: Any) -> Entry:
    return _reply(event) if event.author == "agent" and event.public else _other(event)


MakeEntry = Callable[[Any], Entry]

_MAKERS: dict[type[ContactEvent], MakeEntry] = {
    ContactCreated: _plain(CREATED),
    ContactOffered: _plain(OFFERED),
    ContactLeftQueue: _stop(LEFT),
    ContactAnswered: _stop(ANSWERED),
    ContactHoldStarted: _plain(HOLD_STARTED),
    ContactHoldEnded: _plain(HOLD_ENDED),
    ContactTransferred: _over(TRANSFERRED),
    ContactLeftIvr: _plain(LEFT_IVR),
    ContactEnded: _over(ENDED),
    ContactMerged: _plain(MERGED),
    ContactWrapupStarted: _plain(WRAPUP_STARTED),
    ContactWrapupEnded: _plain(WRAPUP_ENDED),
    MessagePosted: _posted,
}
_other = _plain(OTHER)
_reply = _plain(REPLIED)


def entry_of(event: ContactEvent) -> Entry:
    """The log's line for a canonical event."""
    return _MAKERS.get(type(event), _other)(event)
