"""One line of a contact's log: a canonical event, reduced to what the rules read."""

from collections.abc import Callable
from typing import Any, Literal

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
    ContactStatusChanged,
    ContactTransferred,
    ContactUpdated,
    ContactWrapupEnded,
    ContactWrapupStarted,
    MessagePosted,
    SurveyAnswered,
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
SETTLED = 14
"""The work was set solved or closed."""
ASKED = 15
"""A message of the customer that the agents can read."""
OPENED = 16
"""The work was set to a status in which it is not solved."""
UPDATED = 17
"""A property changed."""
SURVEYED = 18
"""The customer rated."""

BEGINNINGS = frozenset((CREATED, OFFERED, ANSWERED, REPLIED, ASKED, OPENED))
"""What begins a contact again that was over."""

GOES_ON = frozenset((OFFERED, ASKED))
"""After these a contact in writing is open again that had ended without being solved."""

# Who is told 'I hand you on' and is put into another queue waits there; a reply in the second of the end came first;
# whoever answers and sets it solved at once has answered. What a contact is holds for all that happens in that second,
# and whoever asks and is answered at once has asked first.
_RANKS: dict[int, float] = {
    UPDATED: CREATED + 0.1,
    ASKED: CREATED + 0.2,
    REPLIED: (CREATED + OFFERED) / 2,
    OPENED: CREATED + 0.8,
    SETTLED: (ANSWERED + HOLD_STARTED) / 2,
}


class Told(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an event says of the properties of its contact. None: nothing."""

    priority: str | None = None
    tags: tuple[str, ...] | None = None
    segment: str | None = None
    language: str | None = None
    assignee: str | None = None


class Rating(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An answer of a survey; `scale` is the highest possible score."""

    kind: Literal["csat", "nps", "ces"]
    score: float
    scale: int


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event of a contact. `time`: ms since the epoch; durations ms, None where the source measured none.

    `detail`: the reason for leaving a queue, who ended the conversation, the status that was set, or 'outbound'.
    `told`: of an event that says something of the contact's properties.
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
    told: Told | None = None
    rating: Rating | None = None

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


def _created(event: Any) -> Entry:
    priority, tags, language = event.priority, event.tags, event.language
    detail = event.direction if event.direction != "inbound" else None
    if priority is None and language is None and not tags:
        return _begun(event) if detail is None else _telling(CREATED, event, None, None, detail)
    return _telling(CREATED, event, Told(priority, tags or None, None, language), None, detail)


def _updated(event: Any) -> Entry:
    return _telling(UPDATED, event, Told(event.priority, event.tags, event.segment, None, event.assignee))


def _telling(
    kind: int, event: Any, told: Told | None, rating: Rating | None = None, detail: str | None = None
) -> Entry:
    return Entry(
        to_ms(event.time),
        kind,
        event.id,
        event.revision,
        event.queue,
        event.agent,
        event.identifiers,
        detail,
        told=told,
        rating=rating,
    )


def _surveyed(event: Any) -> Entry:
    return _telling(SURVEYED, event, None, Rating(event.kind, event.score, event.scale))


def _posted(event: Any) -> Entry:
    if not event.public:
        return _other(event)
    if event.author == "agent":
        return _reply(event)
    return _asked(event) if event.author == "customer" else _other(event)


def _status(event: Any) -> Entry:
    kind = SETTLED if event.status in ("solved", "closed") else OPENED
    return _telling(kind, event, None, None, event.status)


MakeEntry = Callable[[Any], Entry]

_MAKERS: dict[type[ContactEvent], MakeEntry] = {
    ContactCreated: _created,
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
    ContactStatusChanged: _status,
    ContactUpdated: _updated,
    MessagePosted: _posted,
    SurveyAnswered: _surveyed,
}
_begun = _plain(CREATED)
_other = _plain(OTHER)
_reply = _plain(REPLIED)
_asked = _plain(ASKED)


def entry_of(event: ContactEvent) -> Entry:
    """The log's line for a canonical event."""
    return _MAKERS.get(type(event), _other)(event)
