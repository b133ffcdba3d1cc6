"""Bodies of WhatsApp's webhooks: what is read of them."""

import msgspec

from agents.intake.providers._meta_webhook import Party
from agents.intake.providers._social import Id


class Text(msgspec.Struct, gc=False):
    """What a text says."""

    body: str | None = None


class Captioned(msgspec.Struct, gc=False):
    """A picture, a film or a file."""

    caption: str | None = None


class Button(msgspec.Struct, gc=False):
    """A button of a template, pressed."""

    text: str | None = None


class Choice(msgspec.Struct, gc=False):
    """What was chosen."""

    title: str | None = None


class Interactive(msgspec.Struct, gc=False):
    """An answer to buttons or a list."""

    button_reply: Choice | None = None
    list_reply: Choice | None = None


class System(msgspec.Struct, gc=False):
    """Who the customer was and is."""

    type: str | None = None
    previous_user_id: Id = None
    user_id: Id = None
    wa_id: Id = None
    new_wa_id: Id = None


class Content(msgspec.Struct, gc=False):
    """What somebody says, and to whom where it is one of ours."""

    to: Id = None
    to_user_id: Id = None
    recipient: Id = None
    type: str | None = None
    text: Text | None = None
    image: Captioned | None = None
    video: Captioned | None = None
    document: Captioned | None = None
    button: Button | None = None
    interactive: Interactive | None = None
    context: Party | None = None


class Written(Content, gc=False, rename={"sender": "from"}):
    """A message of either side. `message`: what an echo in standby says, as it was sent."""

    id: Id = None
    sender: Id = None
    from_user_id: Id = None
    group_id: Id = None
    timestamp: Id = None
    system: System | None = None
    message: Content | None = None


class Pricing(msgspec.Struct, gc=False):
    """What a message of ours is charged as."""

    category: str | None = None


class Status(msgspec.Struct, gc=False):
    """What became of a message of ours."""

    id: Id = None
    status: str | None = None
    timestamp: Id = None
    recipient_id: Id = None
    recipient_user_id: Id = None
    recipient_type: str | None = None
    pricing: Pricing | None = None


class Person(msgspec.Struct, gc=False):
    """A customer, by number and user id."""

    wa_id: Id = None
    user_id: Id = None


class Turn(msgspec.Struct, gc=False, frozen=True):
    """A user id before and now."""

    previous: Id = None
    current: Id = None


class Update(msgspec.Struct, gc=False):
    """A new user id. `wa_id`: the number."""

    wa_id: Id = None
    user_id: Turn = Turn()
    timestamp: Id = None


class Metadata(msgspec.Struct, gc=False, frozen=True):
    """Our number."""

    phone_number_id: Id = None


class Said(msgspec.Struct, gc=False):
    """What was written to a number of ours and from it, and who has another user id."""

    contacts: list[Person] | None = None
    messages: list[msgspec.Raw] | None = None
    statuses: list[msgspec.Raw] | None = None
    message_echoes: list[msgspec.Raw] | None = None
    user_id_update: list[msgspec.Raw] | None = None


class Value(Said, gc=False):
    """`standby`: what is said while another has the conversation."""

    metadata: Metadata = Metadata()
    standby: Said | None = None


class Entry(msgspec.Struct, gc=False):
    """A business account, and what happened there."""

    id: Id = None
    changes: list[msgspec.Raw] | None = None


class Body(msgspec.Struct, gc=False):
    """A whole delivery."""

    object: str
    entry: list[msgspec.Raw]


BODY = msgspec.json.Decoder(Body)
ENTRY = msgspec.json.Decoder(Entry)
MESSAGE = msgspec.json.Decoder(Written)
STATUS = msgspec.json.Decoder(Status)
UPDATE = msgspec.json.Decoder(Update)
VALUE = msgspec.json.Decoder(Value)
