"""Roster: in which state every human agent is, on the whole floor and in each queue."""

from collections.abc import Iterable

import msgspec

from schemas.partials import AgentNow
from streams.store import Store

STATES: tuple[str, ...] = ("on_contact", "wrap_up", "available", "away", "offline")
"""States of an agent. One whose queues differ counts on the floor in the first of these that occurs."""

_RANK = {state: rank for rank, state in enumerate(STATES)}


class Agent(msgspec.Struct, array_like=True):
    """What is known of one agent: open calls, the state declared everywhere, and those of single queues."""

    busy: int = 0
    everywhere: AgentNow | None = None
    queues: dict[str, AgentNow] = {}

    def states(self) -> dict[str | None, str]:
        """State by queue (None: the floor); empty for an agent of whom nothing is known but past conversations.

        A state declared everywhere overrides older ones of single queues, but brings nobody back into a queue
        that was left. An agent known only everywhere counts on the floor alone: it is not said who serves what.
        Whoever is in a call is on_contact, unless offline.
        """
        states: dict[str | None, str] = {
            queue: self._engaged(self._declared(own)) for queue, own in self.queues.items()
        }
        floor = list(states.values())
        everywhere = self.everywhere
        if everywhere is not None and all(own.said <= everywhere.said for own in self.queues.values()):
            floor.append(self._engaged(everywhere.state))
        if floor:
            states[None] = min(floor, key=_rank)
        elif self.busy > 0:
            states[None] = "on_contact"
        return states

    def _declared(self, own: AgentNow) -> str:
        everywhere = self.everywhere
        if own.state == "offline" or everywhere is None or own.said >= everywhere.said:
            return own.state
        return everywhere.state

    def _engaged(self, state: str) -> str:
        return "on_contact" if self.busy > 0 and state != "offline" else state


def _rank(state: str) -> int:
    return _RANK.get(state, len(STATES))


class Roster:
    """Counts of agents by state, kept up with every change."""

    def __init__(self) -> None:
        self.store: Store[Agent] = Store(b"g", Agent)
        self._counts: dict[str | None, dict[str, int]] = {}

    def apply(self, agents: Iterable[AgentNow], busy: dict[str, int]) -> set[str | None]:
        """Take states (the last said of an agent and queue holds) and signed counts of open conversations.

        Returns the queues whose counts changed; None among them is the floor.
        """
        changes: dict[str, list[AgentNow]] = {name: [] for name, n in busy.items() if n}
        for state in agents:
            changes.setdefault(state.agent, []).append(state)
        changed: set[str | None] = set()
        for name, states in changes.items():
            agent = self.store.get(name) or Agent()
            before = agent.states()
            agent.busy += busy.get(name, 0)
            for state in states:
                if state.queue is None:
                    agent.everywhere = state
                else:
                    agent.queues[state.queue] = state
            if agent.busy or agent.everywhere or agent.queues:
                self.store.put(name, agent)
            else:
                self.store.delete(name)
            after = agent.states()
            if after != before:
                self._count(before, -1)
                self._count(after, 1)
                changed.update(queue for queue in before.keys() | after if before.get(queue) != after.get(queue))
        return changed

    def counts(self, queue: str | None) -> dict[str, int]:
        """Agents by state of a queue (None: of the floor); states without agents are left out."""
        return self._counts.get(queue, {})

    def restored(self) -> None:
        """Count anew."""
        for agent in self.store.data.values():
            self._count(agent.states(), 1)

    def _count(self, states: dict[str | None, str], n: int) -> None:
        for queue, state in states.items():
            counts = self._counts.setdefault(queue, {})
            counts[state] = counts.get(state, 0) + n
            if not counts[state]:
                del counts[state]
