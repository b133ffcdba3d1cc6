"""Amazon Connect: contact events, contact records and agent events of an instance.

Three sources tell of the same contacts, so that ids are not made of their names but of the AWS account, which all three
say, and of Connect's contact ids, which are unique. What an event says has revision 1 (2 where one knows better), what
a contact record says the time of its last update (ms): it stands, and a later one corrects it. Records come again for
up to 24 months.

A transfer, a move to another queue and a callback make a new contact of Connect's: a link of a chain. The chain, named
by its first link, is the contact here, and each link that is queued is an offer. A link is over once: the next link
says that it was transferred, moved or is called back, else it has ended or left its queue itself. One that was answered
and has a next one counts as transferred, also where the transfer fell through. Nobody waits in a link that an agent or
a campaign began. Links of supervisors and third parties, and mails that are sent, are ignored. A task is counted with
e-mail.

Queues and agents are told by the ids at the end of their ARNs, for contact events have no names. The setting `names`,
`ID=Name,...`, gives them names; the three sources need the same. Contact events are a best effort: each brings along
all that was known before it.

The API key (secret `api_key`) comes as X-Api-Key or as a Bearer from EventBridge, as X-Amz-Firehose-Access-Key from
Firehose. Nothing else proves a delivery: the body is not signed.

Facts: AWS "Amazon Connect contact events", "Contact records data model", "Agent event streams data model", "EventBridge
retry policy", "HTTP endpoint delivery request and response specifications" (Firehose).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Events, Fault, Headers, Ignored, Malformed, Parsed
from agents.intake.providers._connect_bodies import (
    Agent,
    AgentEvent,
    AgentInfo,
    Detail,
    Envelope,
    Held,
    Queue,
    QueueInfo,
    Record,
    Snapshot,
    Status,
    converted,
)
from agents.intake.providers._connect_links import (
    LIVE,
    LIVE_SURER,
    Link,
    first_of,
    identifiers_of,
    instant,
    last_of,
    named,
    needed,
    scope_of,
)
from agents.intake.providers._connect_webhook import ConnectWebhook
from schemas.events import (
    AgentState,
    AgentStateChanged,
    AnyEvent,
    Channel,
    ContactEnded,
    ContactHoldEnded,
    ContactHoldStarted,
    ContactOfferDeclined,
    ContactTransferred,
)
from schemas.ids import event_id
from schemas.instants import from_ms

CHANNELS: Mapping[str, Channel] = {"voice": "phone", "chat": "chat", "email": "email", "task": "email"}
"""Channels, by Connect's in lower case."""

EVENTS = frozenset(
    {"INITIATED", "CONNECTED_TO_SYSTEM", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "COMPLETED"}
    | {"PAUSED", "RESUMED"}
)
"""Contact events that are counted."""

IGNORED: Mapping[str, str] = {
    "CONTACT_DATA_UPDATED": "property",
    "AMD_DISABLED": "property",
    "WEBRTC_API": "property",
}
"""Contact events that say nothing that is counted, and why."""

OTHER_LINKS: Mapping[str, str] = {
    "MONITOR": "supervisor",
    "EXTERNAL_OUTBOUND": "third_party",
    "AGENT_REPLY": "sent_mail",
    "FLOW": "sent_mail",
}
"""Links that are no part of a customer's wait, by how they were initiated, and why."""

ENDED_BY: Mapping[str, Literal["customer", "agent", "system"]] = {
    "CUSTOMER_DISCONNECT": "customer",
    "AGENT_DISCONNECT": "agent",
    "CONTACT_FLOW_DISCONNECT": "system",
    "TELECOM_PROBLEM": "system",
    "EXPIRED": "system",
    "API": "system",
}
"""Reasons of a contact record for its end, as far as they say who ended it."""

STATES: Mapping[str, AgentState] = {"ROUTABLE": "available", "OFFLINE": "offline", "CUSTOM": "away"}
"""States of agents, by the type of their status."""


