"""What the events of a contact say beside its stays in queues: messages, statuses, properties, surveys. Pure.

Worked out anew from the log for whoever asks; of the contacts last asked for it is kept ready.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from agents.contacts import entry as kinds
from agents.contacts.entry import Entry, Told
from agents.contacts.log import read_log
from agents.contacts.run import Fact, FactKind, Run
from agents.contacts.runs import runs_of
from schemas.customers import SurveyAnswer
from schemas.policy_book import Properties

SOLVED = ("solved", "closed")

_FACTS: dict[int, FactKind] = {
    kinds.CREATED: "created",
    kinds.ASKED: "customer",
    kinds.REPLIED: "agent",
    kinds.OPENED: "status",
    kinds.SETTLED: "status",
    kinds.ENDED: "ended",
    kinds.LEFT_IVR: "ended",
    kinds.MERGED: "merged",
}
_PLACES = frozenset(
    (kinds.CREATED, kinds.OFFERED, kinds.ASKED, kinds.REPLIED, kinds.OPENED, kinds.UPDATED, kinds.SURVEYED)
)
_NOTHING = Told()


class Held(NamedTuple):
    """The properties of a contact from `at` (ms) on, and the event that made them so."""

    at: int
    event: str | None
    properties: Properties


class Case(NamedTuple):
    """What a contact came to, up to its last event. Instants in ms, ascending.

    `facts`: what clocks read. `timeline`: its properties over time, the first before any event. `messages_in`,
    `messages_out`: public messages of the customer and of agents. `agents`: different agents who had it. `reopened`:
    when it was opened again after it was solved. `status`: the last, None where none was ever told. `unanswered`: how
    many messages of the customer came since the last of an agent.
    """

    facts: tuple[Fact, ...]
    timeline: tuple[Held, ...]
    messages_in: tuple[int, ...]
    messages_out: tuple[int, ...]
    agents: tuple[str, ...]
    reopened: tuple[int, ...]
    surveys: tuple[SurveyAnswer, ...]
    status: str | None
    unanswered: int

    @property
    def properties(self) -> Properties:
        """What holds now."""
        return self.timeline[-1].properties

    @property
    def solved(self) -> bool:
        """Whether its status says so."""
        return self.status in SOLVED

    @property
    def waits_for(self) -> Literal["agent", "customer"]:
        """Whose turn it is, of a contact that is not over: whoever did not write last, an agent before any message; a
        pending one waits for the customer."""
        if self.status == "pending":
            return "customer"
        return "customer" if self.messages_out and not self.unanswered else "agent"

    def held_at(self, instant: int) -> Properties:
        """The properties at an instant (ms), what happened in it included."""
        place = bisect_right(self.timeline, instant, key=_since)
        return self.timeline[max(place - 1, 0)].properties


def _since(held: Held) -> int:
    return held.at


@lru_cache(maxsize=256)
def case_of(channel: str, log: bytes, lines: int, was_over: bool = False, kept: Properties | None = None) -> Case:
    """What the log of a contact on this channel says. `was_over`: there was one before, which was settled, and which
    was what is `kept`."""
    return folded(channel, read_log(log, lines), was_over, kept)


@lru_cache(maxsize=256)
def runs_of_log(
    channel: str, log: bytes, lines: int, was_over: bool = False, kept: Properties | None = None
) -> Sequence[Run]:
    """When the clocks ran of such a contact."""
    return runs_of(case_of(channel, log, lines, was_over, kept).facts)


def folded(channel: str, entries: Iterable[Entry], was_over: bool = False, kept: Properties | None = None) -> Case:
    """What entries in their order come to. Nobody waits because of a survey, nor because of anything else that is told
    of a contact that was over, until something begins it again. In writing, what ended without being solved is open
    again once the customer writes on."""
    facts: list[Fact] = []
    timeline = [Held(0, None, kept or Properties(channel))]
    messages_in: list[int] = []
    messages_out: list[int] = []
    reopened: list[int] = []
    surveys: list[SurveyAnswer] = []
    agents: dict[str, None] = {}
    status: str | None = None
    unanswered = 0
    ended = False
    for entry in entries:
        kind, time = entry.kind, entry.time
        fact = _FACTS.get(kind)
        was_over = was_over and kind not in kinds.BEGINNINGS
        if was_over:
            pass
        elif fact is not None:
            facts.append(Fact(time, entry.id, fact, entry.detail if fact in ("status", "created") else None))
        elif not facts and kind != kinds.SURVEYED:
            # Nobody told of its beginning, so it begins with the first that was told.
            facts.append(Fact(time, entry.id, "created"))
        if kind == kinds.ENDED or kind == kinds.LEFT_IVR:
            ended = channel != "phone" and status not in SOLVED
        elif ended and kind in kinds.GOES_ON:
            facts.append(Fact(time, entry.id, "status", "open"))
            ended = False
        if entry.agent is not None and kind != kinds.OTHER:
            agents[entry.agent] = None
        if entry.told is not None and entry.told.assignee is not None:
            agents[entry.told.assignee] = None
        _hold(timeline, entry)
        if kind == kinds.ASKED:
            messages_in.append(time)
            unanswered += 1
        elif kind == kinds.REPLIED:
            messages_out.append(time)
            unanswered = 0
        elif kind == kinds.OPENED or kind == kinds.SETTLED:
            if kind == kinds.OPENED and status in SOLVED:
                reopened.append(time)
            status = entry.detail
            ended = False
        elif entry.rating is not None:
            surveys.append(SurveyAnswer(time, entry.rating.kind, entry.rating.score, entry.rating.scale))
    return Case(
        tuple(facts),
        tuple(timeline),
        tuple(messages_in),
        tuple(messages_out),
        tuple(agents),
        tuple(reopened),
        tuple(surveys),
        status,
        unanswered,
    )


def _hold(timeline: list[Held], entry: Entry) -> None:
    """Add to the properties what an event says of them."""
    before = timeline[-1].properties
    queue = entry.queue if entry.queue is not None and entry.kind in _PLACES else before.queue
    told = entry.told or _NOTHING
    after = Properties(
        before.channel,
        queue,
        before.priority if told.priority is None else told.priority,
        before.segment if told.segment is None else told.segment,
        before.tags if told.tags is None else told.tags,
        before.language if told.language is None else told.language,
    )
    if after == before:
        return
    if timeline[-1].at == entry.time and len(timeline) > 1:
        timeline[-1] = Held(entry.time, entry.id, after)
    else:
        timeline.append(Held(entry.time, entry.id, after))
