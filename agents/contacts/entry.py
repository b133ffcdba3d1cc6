"""One line of a contact's log: a canonical event, reduced to what the rules read."""

from sys import intern

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
)
from schemas.instants import to_duration_ms, to_ms

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

_KINDS: dict[type[ContactEvent], int] = {
    ContactCreated: CREATED,
    ContactOffered: OFFERED,
    ContactLeftQueue: LEFT,
    ContactAnswered: ANSWERED,
    ContactHoldStarted: HOLD_STARTED,
    ContactHoldEnded: HOLD_ENDED,
    ContactTransferred: TRANSFERRED,
    ContactLeftIvr: LEFT_IVR,
    ContactEnded: ENDED,
    ContactMerged: MERGED,
    ContactWrapupStarted: WRAPUP_STARTED,
    ContactWrapupEnded: WRAPUP_ENDED,
}


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
        return (self.kind, self.id) < (other.kind, other.id)


def _plain(event: ContactEvent, kind: int) -> Entry:
    # Few queues and agents, many events: each name is kept once.
    queue, agent = event.queue, event.agent
    return Entry(
        to_ms(event.time),
        kind,
        event.id,
        event.revision,
        None if queue is None else intern(queue),
        None if agent is None else intern(agent),
        event.identifiers,
    )


def _stop(event: ContactAnswered | ContactLeftQueue, kind: int, detail: str | None) -> Entry:
    queue, agent, waited = event.queue, event.agent, event.waited
    return Entry(
        to_ms(event.time),
        kind,
        event.id,
        event.revision,
        None if queue is None else intern(queue),
        None if agent is None else intern(agent),
        event.identifiers,
        detail,
        None if waited is None else to_duration_ms(waited),
    )


def _over(event: ContactEnded | ContactTransferred, kind: int, detail: str | None) -> Entry:
    queue, agent = event.queue, event.agent
    return Entry(
        to_ms(event.time),
        kind,
        event.id,
        event.revision,
        None if queue is None else intern(queue),
        None if agent is None else intern(agent),
        event.identifiers,
        detail,
        None,
        to_duration_ms(event.talked),
        to_duration_ms(event.held),
        to_duration_ms(event.handled),
    )


def entry_of(event: ContactEvent) -> Entry:
    """The log's line for a canonical event."""
    kind = _KINDS.get(type(event), OTHER)
    if isinstance(event, ContactAnswered):
        return _stop(event, kind, None)
    if isinstance(event, ContactLeftQueue):
        return _stop(event, kind, event.reason)
    if isinstance(event, ContactEnded):
        return _over(event, kind, event.by)
    if isinstance(event, ContactTransferred):
        return _over(event, kind, None)
    return _plain(event, kind)