class ContactEvents(ConnectWebhook):
    """The provider `connect-contacts`."""

    own_name = ("id",)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The chain."""
        return _chain_of(self._detail(payload))

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """That of the contact; phone where it has none that is known."""
        return _channel_of(self._detail(payload))

    def said(self, value: Any, context: Context, where: str) -> Parsed:
        """What one event of EventBridge says. Raises Malformed."""
        envelope = converted(value, Envelope, where)
        if envelope.detail_type != "Amazon Connect Contact Event":
            return Ignored("other_event")
        detail = converted(envelope.detail, Detail, f"{where}.detail")
        if detail.event_type not in EVENTS:
            return Ignored(IGNORED.get(detail.event_type, "unknown_type"))
        link = _link_of_event(envelope, detail, context, where)
        if isinstance(link, Ignored):
            return link
        return Events((*link.begun(), *link.before(), *_told_by_event(link, envelope, detail, where)))

    def _detail(self, payload: bytes) -> dict[str, Any]:
        detail = self.glance(payload).get("detail")
        return detail if isinstance(detail, dict) else {}


class ContactRecords(ConnectWebhook):
    """The provider `connect-records`."""

    own_name = ("contactid", "lastupdatetimestamp")

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The chain."""
        return _chain_of(self.glance(payload))

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """That of the contact; phone where it has none that is known."""
        return _channel_of(self.glance(payload))

    def said(self, value: Any, context: Context, where: str) -> Parsed:
        """What one contact record says. Raises Malformed."""
        record = converted(value, Record, where)
        link = _link_of_record(record, context, where)
        if isinstance(link, Ignored):
            return link
        return Events((*link.begun(), *link.before(), *_told_by_record(link, record, where)))


class AgentEvents(ConnectWebhook):
    """The provider `connect-agents`."""

    own_name = ("eventid",)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The agent."""
        return _text(self.glance(payload).get("agentarn"))

    def said(self, value: Any, context: Context, where: str) -> Parsed:
        """What one event of the agent event stream says. Raises Malformed."""
        event = converted(value, AgentEvent, where)
        if event.event_type == "HEART_BEAT":
            return Ignored("heart_beat")
        if event.event_type not in ("LOGIN", "LOGOUT", "STATE_CHANGE"):
            return Ignored("unknown_type")
        return together((tried(_state_of, event, context, where), *_contacts_of(event, context, where)))


def _link_of_event(envelope: Envelope, detail: Detail, context: Context, where: str) -> Link | Ignored:
    """A contact event as a link. What has happened just now and has no time of its own, has the envelope's."""
    place = f"{where}.detail"
    name, channel = needed(detail.contact_id, f"{place}.contactid"), _counted(detail, place)
    if isinstance(channel, Ignored):
        return channel
    queue, agent = detail.queue_info or QueueInfo(), detail.agent_info or AgentInfo()
    kind, now = detail.event_type, instant(envelope.time, f"{where}.time")
    enqueued = instant(queue.enqueue_timestamp, f"{place}.queueinfo.enqueuetimestamp")
    answered = instant(agent.connected_to_agent_timestamp, f"{place}.agentinfo.connectedtoagenttimestamp")
    account = needed(envelope.account, f"{where}.account")
    return Link(
        context=context,
        account=account,
        name=name,
        chain=detail.initial_contact_id or name,
        previous=detail.previous_contact_id,
        channel=channel,
        method=_method(detail),
        outbound=detail.campaign is not None or _method(detail) == "OUTBOUND",
        initiated=first_of((instant(detail.initiation_timestamp, f"{place}.initiationtimestamp"), now), place),
        enqueued=enqueued or (now if kind == "QUEUED" else None),
        answered=answered or (now if kind == "CONNECTED_TO_AGENT" else None),
        queue=named(queue.queue_arn, context),
        agent=named(agent.agent_arn, context),
        identifiers=identifiers_of(detail.customer_endpoint, detail.customer_id, account, context),
    )


def _told_by_event(link: Link, envelope: Envelope, detail: Detail, where: str) -> Iterator[AnyEvent]:
    """What an event says besides that the contact has come so far."""
    place, kind = f"{where}.detail", detail.event_type
    now = instant(envelope.time, f"{where}.time")
    if kind in ("DISCONNECTED", "COMPLETED"):
        at = instant(detail.disconnect_timestamp, f"{place}.disconnecttimestamp")
        if at is not None or kind == "DISCONNECTED":
            yield link.over(first_of((at, now), place))
        agent = detail.agent_info or AgentInfo()
        began = instant(agent.after_contact_work_start_timestamp, f"{place}.agentinfo.aftercontactworkstarttimestamp")
        ended = instant(agent.after_contact_work_end_timestamp, f"{place}.agentinfo.aftercontactworkendtimestamp")
        yield from link.wrapup(began, ended, LIVE_SURER)
    elif kind == "PAUSED":
        at = first_of((instant(detail.last_paused_timestamp, f"{place}.lastpausedtimestamp"), now), place)
        yield ContactHoldStarted(**link.common("hold_started", at, at), agent=link.agent)
    elif kind == "RESUMED":
        at = first_of((instant(detail.last_resumed_timestamp, f"{place}.lastresumedtimestamp"), now), place)
        yield ContactHoldEnded(**link.common("hold_ended", at, at), agent=link.agent)


