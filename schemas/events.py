"""Canonical events: what happened to a contact or to an agent, whatever tool said it.

One class a type, told apart by the field `type`. `time` is when it happened (UTC); durations are seconds, as
the source measured them, and absent where it did not. `revision` is the source's update time or the parser's
version: the same id with a higher revision corrects the earlier statement.
"""

from typing import Literal

import msgspec

from schemas.instants import Instant, Seconds

Channel = Literal["email", "chat", "phone", "social"]
CHANNELS: tuple[Channel, ...] = ("email", "chat", "phone", "social")

LeftQueueReason = Literal[
    "abandoned", "callback", "timeout", "key_exit", "empty", "transfer_out", "withdrawn", "system"
]
ContactStatus = Literal["new", "open", "pending", "on_hold", "solved", "closed"]
AgentState = Literal["available", "on_contact", "wrap_up", "away", "offline"]


class _Event(msgspec.Struct, tag_field="type", kw_only=True, frozen=True, omit_defaults=True, gc=False, dict=False):
    """What every canonical event says."""

    id: str
    time: Instant
    channel: Channel
    source: str
    revision: int = 0
    queue: str | None = None
    agent: str | None = None


class ContactEvent(_Event, kw_only=True, frozen=True):
    """Something that happened to one contact (one conversation on one channel)."""

    contact: str
    identifiers: tuple[str, ...] = ()
    case: str | None = None


class ContactCreated(ContactEvent, kw_only=True, frozen=True, tag="contact.created"):
    """The contact exists from now on."""

    direction: Literal["inbound", "outbound"] = "inbound"
    priority: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    subject_digest: str | None = None


class ContactOffered(ContactEvent, kw_only=True, frozen=True, tag="contact.offered"):
    """It entered a queue (again after a transfer)."""


class ContactOfferDeclined(ContactEvent, kw_only=True, frozen=True, tag="contact.offer_declined"):
    """An agent did not take it; it still waits. `rang`: seconds."""

    reason: Literal["missed", "rejected"] = "missed"
    rang: Seconds | None = None


class ContactAnswered(ContactEvent, kw_only=True, frozen=True, tag="contact.answered"):
    """First connected to an agent, per offer. `waited`: seconds in the queue."""

    waited: Seconds | None = None


class ContactLeftQueue(ContactEvent, kw_only=True, frozen=True, tag="contact.left_queue"):
    """Left the queue unanswered. `waited`: seconds in the queue."""

    reason: LeftQueueReason
    waited: Seconds | None = None


class ContactLeftIvr(ContactEvent, kw_only=True, frozen=True, tag="contact.left_ivr"):
    """Ended before it entered any queue."""


class ContactHoldStarted(ContactEvent, kw_only=True, frozen=True, tag="contact.hold_started"):
    """The customer was put on hold."""


class ContactHoldEnded(ContactEvent, kw_only=True, frozen=True, tag="contact.hold_ended"):
    """The customer was taken back from hold."""


class ContactTransferred(ContactEvent, kw_only=True, frozen=True, tag="contact.transferred"):
    """Moved to another queue, agent or number; `talked`, `held`, `handled`: seconds of the part that ended."""

    mode: Literal["blind", "attended"] = "blind"
    to: str | None = None
    talked: Seconds | None = None
    held: Seconds | None = None
    handled: Seconds | None = None


class ContactEnded(ContactEvent, kw_only=True, frozen=True, tag="contact.ended"):
    """The conversation is over. `talked`, `held`, `handled` (talk + hold + wrap-up): seconds."""

    by: Literal["customer", "agent", "system"] | None = None
    talked: Seconds | None = None
    held: Seconds | None = None
    handled: Seconds | None = None


class ContactWrapupStarted(ContactEvent, kw_only=True, frozen=True, tag="contact.wrapup_started"):
    """After-contact work began."""


class ContactWrapupEnded(ContactEvent, kw_only=True, frozen=True, tag="contact.wrapup_ended"):
    """After-contact work ended."""


class MessagePosted(ContactEvent, kw_only=True, frozen=True, tag="message.posted"):
    """One message, either way. `length` in characters."""

    author: Literal["customer", "agent", "bot", "system"]
    public: bool = True
    length: int | None = None
    in_reply_to: str | None = None


class ContactStatusChanged(ContactEvent, kw_only=True, frozen=True, tag="contact.status_changed"):
    """The asynchronous contact's status."""

    status: ContactStatus


class ContactUpdated(ContactEvent, kw_only=True, frozen=True, tag="contact.updated"):
    """A property of the contact changed."""

    priority: str | None = None
    tags: tuple[str, ...] | None = None
    assignee: str | None = None
    segment: str | None = None


class ContactMerged(ContactEvent, kw_only=True, frozen=True, tag="contact.merged"):
    """Went into another contact."""

    into: str


class SurveyAnswered(ContactEvent, kw_only=True, frozen=True, tag="survey.answered"):
    """The customer rated; `scale` is the highest possible score."""

    kind: Literal["csat", "nps", "ces"]
    score: float
    scale: int


class IdentityLinked(ContactEvent, kw_only=True, frozen=True, tag="identity.linked"):
    """Two or more identifiers are one customer's."""

    by: str | None = None
    reason: str | None = None


class IdentityUnlinked(ContactEvent, kw_only=True, frozen=True, tag="identity.unlinked"):
    """Identifiers are not one customer's after all."""

    by: str | None = None
    reason: str | None = None


class AgentStateChanged(_Event, kw_only=True, frozen=True, tag="agent.state_changed"):
    """A human agent's state. `agent` is set; `queue` where the state holds for one queue only."""

    state: AgentState
    reason: str | None = None


class AgentSchedulePublished(_Event, kw_only=True, frozen=True, tag="agent.schedule_published"):
    """What an agent is to do when: (start, end, productive) slots."""

    slots: tuple[tuple[Instant, Instant, bool], ...] = ()


AnyContactEvent = (
    ContactCreated
    | ContactOffered
    | ContactOfferDeclined
    | ContactAnswered
    | ContactLeftQueue
    | ContactLeftIvr
    | ContactHoldStarted
    | ContactHoldEnded
    | ContactTransferred
    | ContactEnded
    | ContactWrapupStarted
    | ContactWrapupEnded
    | MessagePosted
    | ContactStatusChanged
    | ContactUpdated
    | ContactMerged
    | SurveyAnswered
    | IdentityLinked
    | IdentityUnlinked
)
AnyAgentEvent = AgentStateChanged | AgentSchedulePublished
AnyEvent = AnyContactEvent | AnyAgentEvent
