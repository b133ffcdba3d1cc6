"""What the human agents are doing: per agent and queue the last state, by the time of the event."""

import msgspec

from agents.contacts.memory import digest, holds, latest
from schemas.events import AgentSchedulePublished, AgentStateChanged
from schemas.instants import to_ms
from schemas.partials import AgentNow

REMEMBERED = 64
"""Events of one agent that are remembered to tell duplicates by."""


class Seat(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The state of an agent in one queue since `since` (ms), and the event that said so."""

    state: str
    reason: str | None
    since: int
    event: str
    revision: int


class Agent(msgspec.Struct, array_like=True, gc=False):
    """One human agent. `seats`: by queue, '' for a state that holds everywhere. `recent`: digests of event ids."""

    seats: dict[str, Seat] = {}
    recent: bytes = b""

    def copy(self) -> "Agent":
        """A copy that can be changed and leaves this one as it is."""
        return Agent(dict(self.seats), self.recent)

    def learn(self, event: AgentStateChanged | AgentSchedulePublished, now: list[AgentNow]) -> bool:
        """Take an event; a state that it changes is added to `now`. Returns False for a duplicate.

        An event from before the present state is taken and changes nothing. Of two with one time, the later to
        come wins: a source that counts in seconds tells them in order.
        """
        mark = digest(event.id)
        known = holds(self.recent, mark)
        if not known:
            self.recent = latest(self.recent, mark, REMEMBERED)
        if isinstance(event, AgentSchedulePublished):
            return not known
        queue = event.queue or ""
        seat = self.seats.get(queue)
        if known and (seat is None or seat.event != event.id or event.revision <= seat.revision):
            return False
        since = to_ms(event.time)
        if seat is not None and not known and since < seat.since:
            return True
        self.seats[queue] = Seat(event.state, event.reason, since, event.id, event.revision)
        now.append(AgentNow(event.agent or "", event.queue, event.state, event.reason, since))
        return True
