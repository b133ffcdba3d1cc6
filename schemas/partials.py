"""Records of metrics.partials: mergeable pre-aggregates that every task hands to the metrics task (internal).

A fact is a signed count of one observation: (channel, queue, pane, measure, value) -> n. Facts add up whatever
their order; a correction is the same fact with a negative n and the right one with a positive n. `pane` is the
minute of the offer (minutes since the epoch; by offer time), so every window is a sum of panes.

| measure | value | one for each |
|---|---|---|
| offered | 0 | entry into a queue |
| waiting | offer instant, ms | offer still open |
| answered | wait, ms | first connection to an agent, per offer |
| left:REASON | wait, ms | leaving the queue unanswered, by reason |
| completed | wait, ms | answered offer whose conversation ended or was transferred |
| handled | handle time, ms | the same, with its talk + hold + wrap-up |
| left_ivr | 0 | contact that ended before any queue (queue None, pane of the event) |
| survey:KIND:SCALE | score x 100 | answer of a survey (pane of the answer) |
| solved | 0 | time that a contact was solved (pane of it, as of all that follow) |
| reopened | 0 | time that a solved contact was opened again |
| first_resolution, full_resolution | time from its beginning, ms | solved contact, at its first and at its last solve |
| first_resolution_business, full_resolution_business | open time, ms | the same, where a calendar counts |

Clocks of promises are told in signed counts of their own, by policy, clock, channel, queue and segment:

| measure | value | one for each |
|---|---|---|
| attained | minute of its end | instance that was done in time |
| breached | minute of its due instant | instance that was not |
| took:MS | minute of its end | instance that was done, in time or late, after so much of its time |
| open | due instant, ms | instance that runs and is not breached |
| at_risk | due instant, ms | the same, past the first of its shares |
| paused | 0 | instance that pauses and is not breached |

Agents' time is told in signed counts too, so that it adds up in any order: each call when it is answered and again,
with its end, when it is over; each state of an agent by the instant since which it holds.
"""

import msgspec

FactKey = tuple[str, str | None, int, str, int]
"""channel, queue, pane (minutes since the epoch), measure, value."""

CallKey = tuple[str, int, int | None]
"""agent, when they answered a call, ms; and when they were done with it, wrap-up included (None: they answered it)."""

StateKey = tuple[str, str | None, int, str]
"""agent, queue (None: everywhere), since when, ms, state."""


TOOK = "took:"
"""Measure of how long a clock took, before the ms."""

ClockKey = tuple[str, str, str, str | None, str | None, str, int]
"""policy, clock, channel, queue, segment, measure, value."""


class AgentNow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last known state of one agent in one queue (None: everywhere), `since` ms.

    `again`: when it was last said anew (ms), state and reason the same as before.
    """

    agent: str
    queue: str | None
    state: str
    reason: str | None
    since: int
    again: int | None = None

    @property
    def said(self) -> int:
        """When it was last said (ms). Of what was said of a queue and of everywhere, the later holds."""
        return self.since if self.again is None else self.again


class SplitOutcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The outcome of one part of a source record that has several; the metrics task counts it once."""

    origin: str
    parts: int
    outcome: str
    reason: str | None


class Partial(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """What a task adds since its last partial.

    `facts`: signed counts. `outcomes`: source records by 'accepted', 'duplicate', 'ignored:WHY', 'failed:WHY'.
    `agents`: states that changed. `busy`: signed count of open conversations per agent. `sources`: source -> records
    accepted from it, duplicates included. `calls`, `states`: signed counts of agents' calls and states. `clocks`: of
    clocks of promises.
    """

    task: str
    facts: list[tuple[FactKey, int]] = []
    outcomes: dict[str, int] = {}
    split: list[SplitOutcome] = []
    agents: list[AgentNow] = []
    busy: dict[str, int] = {}
    sources: dict[str, int] = {}
    calls: list[tuple[CallKey, int]] = []
    states: list[tuple[StateKey, int]] = []
    clocks: list[tuple[ClockKey, int]] = []


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Partial).decode
