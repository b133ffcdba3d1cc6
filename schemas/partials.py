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
"""

import msgspec

FactKey = tuple[str, str | None, int, str, int]
"""channel, queue, pane (minutes since the epoch), measure, value."""


class AgentNow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last known state of one agent in one queue (None: everywhere), `since` ms."""

    agent: str
    queue: str | None
    state: str
    reason: str | None
    since: int


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
    accepted from it, duplicates included.
    """

    task: str
    facts: list[tuple[FactKey, int]] = []
    outcomes: dict[str, int] = {}
    split: list[SplitOutcome] = []
    agents: list[AgentNow] = []
    busy: dict[str, int] = {}
    sources: dict[str, int] = {}


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Partial).decode