def _link_of_record(record: Record, context: Context, where: str) -> Link | Ignored:
    name, channel = needed(record.contact_id, f"{where}.contactid"), _counted(record, where)
    if isinstance(channel, Ignored):
        return channel
    queue, agent = record.queue or Queue(), record.agent or Agent()
    account = needed(record.aws_account_id, f"{where}.awsaccountid")
    initiated = instant(record.initiation_timestamp, f"{where}.initiationtimestamp")
    updated = instant(record.last_update_timestamp, f"{where}.lastupdatetimestamp")
    return Link(
        context=context,
        account=account,
        name=name,
        chain=record.initial_contact_id or name,
        previous=record.previous_contact_id,
        channel=channel,
        method=_method(record),
        outbound=record.campaign is not None or _method(record) == "OUTBOUND",
        initiated=first_of((initiated,), f"{where}.initiationtimestamp"),
        enqueued=instant(queue.enqueue_timestamp, f"{where}.queue.enqueuetimestamp"),
        answered=instant(agent.connected_to_agent_timestamp, f"{where}.agent.connectedtoagenttimestamp"),
        queue=named(queue.arn, context),
        agent=named(agent.arn, context),
        identifiers=identifiers_of(record.customer_endpoint, record.customer_id, account, context),
        revision=first_of((updated,), f"{where}.lastupdatetimestamp"),
        waited=queue.duration,
    )


def _told_by_record(link: Link, record: Record, where: str) -> Iterator[AnyEvent]:
    """How the link was over, and the work after it. How one was over that left its queue for the next link, the next
    one says."""
    agent = record.agent or Agent()
    ended = instant(record.disconnect_timestamp, f"{where}.disconnecttimestamp")
    moved = instant(record.transfer_completed_timestamp, f"{where}.transfercompletedtimestamp")
    measured = _measured(agent)
    # An end would take the next link out of its queue. Only who left Connect has a time of the transfer.
    over_to_next = moved or (ended if record.next_contact_id else None)
    if link.answered is not None and over_to_next is not None:
        to = None if record.transferred_to_endpoint is None else record.transferred_to_endpoint.address
        yield ContactTransferred(**link.common("over", over_to_next), agent=link.agent, to=to, **measured)
    elif ended is not None and not (link.answered is None and record.next_contact_id):
        over = link.over(ended)
        if isinstance(over, ContactEnded):
            over = msgspec.structs.replace(over, by=ENDED_BY.get(record.disconnect_reason or ""), **measured)
        yield over
    yield from link.wrapup(
        instant(agent.after_contact_work_start_timestamp, f"{where}.agent.aftercontactworkstarttimestamp"),
        instant(agent.after_contact_work_end_timestamp, f"{where}.agent.aftercontactworkendtimestamp"),
        link.revision,
    )


def _measured(agent: Agent) -> dict[str, Any]:
    """Seconds that the agent had of it; `handled` is all of them."""
    talked = agent.agent_interaction_duration
    if talked is None:
        return {}
    held, after = agent.customer_hold_duration, agent.after_contact_work_duration
    return {"talked": talked, "held": held, "handled": talked + (held or 0) + (after or 0)}


def _state_of(event: AgentEvent, context: Context, where: str) -> Parsed:
    """The agent's state, as the present snapshot has it: it is told again and again under one id, so that an event that
    was lost does no harm. Who logs in or out may have had that status before, so that the event's time counts."""
    status = (event.current_agent_snapshot or Snapshot()).agent_status
    if status is None and event.event_type != "LOGOUT":
        return Ignored("no_snapshot")
    state: AgentState = "offline" if event.event_type == "LOGOUT" or status is None else _state(status)
    place, text = f"{where}.eventtimestamp", event.event_timestamp
    if event.event_type == "STATE_CHANGE" and status is not None:
        place, text = f"{where}.currentagentsnapshot.agentstatus.starttimestamp", status.start_timestamp
    arn, account = needed(event.agent_arn, f"{where}.agentarn"), needed(event.aws_account_id, f"{where}.awsaccountid")
    at = first_of((instant(text, place),), place)
    changed = AgentStateChanged(
        id=event_id(scope_of(account), last_of(arn), "state", at),
        time=from_ms(at),
        channel="phone",
        source=context.source,
        revision=LIVE,
        agent=named(arn, context),
        state=state,
        reason=status.name if state == "away" and status is not None else None,
    )
    return Events((changed,))


