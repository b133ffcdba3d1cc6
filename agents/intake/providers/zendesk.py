"""Webhooks of Zendesk that are subscribed to events; those that triggers send have a body of their own and are refused.

Facts: Zendesk's documentation, "Anatomy of a webhook request", "Verifying webhook authenticity", "Ticket events",
"Agent availability events".
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import Webhook, answered, begun, decoded, earliest
from schemas.events import (
    AgentState,
    AgentStateChanged,
    AnyEvent,
    Channel,
    ContactEnded,
    ContactMerged,
    ContactOffered,
    ContactStatus,
    ContactStatusChanged,
    ContactTransferred,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms, to_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same, within

WINDOW_SECONDS = 300

TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105
"""What Zendesk signs test calls of an unsaved webhook with. Everybody knows it: it is never a valid secret."""

_PREFIX = "zen:event-type:"
_LATEST_MS = 253_402_300_799_000
_SYSTEM = "-1"
_Id = Annotated[int, msgspec.Meta(ge=-1, le=(1 << 63) - 1)] | str | None

# A form, the API, a ticket that a call left behind and what is not listed are answered by e-mail.
_CHANNELS: Mapping[str, Channel] = {
    "chat": "chat",
    "messaging": "chat",
    "native_messaging": "chat",
    "sms": "chat",
    "sunshine_conversations_api": "chat",
    "web_messaging": "chat",
    "web_widget_messaging": "chat",
    "apple_business_chat": "social",
    "facebook": "social",
    "facebook_messenger": "social",
    "google_business_messages": "social",
    "instagram_dm": "social",
    "kakaotalk": "social",
    "line": "social",
    "messenger": "social",
    "telegram": "social",
    "twitter": "social",
    "twitter_dm": "social",
    "viber": "social",
    "wechat": "social",
    "whatsapp": "social",
}
_AGENT_CHANNELS: Mapping[str, Channel] = {"support": "email", "messaging": "chat", "chat": "chat", "talk": "phone"}
_STATUSES: Mapping[str, ContactStatus] = {
    "NEW": "new",
    "OPEN": "open",
    "PENDING": "pending",
    "HOLD": "on_hold",
    "SOLVED": "solved",
    "CLOSED": "closed",
}
_STATES: Mapping[str, AgentState] = {"online": "available", "offline": "offline", "away": "away"}
_ACTORS: Mapping[str, Literal["customer", "agent", "bot"]] = {
    "end_user": "customer",
    "agent": "agent",
    "bot": "bot",
}


class _Via(msgspec.Struct, gc=False):
    channel: str | None = None


class _Detail(msgspec.Struct, gc=False):
    """The ticket, or the agent."""

    id: _Id = None
    agent_id: _Id = None
    group_id: _Id = None
    requester_id: _Id = None
    assignee_id: _Id = None
    priority: str | None = None
    tags: list[str] | None = None
    via: _Via | None = None
    created_at: str | None = None


class _Author(msgspec.Struct, gc=False):
    """Of a comment (`is_staff`) or of a message (`type`)."""

    id: _Id = None
    is_staff: bool | None = None
    type: str | None = None


class _Said(msgspec.Struct, gc=False):
    """A comment or a message."""

    id: _Id = None
    body: str | None = None
    is_public: bool = True
    author: _Author | None = None


class _UnifiedState(msgspec.Struct, gc=False):
    name: str | None = None


class _Score(msgspec.Struct, gc=False):
    score: str | None = None


class _Event(msgspec.Struct):
    """What happened; which fields there are depends on the type."""

    comment: _Said | None = None
    message: _Said | None = None
    actor: _Author | None = None
    previous: Any = None
    current: Any = None
    target_ticket_id: _Id = None
    satisfaction_score: _Score | None = None
    new_state: str | None = None
    new_unified_state: _UnifiedState | None = None
    channel: str | None = None
    updated_at: str | None = None


class _Body(msgspec.Struct):
    type: str
    id: _Id = None
    account_id: _Id = None
    time: str | None = None
    subject: str | None = None
    detail: _Detail | None = None
    event: _Event | None = None


_body = msgspec.json.Decoder(_Body)


class _Told(msgspec.Struct, frozen=True):
    """Whose ticket an event is of, and when (ms)."""

    source: str
    account: str
    name: str
    ticket: str
    contact: str
    channel: Channel
    queue: str | None
    identifiers: tuple[str, ...]
    time: int
    detail: _Detail
    event: _Event

    def id(self, what: str) -> str:
        """Id of what this event of Zendesk's says."""
        return event_id(self.source, self.account, self.name, what)

    def once(self, what: str) -> str:
        """Id of what is said of the ticket once, by whichever events."""
        return event_id(self.source, self.account, self.ticket, what)

    def said(self) -> dict[str, Any]:
        """Fields that all its events have."""
        return {
            "time": from_ms(self.time),
            "channel": self.channel,
            "source": self.source,
            "revision": Zendesk.revision,
            "queue": self.queue,
            "contact": self.contact,
            "identifiers": self.identifiers,
        }


