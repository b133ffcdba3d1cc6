"""Slack's Events API: messages in channels and threads, and the emoji that set a thread done.

A thread is a contact, its channel the queue. Sources: Slack's documentation, "Events API", "Verifying requests from
Slack"; slackapi/slack-api-specs `events-api`; slackapi/python-slack-sdk `slack_sdk/signature`.

Settings: `staff`, the user ids of agents; `resolved`, the names of the emoji that set a thread done. Commas divide
both. In a channel shared with other organisations everybody of the app's own workspace is staff as well, except for
emoji: a reaction doesn't say whose workspace its user is of.
"""

import hmac
import re
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from agents.intake.parsing import Context, Events, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import Webhook, answered, begun, created, decoded, listed
from schemas.events import (
    AnyEvent,
    Channel,
    ContactStatus,
    ContactStatusChanged,
    MessagePosted,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Answer, Delivery, NotGenuine, Secrets, any_same, within

WINDOW = 300.0
"""How far, in seconds, the signed time may lie from now."""

_TIMESTAMP = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_WRITTEN = frozenset({None, "", "bot_message", "file_share", "me_message", "thread_broadcast"})
_UNWRITTEN = {"message_changed": "edited", "message_deleted": "deleted", "message_replied": "thread_notice"}
_SAYING_NOTHING = {"url_verification": "handshake", "app_rate_limited": "rate_limited"}
_SLACKBOT = "USLACKBOT"


class _Authorization(msgspec.Struct, gc=False):
    team_id: str | None = None
    user_id: str | None = None
    is_bot: bool | None = None


class _Outer(msgspec.Struct, gc=False):
    type: str | None = None
    challenge: str | None = None
    team_id: str | None = None
    context_team_id: str | None = None
    enterprise_id: str | None = None
    event_id: str | None = None
    event: msgspec.Raw = msgspec.Raw(b"null")
    authorizations: list[_Authorization] | None = None
    is_ext_shared_channel: bool | None = None


class _Kind(msgspec.Struct, gc=False):
    type: str
    subtype: str | None = None


class _Item(msgspec.Struct, gc=False):
    type: str | None = None
    channel: str | None = None
    ts: str | None = None


class _Event(msgspec.Struct, gc=False):
    """A message, a mention of the app, or a reaction."""

    type: str
    subtype: str | None = None
    channel: str | None = None
    ts: str | None = None
    thread_ts: str | None = None
    event_ts: str | None = None
    user: str | None = None
    parent_user_id: str | None = None
    bot_id: str | None = None
    text: str | None = None
    user_team: str | None = None
    source_team: str | None = None
    team: str | None = None
    reaction: str | None = None
    item: _Item | None = None
    item_user: str | None = None


class _Thread(NamedTuple):
    """Where something happened: the workspace that the app is in, the channel and the thread's first message."""

    team: str
    channel: str
    root: str


_outer = msgspec.json.Decoder(_Outer)
_kind = msgspec.json.Decoder(_Kind)
_event = msgspec.json.Decoder(_Event)


class Slack(Webhook):
    """The provider `slack`."""

    name = "slack"
    channel: Channel = "chat"
    secret_names = ("signing_secret",)
    setting_names = ("staff", "resolved")
    seconds = 3.0
    kept = ("x-slack-retry-num", "x-slack-retry-reason")

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """Raises NotGenuine unless the signing secret signed the time and the body, within the last five minutes."""
        stamp, proof = delivery.header("x-slack-request-timestamp"), delivery.header("x-slack-signature")
        if _TIMESTAMP.fullmatch(stamp) is None or not stamp.isdigit():
            raise NotGenuine("header x-slack-request-timestamp is no number of seconds")
        within(WINDOW, int(stamp) * 1000, delivery.at, "header x-slack-request-timestamp")
        signed = b"v0:" + stamp.encode() + b":" + delivery.body
        expected = ["v0=" + hmac.digest(each.encode(), signed, sha256).hex() for each in secrets["signing_secret"]]
        if not any_same(expected, proof):
            raise NotGenuine("header x-slack-signature is another than the signing secret makes of the body")

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """The challenge of a url_verification. Raises NotGenuine where there is none in it."""
        outer = _looked_at(delivery.body)
        if delivery.method != "POST" or outer.type != "url_verification":
            return None
        if not outer.challenge:
            raise NotGenuine("a url_verification without a challenge")
        return Answer(body=outer.challenge.encode())

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """`event_id`, the same when Slack tries again."""
        return _looked_at(body).event_id or None

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The thread."""
        try:
            outer = _outer.decode(payload)
            thread = _thread_of(outer, _event.decode(outer.event))
        except (*UNREADABLE, Malformed):
            return None
        return ":".join(thread).encode()

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What was written, or set done or open again. Raises Malformed."""
        outer: _Outer = decoded(_outer, payload)
        if outer.type != "event_callback":
            return Ignored(_SAYING_NOTHING.get(outer.type or "", "unknown_type"))
        kind: _Kind = decoded(_kind, outer.event, "$.event")
        if kind.type in ("message", "app_mention"):
            if kind.subtype not in _WRITTEN:
                return Ignored(_UNWRITTEN.get(kind.subtype or "", "housekeeping"))
            return Events(_message(outer, decoded(_event, outer.event, "$.event"), context, self))
        if kind.type in ("reaction_added", "reaction_removed"):
            return _reaction(outer, decoded(_event, outer.event, "$.event"), context, self)
        return Ignored("unknown_event")


def _message(outer: _Outer, event: _Event, context: Context, slack: Slack) -> tuple[AnyEvent, ...]:
    thread = _thread_of(outer, event)
    ts = event.ts or ""
    time, user = _instant(ts, "ts"), event.user
    author = _author(outer, event, thread.team, listed(context.settings.get("staff", "")))
    contact = contact_id(context.source, *thread)
    answers = ts != thread.root
    posted = MessagePosted(
        id=event_id(context.source, thread.team, thread.channel, ts, "message"),
        time=from_ms(time),
        channel=slack.channel,
        source=context.source,
        contact=contact,
        queue=thread.channel,
        agent=user if author == "agent" else None,
        identifiers=_identifiers(thread.team, user) if author == "customer" else (),
        revision=slack.revision,
        author=author,
        length=_length(event.text),
        in_reply_to=event_id(context.source, thread.team, thread.channel, thread.root, "message") if answers else None,
    )
    if author == "customer":
        # Who wrote the first message of a thread began it; of anybody else's thread only this reply is known.
        start = _instant(thread.root, "thread_ts") if event.parent_user_id == user else time
        known = posted.identifiers
        return (*begun(context.source, contact, slack.channel, start, queue=thread.channel, identifiers=known), posted)
    if author != "agent":
        return (posted,)
    if answers:
        answer = answered(context.source, contact, slack.channel, time, queue=thread.channel, agent=user)
        return (posted, answer)
    there = created(
        context.source, contact, slack.channel, time, queue=thread.channel, agent=user, direction="outbound"
    )
    return (there, posted)


def _reaction(outer: _Outer, event: _Event, context: Context, slack: Slack) -> Parsed:
    name = (event.reaction or "").partition("::")[0]
    if name not in listed(context.settings.get("resolved", "")) or event.item is None or event.item.type != "message":
        return Ignored("reaction")
    staff = listed(context.settings.get("staff", ""))
    if event.user not in staff:
        return Ignored("reaction_of_others")
    # Which message of a thread it is isn't said; what staff or the app wrote is hardly the customer's first.
    if event.item_user in staff or event.item_user in _bots(outer):
        return Ignored("reaction_to_reply")
    if not outer.event_id:
        raise Malformed("identity", "`$.event_id` is missing or empty: nobody can say whether this came before")
    thread = _thread_of(outer, event)
    said: dict[str, Any] = {
        "time": from_ms(_instant(event.event_ts or "", "event_ts")),
        "channel": slack.channel,
        "source": context.source,
        "contact": contact_id(context.source, *thread),
        "queue": thread.channel,
        "agent": event.user,
        "revision": slack.revision,
    }
    # Never an offer: of a reply the emoji names a thread that may not exist, in which nobody waits.
    status: ContactStatus = "solved" if event.type == "reaction_added" else "open"
    return Events((ContactStatusChanged(id=event_id(context.source, outer.event_id, status), status=status, **said),))


def _author(outer: _Outer, event: _Event, team: str, staff: frozenset[str]) -> Any:
    if event.subtype == "bot_message" or event.bot_id or event.user in _bots(outer):
        return "bot"
    if event.user == _SLACKBOT:
        return "system"
    if not event.user:
        raise Malformed("identity", "`$.event.user` is missing or empty, and it is no bot's message: nobody wrote it")
    if event.user in staff:
        return "agent"
    theirs = event.user_team or event.source_team or event.team
    return "agent" if outer.is_ext_shared_channel and theirs == team else "customer"


def _thread_of(outer: _Outer, event: _Event) -> _Thread:
    """Raises Malformed where it can't be told."""
    team = _team(outer)
    if event.item is not None:
        channel, root, where = event.item.channel, event.item.ts, "event.item"
    else:
        channel, root, where = event.channel, event.thread_ts or event.ts, "event"
    for value, name in ((team, "team_id"), (channel, f"{where}.channel"), (root, f"{where}.ts")):
        if not value:
            raise Malformed("identity", f"`$.{name}` is missing or empty: nobody can say which thread it is")
    return _Thread(team or "", channel or "", root or "")


def _team(outer: _Outer) -> str | None:
    # In a shared channel `team_id` may be the sender's workspace; where the app is installed stays the same.
    installed = outer.authorizations[0].team_id if outer.authorizations else None
    return installed or outer.context_team_id or outer.team_id or outer.enterprise_id


def _bots(outer: _Outer) -> tuple[str | None, ...]:
    """The app's own users."""
    return tuple(each.user_id for each in outer.authorizations or () if each.is_bot and each.user_id)


def _identifiers(team: str, user: str | None) -> tuple[str, ...]:
    return (f"slack:{team}:{user}",) if user else ()


def _length(text: str | None) -> int:
    """Characters as they were typed: three of them are sent as entities."""
    return len((text or "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _instant(ts: str, name: str) -> int:
    """Milliseconds of a ts, rounded down. Raises Malformed."""
    found = _TIMESTAMP.fullmatch(ts)
    if found is None:
        raise Malformed("time", f"`$.event.{name}` is {shown(ts)}: expected seconds like 1792490399.000200, as text")
    return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3])


def _looked_at(body: bytes) -> _Outer:
    try:
        return _outer.decode(body)
    except UNREADABLE:
        return _NOTHING


_NOTHING = _Outer()
PROVIDER = Slack()
