"""Bodies of Messenger's and Instagram's webhooks: what is read of them."""

import msgspec

from agents.intake.providers._meta_webhook import Party
from agents.intake.providers._social import Id


class Reply(msgspec.Struct, gc=False):
    """The message that is answered."""

    mid: Id = None


class Written(msgspec.Struct, gc=False):
    """A message of either side."""

    mid: Id = None
    text: str | None = None
    is_echo: bool | None = None
    is_deleted: bool | None = None
    app_id: Id = None
    reply_to: Reply | None = None


class Postback(msgspec.Struct, gc=False):
    """A button that the customer pressed."""

    mid: Id = None
    title: str | None = None


class Handover(msgspec.Struct, gc=False):
    """Which app has the thread now, and which had it."""

    new_owner_app_id: Id = None
    previous_owner_app_id: Id = None


class Question(msgspec.Struct, gc=False):
    """A question of a feedback template, answered."""

    type: str = ""
    payload: Id = None


class Screen(msgspec.Struct, gc=False):
    """Questions of one screen, by their names."""

    questions: dict[str, Question] = {}


class Feedback(msgspec.Struct, gc=False):
    """What the customer said to a feedback template."""

    feedback_screens: list[Screen] = []


class Item(msgspec.Struct, gc=False):
    """One thing in an inbox; of its parts, it has one."""

    sender: Party | None = None
    recipient: Party | None = None
    timestamp: Id = None
    message: Written | None = None
    postback: Postback | None = None
    messaging_feedback: Feedback | None = None
    pass_thread_control: Handover | None = None
    take_thread_control: Handover | None = None


class Comment(msgspec.Struct, gc=False, rename={"author": "from"}):
    """A comment on Instagram."""

    id: Id = None
    text: str | None = None
    author: Party | None = None
    media: Party | None = None
    parent_id: Id = None


class Entry(msgspec.Struct, gc=False):
    """A page or an account, and what happened there. Some logins put the change into the entry itself."""

    id: Id = None
    time: Id = None
    messaging: list[msgspec.Raw] | None = None
    standby: list[msgspec.Raw] | None = None
    changes: list[msgspec.Raw] | None = None
    field: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")


class Body(msgspec.Struct, gc=False):
    """A whole delivery."""

    object: str
    entry: list[msgspec.Raw]


BODY = msgspec.json.Decoder(Body)
ENTRY = msgspec.json.Decoder(Entry)
ITEM = msgspec.json.Decoder(Item)
COMMENT = msgspec.json.Decoder(Comment)