class Zendesk(Webhook):
    """The provider `zendesk`.

    A ticket is a contact, its group is the queue. The channel is `via.channel`'s: web forms and what is not known are
    email. Only some failures are sent again.
    """

    name = "zendesk"
    channel: Channel = "email"
    tries_again = False
    kept = ("x-zendesk-webhook-invocation-id",)

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless Zendesk signed these bytes in the last five minutes."""
        signature = delivery.header("x-zendesk-webhook-signature")
        stamp = delivery.header("x-zendesk-webhook-signature-timestamp")
        signed = stamp.encode("utf-8", "surrogateescape") + delivery.body
        proofs = [
            b64encode(hmac.new(key.encode(), signed, sha256).digest())
            for key in secrets["secret"]
            if key != TEST_SECRET
        ]
        if not any_same(proofs, signature):
            raise NotGenuine("x-zendesk-webhook-signature is not the body's")
        at = _ms(stamp)
        if at is None:
            raise NotGenuine("x-zendesk-webhook-signature-timestamp is no ISO 8601 instant")
        within(WINDOW_SECONDS, at, delivery.at, "x-zendesk-webhook-signature-timestamp")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The id of the event."""
        return _text(_looked_at(body).id)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The ticket, else the agent."""
        body = _looked_at(payload)
        name = _ticket(body) or (_text(body.detail.agent_id) if body.detail else None)
        return name.encode() if name else None

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Where the ticket came in; an agent's state: the channel it holds for, else email."""
        return _channel(_looked_at(payload))

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What an event says. Raises Malformed."""
        body = decoded(_body, payload)
        kind = body.type.removeprefix(_PREFIX)
        if kind in _AGENT_KINDS:
            return _agent_state(body, context)
        rule = _RULES.get(kind)
        if rule is not None:
            return rule(_told(body, context))
        return Ignored("not_counted" if kind in _NOT_COUNTED else "unknown_event")


def _looked_at(payload: bytes) -> _Body:
    try:
        return _body.decode(payload)
    except UNREADABLE:
        return _NOTHING


_NOTHING = _Body(type="")


def _text(value: object) -> str | None:
    """An id as text; None for none, which Zendesk writes as 0 too."""
    return None if value in (None, "", 0, "0") or not isinstance(value, int | str) else str(value)


def _ms(value: str | None) -> int | None:
    """ISO 8601 with a zone, up to nanoseconds, as ms (rounded down); None where it is none."""
    try:
        ms = to_ms(datetime.fromisoformat(value or ""))
    except (ValueError, TypeError):
        return None
    return ms if 0 < ms <= _LATEST_MS else None


def _ticket(body: _Body) -> str | None:
    name = _text(body.detail.id) if body.detail else None
    prefix, _, rest = (body.subject or "").rpartition(":")
    return name or (rest if prefix == "zen:ticket" and rest else None)


def _channel(body: _Body) -> Channel:
    kind = body.type.removeprefix(_PREFIX)
    if kind.startswith("messaging_ticket."):
        return "chat"
    if kind.startswith("agent."):
        return _AGENT_CHANNELS.get((body.event.channel if body.event else None) or "", "email")
    via = body.detail.via.channel if body.detail and body.detail.via else None
    return _CHANNELS.get((via or "").lower().replace(" ", "_"), "email")


def _known(body: _Body) -> tuple[str, str]:
    """The account, and the id of the event."""
    account, name = _text(body.account_id), _text(body.id)
    if account is None or name is None:
        raise Malformed("identity", f"`$.{'id' if account else 'account_id'}` is missing: the event has no name")
    return account, name


def _time(body: _Body) -> int:
    time = _ms(body.time)
    if time is None:
        raise Malformed("time", "`$.time` is no instant: ISO 8601 with a zone is expected")
    return time


def _told(body: _Body, context: Context) -> _Told:
    account, name = _known(body)
    ticket = _ticket(body)
    if ticket is None:
        raise Malformed("identity", "no ticket is named: `$.detail.id` or `$.subject` zen:ticket:ID is expected")
    detail, event = body.detail or _Detail(), body.event or _Event()
    customer = _text(detail.requester_id)
    if event.actor is not None and event.actor.type == "end_user":
        customer = customer or _text(event.actor.id)
    return _Told(
        source=context.source,
        account=account,
        name=name,
        ticket=ticket,
        contact=contact_id(context.source, account, ticket),
        channel=_channel(body),
        queue=_text(detail.group_id),
        identifiers=(f"zendesk:{account}:{customer}",) if customer else (),
        time=_time(body),
        detail=detail,
        event=event,
    )


def _begun(told: _Told, time: int) -> tuple[AnyEvent, AnyEvent]:
    priority = told.detail.priority
    return begun(
        told.source,
        told.contact,
        told.channel,
        time,
        queue=told.queue,
        identifiers=told.identifiers,
        priority=priority.lower() if priority else None,
        tags=tuple(told.detail.tags or ()),
    )


def _created(told: _Told) -> Parsed:
    """The ticket; its first message comes as a comment."""
    return Events(_begun(told, _ms(told.detail.created_at) or told.time))


def _comment_added(told: _Told) -> Parsed:
    comment = told.event.comment
    author = comment.author if comment else None
    if comment is None or author is None or author.is_staff is None:
        raise Malformed("schema", "`$.event.comment.author.is_staff` is missing: nobody can say who wrote")
    if _text(author.id) == _SYSTEM:
        return _posted(told, comment, "system", None)
    return _posted(told, comment, "agent" if author.is_staff else "customer", _text(author.id))


def _message_added(told: _Told) -> Parsed:
    message, actor = told.event.message, told.event.actor
    if message is None or actor is None or actor.type is None:
        raise Malformed("schema", "`$.event.message` or `$.event.actor.type` is missing: nobody can say who wrote")
    return _posted(told, message, _ACTORS.get(actor.type, "system"), _text(actor.id))


def _posted(
    told: _Told, what: _Said, author: Literal["customer", "agent", "bot", "system"], writer: str | None
) -> Parsed:
    """A comment or a message; a private one neither begins nor answers."""
    name = _text(what.id)
    if name is None:
        raise Malformed("identity", "the comment or message has no `id`")
    agent = writer if author == "agent" else None
    posted = MessagePosted(
        id=event_id(told.source, told.account, told.ticket, name, "message"),
        **told.said(),
        agent=agent,
        author=author,
        public=what.is_public,
        length=None if what.body is None else len(what.body),
    )
    if author == "customer" and what.is_public:
        return Events((*_begun(told, told.time), posted))
    if author == "agent" and what.is_public:
        # Which queue it waited in is the offer's to say: the group may have changed.
        return Events((posted, answered(told.source, told.contact, told.channel, told.time, queue=None, agent=agent)))
    return Events((posted,))


def _group_changed(told: _Told) -> Parsed:
    """The first group is the queue of the first offer, since when the ticket waits; any other is a transfer."""
    before, after = _text(told.event.previous), _text(told.event.current)
    if after is None or before == after:
        return Ignored("no_group")
    if before is not None:
        said = told.said() | {"queue": before}
        return Events((ContactTransferred(id=told.id("group"), **said, to=after),))
    first = msgspec.structs.replace(told, queue=after)
    created, offered = _begun(first, _ms(told.detail.created_at) or told.time)
    return Events((created, msgspec.structs.replace(offered, revision=offered.revision + 1)))


def _assignee_changed(told: _Told) -> Parsed:
    before, after = _text(told.event.previous), _text(told.event.current)
    if after is None or before == after:
        return Ignored("unassigned")
    if before is None:
        return Events((ContactUpdated(id=told.id("assigned"), **told.said(), agent=after, assignee=after),))
    return Events((ContactTransferred(id=told.id("assignee"), **told.said(), agent=before, to=after),))


def _status_changed(told: _Told) -> Parsed:
    """The status; new or open after solved is offered again."""
    before, after = str(told.event.previous).upper(), str(told.event.current).upper()
    status = _STATUSES.get(after)
    if status is None:
        raise Malformed("schema", f"`$.event.current` is {shown(after)}: one of {', '.join(_STATUSES)} is expected")
    changed = ContactStatusChanged(id=told.id("status"), **told.said(), status=status)
    if before == "SOLVED" and status in ("new", "open"):
        return Events((changed, ContactOffered(id=told.id("reopened"), **told.said())))
    return Events((changed,))


def _merged(told: _Told) -> Parsed:
    target = _text(told.event.target_ticket_id)
    if target is None:
        return Ignored("merged_into_unknown")
    into = contact_id(told.source, told.account, target)
    return Events((ContactMerged(id=told.id("merged"), **told.said(), into=into),))


def _removed(told: _Told) -> Parsed:
    """Deleted, or spam, or both one after the other: over since the first of them."""
    said = told.said() | {"revision": earliest(told.time)}
    return Events((ContactEnded(id=told.once("removed"), **said),))


def _rated(told: _Told) -> Parsed:
    """Good is 1, bad is 0. A later rating of the ticket corrects it."""
    score = ((told.event.satisfaction_score or _Score()).score or "").lower()
    if not score.startswith(("good", "bad")):
        return Ignored("rating_not_understood")
    said = told.said() | {"revision": told.time}
    points = 1 if score.startswith("good") else 0
    return Events((SurveyAnswered(id=told.once("rating"), **said, kind="csat", score=points, scale=1),))


def _agent_state(body: _Body, context: Context) -> Parsed:
    """The state everywhere, or on one channel, which is the queue then. A state of the customer's own is away."""
    account, name = _known(body)
    event, detail = body.event or _Event(), body.detail or _Detail()
    agent = _text(detail.agent_id)
    if agent is None:
        raise Malformed("identity", "`$.detail.agent_id` is missing: nobody can say whose state it is")
    unified = body.type.endswith(".unified_state_changed")
    said = (event.new_unified_state or _UnifiedState()).name if unified else event.new_state
    if not said:
        field = "new_unified_state.name" if unified else "new_state"
        raise Malformed("schema", f"`$.event.{field}` is missing: online, offline, away or a name is expected")
    state = _STATES.get(said.lower())
    changed = AgentStateChanged(
        id=event_id(context.source, account, name, "state"),
        time=from_ms(_ms(event.updated_at) or _time(body)),
        channel=_channel(body),
        source=context.source,
        revision=Zendesk.revision,
        queue=None if unified else event.channel,
        agent=agent,
        state=state or "away",
        reason=None if state else said,
    )
    return Events((changed,))