def _state(status: Status) -> AgentState:
    """What a status means. Older events tell no type."""
    kind = status.type or {"Available": "ROUTABLE", "Offline": "OFFLINE"}.get(status.name or "", "CUSTOM")
    return STATES.get(kind.upper(), "away")


def _contacts_of(event: AgentEvent, context: Context, where: str) -> Iterator[Parsed | Fault]:
    """What became of each of the agent's contacts."""
    before, now = (
        {held.contact_id: held for held in (snapshot or Snapshot()).contacts or ()}
        for snapshot in (event.previous_agent_snapshot, event.current_agent_snapshot)
    )
    for name, held in now.items():
        old = before.get(name)
        was_on_hold = old is not None and old.state == "CONNECTED_ONHOLD"
        yield tried(_has, held, event, context, where, was_on_hold=was_on_hold)
    for name, held in before.items():
        if held.state == "ENDED" and name not in now:
            yield tried(_had, held, event, context, where)


def _has(held: Held, event: AgentEvent, context: Context, where: str, *, was_on_hold: bool) -> Parsed:
    place = f"{where}.currentagentsnapshot.contacts"
    at = instant(held.state_start_timestamp, f"{place}.statestarttimestamp")
    link = _link_held(held, event, context, first_of((at,), f"{place}.statestarttimestamp"), place)
    return Events(() if link is None else tuple(_became(link, held.state or "", was_on_hold=was_on_hold)))


def _had(held: Held, event: AgentEvent, context: Context, where: str) -> Parsed:
    at = first_of((instant(event.event_timestamp, f"{where}.eventtimestamp"),), f"{where}.eventtimestamp")
    link = _link_held(held, event, context, at, f"{where}.previousagentsnapshot.contacts")
    return Events(() if link is None else tuple(link.wrapup(None, link.initiated, LIVE)))


def _became(link: Link, state: str, *, was_on_hold: bool) -> Iterator[AnyEvent]:
    at = link.initiated
    if state == "CONNECTED_ONHOLD":
        yield ContactHoldStarted(**link.common("hold_started", at, at), agent=link.agent)
    elif state == "CONNECTED" and was_on_hold:
        yield ContactHoldEnded(**link.common("hold_ended", at, at), agent=link.agent)
    elif state == "ENDED":
        yield from link.wrapup(at, None, LIVE)
    elif state in ("MISSED", "REJECTED"):
        reason: Literal["missed", "rejected"] = "missed" if state == "MISSED" else "rejected"
        yield ContactOfferDeclined(**link.common("declined", at, link.agent, at), agent=link.agent, reason=reason)


def _link_held(held: Held, event: AgentEvent, context: Context, at: int, where: str) -> Link | None:
    """A contact that an agent has, as far as its state since `at` (ms) tells of it; None: nobody waited there."""
    name, channel = needed(held.contact_id, f"{where}.contactid"), _counted(held, where)
    if isinstance(channel, Ignored) or _method(held) == "OUTBOUND":
        return None
    return Link(
        context=context,
        account=needed(event.aws_account_id, f"{where}.awsaccountid"),
        name=name,
        chain=held.initial_contact_id or name,
        previous=None,
        channel=channel,
        method=_method(held),
        outbound=False,
        initiated=at,
        queue=named((held.queue or Queue()).arn, context),
        agent=named(event.agent_arn, context),
    )


def _counted(link: Detail | Record | Held, where: str) -> Channel | Ignored:
    """Its channel, or why nothing of it is counted. Raises Malformed where it names no channel."""
    if not link.channel:
        raise Malformed("schema", f"`{where}.channel` is missing: VOICE, CHAT, TASK or EMAIL is expected")
    if _method(link) in OTHER_LINKS:
        return Ignored(OTHER_LINKS[_method(link)])
    return CHANNELS.get(link.channel.lower()) or Ignored("other_channel")


def _method(link: Detail | Record | Held) -> str:
    return (link.initiation_method or "").upper()


def _chain_of(value: Mapping[str, Any]) -> bytes | None:
    return _text(value.get("initialcontactid")) or _text(value.get("contactid"))


def _channel_of(value: Mapping[str, Any]) -> str:
    return CHANNELS.get(str(value.get("channel")).lower(), "phone")


def _text(value: Any) -> bytes | None:
    return value.encode() or None if isinstance(value, str) else None


PROVIDERS = (ContactEvents("connect-contacts"), ContactRecords("connect-records"), AgentEvents("connect-agents"))
