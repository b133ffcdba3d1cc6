"""One contact as a customer's state remembers it. Times are ms since the epoch, durations ms."""

from typing import Literal

import msgspec

from schemas.customers import ContactOutcome, CustomerContact, OpenPromise, SurveyAnswer
from schemas.short_ids import ShortId, shortened


class Case(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """What most calls have nothing of; see schemas.customers.CustomerContact.

    `agents`: how many different agents had it, 0 for one at most. `topic`: None where it is the queue. `after`,
    `addition`: of a part that came after the contact had been over for long.
    """

    messages_in: tuple[int, ...]
    messages_out: tuple[int, ...]
    reopened: tuple[int, ...]
    agents: int
    resolved: bool
    complaint: bool
    breaches: int
    surveys: tuple[SurveyAnswer, ...]
    promises: tuple[OpenPromise, ...]
    waits_for: Literal["agent", "customer"] | None
    topic: str | None
    status: str | None
    priority: str | None
    segment: str | None
    language: str | None
    after: int = 0
    addition: bool = False


class Contact(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One remembered contact, as the last record about it told it. `case` None: there is nothing to tell of it."""

    contact: ShortId
    channel: str
    started: int
    open: bool
    outcome: ContactOutcome
    queue: str | None
    agent: str | None
    waited: int | None
    handled: int | None
    ended: int | None
    transfers: int = 0
    case: Case | None = None

    @property
    def topic(self) -> str | None:
        """What it is about: as told, else its queue."""
        case = self.case
        return self.queue if case is None or case.topic is None else case.topic

    @property
    def after(self) -> int:
        """The instant of the last event of the part before, 0 of the first."""
        return 0 if self.case is None else self.case.after

    @property
    def addition(self) -> bool:
        """Whether it adds to the part before and is no contact of its own."""
        return self.case is not None and self.case.addition

    @property
    def touched(self) -> int:
        """When anything last came from or went to the customer, or it was opened again; else its start."""
        case = self.case
        if case is None:
            return self.started
        return max((self.started, *case.messages_in[-1:], *case.messages_out[-1:], *case.reopened[-1:]))


_NOTHING = Case((), (), (), 0, False, False, 0, (), (), None, None, None, None, None, None)


def remembered(said: CustomerContact) -> Contact:
    """What is remembered of a contact."""
    case = Case(
        said.messages_in,
        said.messages_out,
        said.reopened,
        said.agents if said.agents > 1 else 0,
        said.resolved,
        said.complaint,
        said.breaches,
        said.surveys,
        said.promises,
        said.waits_for,
        None if said.topic == said.queue else said.topic,
        said.status,
        said.priority,
        said.segment,
        said.language,
        said.after,
        said.addition,
    )
    return Contact(
        shortened(said.contact),
        said.channel,
        said.started,
        said.open,
        said.outcome,
        said.queue,
        said.agent,
        said.waited,
        said.handled,
        said.ended,
        said.transfers,
        None if case == _NOTHING else case,
    )