_AGENT_KINDS = frozenset({"agent.state_changed", "agent.unified_state_changed"})
_RULES: Mapping[str, Callable[[_Told], Parsed]] = {
    "ticket.created": _created,
    "ticket.comment_added": _comment_added,
    "messaging_ticket.message_added": _message_added,
    "ticket.group_assignment_changed": _group_changed,
    "ticket.agent_assignment_changed": _assignee_changed,
    "ticket.status_changed": _status_changed,
    "ticket.csat_received": _rated,
    "ticket.merged": _merged,
    "ticket.soft_deleted": _removed,
    "ticket.marked_as_spam": _removed,
    "ticket.permanently_deleted": _removed,
}
_NOT_COUNTED = frozenset(
    {
        "agent.channel_created",
        "agent.channel_deleted",
        "agent.groups_updated",
        "agent.max_capacity_changed",
        "agent.work_item_added",
        "agent.work_item_removed",
        "agent.work_item_updated",
        "ticket.attachment_linked_to_comment",
        "ticket.attachment_redacted_from_comment",
        "ticket.brand_changed",
        "ticket.comment_made_private",
        "ticket.comment_redacted",
        "ticket.csat_requested",
        "ticket.custom_field_changed",
        "ticket.custom_status_changed",
        "ticket.description_changed",
        "ticket.email_ccs_changed",
        "ticket.external_id_changed",
        "ticket.followers_changed",
        "ticket.form_changed",
        "ticket.next_sla_breach_changed",
        "ticket.ola_policy_changed",
        "ticket.organization_changed",
        "ticket.priority_changed",
        "ticket.problem_link_changed",
        "ticket.requester_changed",
        "ticket.schedule_changed",
        "ticket.sla_policy_changed",
        "ticket.subject_changed",
        "ticket.submitter_changed",
        "ticket.tags_changed",
        "ticket.task_due_at_changed",
        "ticket.type_changed",
        "ticket.undeleted",
        "user.merged",
    }
)

PROVIDER = Zendesk()
