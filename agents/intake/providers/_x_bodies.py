"""Bodies of X's webhooks: what is read of them."""

import msgspec

from agents.intake.providers._social import Id


class Something(msgspec.Struct, gc=False):
    """Something that is there; nothing of it is read."""


class Target(msgspec.Struct, gc=False, frozen=True):
    """To whom."""

    recipient_id: Id = None


class Text(msgspec.Struct, gc=False, frozen=True):
    """What it says."""

    text: str | None = None


class Created(msgspec.Struct, gc=False):
    """A direct message."""

    sender_id: Id = None
    source_app_id: Id = None
    target: Target = Target()
    message_data: Text = Text()


class Direct(msgspec.Struct, gc=False):
    """What happened in a direct conversation."""

    type: str | None = None
    id: Id = None
    created_timestamp: Id = None
    message_create: Created | None = None


class User(msgspec.Struct, gc=False, frozen=True):
    """An account."""

    id_str: Id = None


class Extended(msgspec.Struct, gc=False):
    """The whole text of a long post."""

    full_text: str | None = None


class OldPost(msgspec.Struct, gc=False):
    """A post, as the Account Activity API has it."""

    id_str: Id = None
    text: str | None = None
    extended_tweet: Extended | None = None
    user: User = User()
    created_at: str | None = None
    timestamp_ms: Id = None
    in_reply_to_status_id_str: Id = None
    in_reply_to_user_id_str: Id = None
    retweeted_status: Something | None = None


class Referenced(msgspec.Struct, gc=False):
    """Another post that a post speaks of, and in what way: replied_to, quoted, retweeted."""

    type: str | None = None
    id: Id = None


class Payload(msgspec.Struct, gc=False):
    """An activity's payload: direct messages, a post, or an encrypted message."""

    direct_message_events: list[msgspec.Raw] | None = None
    id: Id = None
    conversation_id: Id = None
    author_id: Id = None
    in_reply_to_user_id: Id = None
    sender_id: Id = None
    text: str | None = None
    created_at: str | None = None
    created_at_msec: Id = None
    referenced_tweets: list[Referenced] | None = None


class Filter(msgspec.Struct, gc=False):
    """What was subscribed to."""

    user_id: Id = None


class Activity(msgspec.Struct, gc=False):
    """One event of the X Activity API."""

    event_type: str
    event_uuid: Id = None
    filter: Filter | None = None
    payload: msgspec.Raw = msgspec.Raw(b"null")


class Body(msgspec.Struct, gc=False):
    """A whole delivery of either API."""

    data: Activity | None = None
    for_user_id: Id = None
    direct_message_events: list[msgspec.Raw] | None = None
    tweet_create_events: list[msgspec.Raw] | None = None
    user_event: Something | None = None


BODY = msgspec.json.Decoder(Body)
DIRECT = msgspec.json.Decoder(Direct)
OLD_POST = msgspec.json.Decoder(OldPost)
PAYLOAD = msgspec.json.Decoder(Payload)
