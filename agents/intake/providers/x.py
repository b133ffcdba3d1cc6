"""X: the Account Activity API and the X Activity API, its successor, as X's documentation has them (xdevplatform/docs:
account activity, activity API, webhooks quickstart).

X says nothing of agents and has no queues: our account is the queue. A direct conversation is the contact of its two
accounts for good. A public thread is the contact that `conversation_id` names; the older API tells only the post that
is answered, not the thread, so that there all posts between our account and a customer are one contact.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Fault, Ignored, Malformed, Parsed, shown
from agents.intake.providers._social import Conversation, Message, given, instant, needed
from agents.intake.providers._x_bodies import BODY, DIRECT, OLD_POST, PAYLOAD, Activity, Body, Direct, OldPost, Payload
from agents.intake.webhook import Webhook, decoded, listed
from schemas.events import Channel
from schemas.ids import contact_id
from schemas.instants import to_ms
from streams.connectors.hooks import Answer, Delivery, NotGenuine, Secrets, any_same

_SIGNATURE = "x-twitter-webhooks-signature"
_CRC_TOKEN = re.compile(r"[\w.~+/=-]{1,512}", re.ASCII)
_DIRECT = frozenset({"dm.received", "dm.sent"})
_ENCRYPTED = frozenset({"chat.received", "chat.sent"})
_POSTS = frozenset({"post.mention.create", "post.reply.create", "post.create"})


class X(Webhook):
    """Direct messages and public posts of our accounts on X, by either API. Secret: `consumer_secret`; of two, the
    first answers the challenge. Setting `bot_apps`: ids of the apps that write direct messages by themselves."""

    name = "x"
    channel: Channel = "social"
    secret_names = ("consumer_secret",)
    setting_names = ("bot_apps",)
    tries_again = False

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """HMAC-SHA256 of the raw body, base64. Nothing is timed: a copy of a delivery is genuine, too. A body that is a
        plain token is refused: anybody gets its signature by `greet`."""
        if _CRC_TOKEN.fullmatch(delivery.body.decode("latin-1")):
            raise NotGenuine("the body is a plain token, as a challenge-response check has it: no event")
        proof = delivery.header(_SIGNATURE)
        if not any_same((_signed(secret, delivery.body) for secret in secrets["consumer_secret"]), proof):
            raise NotGenuine(f"{_SIGNATURE} is not the body's")

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """The answer to a challenge-response check. It signs what anybody may ask for: a token that could be the body
        of an event is refused, so that nobody gets the signature of one; `verify` refuses what is signed here."""
        if delivery.method != "GET":
            return None
        token = dict(delivery.query).get("crc_token", "")
        if not _CRC_TOKEN.fullmatch(token):
            raise NotGenuine("a GET without crc_token, or with one that is no plain token")
        said = {"response_token": _signed(secrets["consumer_secret"][0], token.encode())}
        return Answer(body=msgspec.json.encode(said), content_type="application/json")

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What all its events say. Raises Malformed."""
        body: Body = decoded(BODY, payload)
        if body.data is not None:
            return _activity(body.data, context)
        if body.user_event is not None:
            return Ignored("access_revoked")
        if body.direct_message_events is None and body.tweet_create_events is None:
            return Ignored("other_event")
        return together(_account_activity(body, needed(body.for_user_id, "$.for_user_id"), context))


PROVIDER = X()


def _account_activity(body: Body, ours: str, context: Context) -> Iterator[Parsed | Fault]:
    for index, event in enumerate(body.direct_message_events or ()):
        yield tried(_direct, event, ours, context, f"$.direct_message_events[{index}]")
    for index, post in enumerate(body.tweet_create_events or ()):
        yield tried(_old_post, post, ours, context, f"$.tweet_create_events[{index}]")


def _activity(activity: Activity, context: Context) -> Parsed:
    kind, where = activity.event_type, "$.data.payload"
    if kind.startswith("oauth.") or kind.endswith(".revoke"):
        return Ignored("access_revoked")
    if kind not in _DIRECT | _ENCRYPTED | _POSTS:
        return Ignored("other_event")
    payload: Payload = decoded(PAYLOAD, activity.payload, where)
    ours = needed(None if activity.filter is None else activity.filter.user_id, "$.data.filter.user_id")
    if kind in _DIRECT:
        return together(
            tried(_direct, event, ours, context, f"{where}.direct_message_events[{index}]")
            for index, event in enumerate(payload.direct_message_events or ())
        )
    if kind in _ENCRYPTED:
        return _encrypted(payload, ours, activity, context, where)
    return _post(payload, ours, context, where)


