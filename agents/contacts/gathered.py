"""What a task gathered between two flushes for the metrics task."""

from collections.abc import Iterable, Iterator
from typing import Any

from schemas.envelopes import Envelope
from schemas.partials import AgentNow, CallKey, ClockKey, FactKey, Partial, SplitOutcome, StateKey, encode

LARGEST = 512 * 1024
"""Bytes of one record: all that a backlog says between two flushes would be more than its topic takes."""


class Gathered:
    """Signed facts, outcomes of source records, who sent them, and what agents did since the last flush."""

    __slots__ = (
        *("_agents", "_busy", "_calls", "_clocks", "_facts", "_first_parts", "_outcomes", "_sources", "_split"),
        "_states",
    )

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._facts: dict[FactKey, int] = {}
        self._busy: dict[str, int] = {}
        self._outcomes: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._split: list[SplitOutcome] = []
        self._first_parts: dict[str, int] = {}
        self._agents: dict[tuple[str, str | None], AgentNow] = {}
        self._calls: dict[CallKey, int] = {}
        self._states: dict[StateKey, int] = {}
        self._clocks: dict[ClockKey, int] = {}

    def add(self, facts: Iterable[tuple[FactKey, int]], calls: Iterable[tuple[CallKey, int]]) -> None:
        """Add signed counts of facts and of agents' calls, and so of open conversations per agent."""
        sums = self._facts
        for key, n in facts:
            sums[key] = sums.get(key, 0) + n
        for call, n in calls:
            self._calls[call] = self._calls.get(call, 0) + n
            agent, _, end = call
            self._busy[agent] = self._busy.get(agent, 0) + (n if end is None else -n)

    def add_clocks(self, clocks: Iterable[tuple[ClockKey, int]]) -> None:
        """Add signed counts of clocks of promises."""
        sums = self._clocks
        for key, n in clocks:
            sums[key] = sums.get(key, 0) + n

    def see(self, now: Iterable[AgentNow], states: Iterable[tuple[StateKey, int]]) -> None:
        """Remember the last state of each agent in each queue, and add signed counts of states."""
        for state in now:
            self._agents[state.agent, state.queue] = state
        for key, n in states:
            self._states[key] = self._states.get(key, 0) + n

    def hear(self, source: str, envelope: Envelope, outcome: str) -> None:
        """Count one source record, or a part of one, that said something."""
        if envelope.parts == 1:
            sources, outcomes = self._sources, self._outcomes
            sources[source] = sources.get(source, 0) + 1
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            return
        if envelope.part == 0:
            self._sources[source] = self._sources.get(source, 0) + 1
        self.count(envelope, outcome)

    def count(self, envelope: Envelope, outcome: str, reason: str | None = None) -> None:
        """Count one source record, or a part of one."""
        if envelope.parts == 1:
            _one_more(self._outcomes, outcome, reason)
            return
        self._split.append(SplitOutcome(str(envelope.origin), envelope.parts, outcome, reason))
        if envelope.part == 0:
            _one_more(self._first_parts, outcome, reason)

    def count_whole(self, outcome: str, reason: str | None = None) -> None:
        """Count one source record."""
        _one_more(self._outcomes, outcome, reason)

    def outcomes(self) -> dict[str, int]:
        """Source records by 'accepted', 'duplicate', 'ignored:WHY', 'failed:WHY'.

        One that came in several parts counts where its first part is, as what became of that part: what the whole
        record counts as, only the metrics task can tell, which sees all parts.
        """
        together = dict(self._outcomes)
        for name, n in self._first_parts.items():
            together[name] = together.get(name, 0) + n
        return together

    def partials(self, task: str) -> list[bytes]:
        """All of it, encoded, and forget it: one record, several where it is much, none where it is nothing."""
        said: dict[str, Any] = {
            "facts": [item for item in self._facts.items() if item[1]],
            "outcomes": self._outcomes,
            "split": self._split,
            "agents": list(self._agents.values()),
            "busy": {agent: n for agent, n in self._busy.items() if n},
            "sources": self._sources,
            "calls": [item for item in self._calls.items() if item[1]],
            "states": [item for item in self._states.items() if item[1]],
            "clocks": [item for item in self._clocks.items() if item[1]],
        }
        self._clear()
        if not any(each for name, each in said.items() if name != "sources"):
            return []
        return list(_pieces(task, said))


def _pieces(task: str, said: dict[str, Any]) -> Iterator[bytes]:
    """What is said, halved until a record takes it: all of it adds up in any order."""
    encoded = encode(Partial(task=task, **said))
    if len(encoded) <= LARGEST:
        yield encoded
        return
    several = {name: each for name, each in said.items() if each}
    if len(several) > 1:
        for name, each in several.items():
            yield from _pieces(task, {name: each})
        return
    ((name, each),) = several.items()
    items = list(each.items()) if isinstance(each, dict) else each
    if len(items) == 1:
        yield encoded
        return
    half = len(items) // 2
    for part in (items[:half], items[half:]):
        yield from _pieces(task, {name: dict(part) if isinstance(each, dict) else part})


def _one_more(outcomes: dict[str, int], outcome: str, reason: str | None) -> None:
    name = outcome if reason is None else f"{outcome}:{reason}"
    outcomes[name] = outcomes.get(name, 0) + 1
