"""Conversations in writing, and what the tool in which they are led says of them."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from streams.simulator.people import Person
from streams.simulator.plan import DeskPlan

Author = Literal["customer", "agent", "bot", "system"]
Sort = Literal["", "note", "acknowledgement", "absence", "bounce", "survey"]
"""What a message is besides a message: a note that the customer does not see, automatic mail, a survey."""


@dataclass(eq=False)
class Clerk:
    """Who answers. `number`: from 1 on; `load`: requests at hand; `away`: takes no more."""

    number: int
    name: str
    load: int = 0
    away: bool = False


class Message(NamedTuple):
    """One message. `number`: in its conversation, from 1 on; `at`: ms; `clerk`: the agent who wrote it."""

    number: int
    at: int
    author: Author
    text: str
    sort: Sort = ""
    clerk: Clerk | None = None


@dataclass(eq=False)
class Conversation:
    """One conversation. `began`, `last`: ms. `waits_since`: of whoever was not answered yet, ms. `turn` grows when
    it is over: what was planned for an earlier turn is void. `replying`: an agent is writing."""

    number: int
    person: Person
    began: int
    last: int
    waits_since: int | None = None
    messages: list[Message] = field(default_factory=list)
    clerk: Clerk | None = None
    resolved: bool = False
    replying: bool = False
    turn: int = 0


Kind = Literal["began", "message", "assigned", "resolved", "reopened", "rated"]


class Told(NamedTuple):
    """What happened, as of then. `at`: ms. `message`: the one that it is about. `clerk`: who has the conversation.
    `answered`: whether an agent has replied before. `score`: a rating, 1 to 5."""

    at: int
    desk: DeskPlan
    kind: Kind
    conversation: Conversation
    message: Message
    clerk: Clerk | None = None
    resolved: bool = False
    answered: bool = False
    score: int = 0