def _direct(raw: msgspec.Raw, ours: str, context: Context, where: str) -> Parsed:
    event: Direct = decoded(DIRECT, raw, where)
    if event.type != "message_create":
        return Ignored("no_message")
    created = event.message_create
    if created is None:
        raise Malformed("schema", f"`{where}.message_create` is missing: expected the message")
    message = Message(
        needed(event.id, f"{where}.id"),
        instant(event.created_timestamp, f"{where}.created_timestamp"),
        created.message_data.text,
    )
    sender = needed(created.sender_id, f"{where}.message_create.sender_id")
    if sender != ours:
        return _between(context.source, "dm", ours, sender).received(message)
    customer = given(created.target.recipient_id)
    if customer is None:
        return Ignored("group_message")
    bot = given(created.source_app_id) in listed(context.settings.get("bot_apps", ""))
    return _between(context.source, "dm", ours, customer).sent(message, "bot" if bot else "agent")


def _old_post(raw: msgspec.Raw, ours: str, context: Context, where: str) -> Parsed:
    post: OldPost = decoded(OLD_POST, raw, where)
    if post.retweeted_status is not None:
        return Ignored("repost")
    author = needed(post.user.id_str, f"{where}.user.id_str")
    customer = given(post.in_reply_to_user_id_str) if author == ours else author
    if customer is None or customer == ours:
        return Ignored("own_post")
    text = post.text if post.extended_tweet is None else post.extended_tweet.full_text
    message = Message(
        needed(post.id_str, f"{where}.id_str"),
        _old_time(post, where),
        text,
        given(post.in_reply_to_status_id_str),
    )
    conversation = _between(context.source, "posts", ours, customer)
    return conversation.sent(message, "agent") if author == ours else conversation.received(message)


def _post(post: Payload, ours: str, context: Context, where: str) -> Parsed:
    name = needed(post.id, f"{where}.id")
    author = needed(post.author_id, f"{where}.author_id")
    thread = needed(post.conversation_id, f"{where}.conversation_id")
    referenced = {each.type: given(each.id) for each in post.referenced_tweets or ()}
    if "retweeted" in referenced:
        return Ignored("repost")
    to_ourselves = given(post.in_reply_to_user_id) == ours and referenced.get("replied_to") == thread
    if author == ours and (thread == name or to_ourselves):
        return Ignored("own_post")
    message = Message(name, _iso(post.created_at, f"{where}.created_at"), post.text, referenced.get("replied_to"))
    contact = contact_id(context.source, "x", "thread", thread)
    if author == ours:
        return Conversation(context.source, contact, ours).sent(message, "agent")
    return Conversation(context.source, contact, ours, (f"x:{author}",)).received(message)


def _encrypted(chat: Payload, ours: str, activity: Activity, context: Context, where: str) -> Parsed:
    message = Message(
        given(chat.id) or needed(activity.event_uuid, "$.data.event_uuid"),
        instant(chat.created_at_msec, f"{where}.created_at_msec"),
    )
    thread = needed(chat.conversation_id, f"{where}.conversation_id").replace(":", "-")
    sender = given(chat.sender_id)
    identifiers = (f"x:{sender}",) if sender not in (None, ours) else ()
    conversation = Conversation(context.source, contact_id(context.source, "x", "chat", thread), ours, identifiers)
    own = activity.event_type == "chat.sent" if sender is None else sender == ours
    return conversation.sent(message, "agent") if own else conversation.received(message)


def _between(source: str, what: str, ours: str, customer: str) -> Conversation:
    """What goes on between two accounts, of whichever of them it is told."""
    return Conversation(source, contact_id(source, "x", what, *sorted((ours, customer))), ours, (f"x:{customer}",))


def _old_time(post: OldPost, where: str) -> int:
    if post.timestamp_ms is not None:
        return instant(post.timestamp_ms, f"{where}.timestamp_ms")
    try:
        written = datetime.strptime(post.created_at or "", "%a %b %d %H:%M:%S %z %Y")
    except ValueError:
        raise Malformed(
            "time",
            f"`{where}.created_at` is {shown(post.created_at or '')}: expected one as Tue Oct 20 10:00:00 +0000 2026",
        ) from None
    return instant(to_ms(written), f"{where}.created_at")


def _iso(text: str | None, where: str) -> int:
    try:
        return instant(to_ms(datetime.fromisoformat(text or "")), where)
    except (ValueError, TypeError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed("time", f"`{where}` is {shown(text or '')}: expected one as 2026-10-20T10:00:00.000Z") from None


def _signed(secret: str, said: bytes) -> str:
    return "sha256=" + b64encode(hmac.digest(secret.encode(), said, "sha256")).decode()
