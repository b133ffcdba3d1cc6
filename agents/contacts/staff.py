"""What the human agents are doing: per agent and queue the last state, by the time of the event; and since when."""

from collections.abc import Sequence

import msgspec

from agents.contacts.memory import digest, holds, latest
from schemas.events import AgentSchedulePublished, AgentStateChanged
from schemas.instants import to_ms
from schemas.partials import AgentNow, StateKey

REMEMBERED = 64
"""Events of one agent that are remembered to tell duplicates by, and to take corrections of."""

StateDifferences = list[tuple[StateKey, int]]
"""States of agents by the instant since which they hold."""


class Seat(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The state of an agent in one queue since `since` (ms), and the event that said so; `again` as in AgentNow."""

    state: str
    reason: str | None
    since: int
    event: str
    revision: int
    again: int | None = None

    @property
    def said(self) -> int:
        """When it was last said (ms)."""
        return self.since if self.again is None else self.again


class Said(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one event said: the state in `queue` (None: everywhere) since `since` (ms). `mark`: digest of its id."""

    mark: bytes
    revision: int
    queue: str | None
    since: int
    state: str
    reason: str | None = None


class Agent(msgspec.Struct, array_like=True, gc=False):
    """One human agent. `seats`: by queue, '' for a state that holds everywhere. `recent`: digests of event ids.

    `said`: what the last REMEMBERED events said, in the order in which they came.
    """

    seats: dict[str, Seat] = {}
    recent: bytes = b""
    said: tuple[Said, ...] = ()

    def copy(self) -> "Agent":
        """A copy that can be changed and leaves this one as it is."""
        return Agent(dict(self.seats), self.recent, self.said)

    def learn(
        self, event: AgentStateChanged | AgentSchedulePublished, now: list[AgentNow], states: StateDifferences
    ) -> bool:
        """Take an event; a present state that it changes is added to `now`. Returns False for a duplicate.

        `states` takes what it changes of the agent's time, however old it is. An event from before the present
        state changes at most since when that holds: a state that is said again holds since it was first said. Of two
        with one time, the later to come wins: a source that counts in seconds tells them in order.
        """
        mark = digest(event.id)
        known = holds(self.recent, mark)
        if not known:
            self.recent = latest(self.recent, mark, REMEMBERED)
        if isinstance(event, AgentSchedulePublished):
            return not known
        since, queue = to_ms(event.time), event.queue or ""
        said = Said(mark, event.revision, event.queue, since, event.state, event.reason)
        news = self._say(said, event.agent or "", known, states) or not known
        before = after = self.seats.get(queue)
        if before is None or (since >= before.said if not known else _corrects(event, before)):
            after = Seat(event.state, event.reason, since, event.id, event.revision)
        if after is None or (known and before is None):
            return news
        first = self._first(event.queue, before, after)
        after = msgspec.structs.replace(after, since=first, again=after.said if after.said > first else None)
        if after == before:
            return news
        self.seats[queue] = after
        now.append(AgentNow(event.agent or "", event.queue, after.state, after.reason, first, after.again))
        return True

    def _first(self, queue: str | None, before: Seat | None, after: Seat) -> int:
        """Since when (ms) the present state holds, said once or again and again."""
        said = {one.since: one for one in self.said if one.queue == queue and one.since <= after.said}
        first = after.said
        for since in sorted(said, reverse=True):
            if (said[since].state, said[since].reason) != (after.state, after.reason):
                return first
            first = since
        # What was said before is no longer remembered.
        same = before is not None and (before.state, before.reason) == (after.state, after.reason)
        return min(first, before.since) if same and before is not None else first

    def _say(self, new: Said, agent: str, known: bool, states: StateDifferences) -> bool:
        """Put what an event says in the place of what it corrects, or behind the others. False for nothing new."""
        before = self.said
        if known:
            place = next((at for at, old in enumerate(before) if old.mark == new.mark), None)
            if place is None or new.revision <= before[place].revision or new.queue != before[place].queue:
                return False
            after = (*before[:place], new, *before[place + 1 :])
            instants = dict.fromkeys((before[place].since, new.since))
        else:
            after = (*before, new)
            instants = {new.since: None}
        for since in instants:
            was, now = _state(before, new.queue, since), _state(after, new.queue, since)
            if was == now:
                continue
            if was is not None:
                states.append(((agent, new.queue, since, was), -1))
            if now is not None:
                states.append(((agent, new.queue, since, now), 1))
        self.said = after[-REMEMBERED:]
        return True


def _corrects(event: AgentStateChanged, seat: Seat) -> bool:
    return seat.event == event.id and event.revision > seat.revision


def _state(said: Sequence[Said], queue: str | None, since: int) -> str | None:
    """The state that was said to hold from `since` on: by the last of several that say so of one instant."""
    return next((one.state for one in reversed(said) if one.since == since and one.queue == queue), None)
