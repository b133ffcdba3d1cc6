"""What the webhooks of social networks have in common: conversations, ids and instants that come as text or number."""

from typing import Literal, NamedTuple

from agents.intake.parsing import Events, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import answered, begun
from schemas.events import AnyEvent, IdentityLinked, MessagePosted
from schemas.ids import event_id
from schemas.instants import SECOND, from_ms

Id = str | int | None
"""An id as providers write it: text, or a number."""

_LATEST_MS = 253_402_300_799_999
_FIRST_MS = 100_000_000_000


class Message(NamedTuple):
    """One message: the provider's id of it, its time in ms, its text where it has one, and the provider's id of the
    message that it answers. `revision`: the higher one stands where two events tell of the same message."""

    id: str
    time: int
    text: str | None = None
    reply_to: str | None = None
    revision: int = 1


class Conversation(NamedTuple):
    """A contact on a social network. `queue`: our page, account or number. `identifiers`: the customer's."""

    source: str
    contact: str
    queue: str | None
    identifiers: tuple[str, ...] = ()

    def received(self, message: Message) -> Events:
        """The customer wrote."""
        first = begun(self.source, self.contact, "social", message.time, queue=self.queue, identifiers=self.identifiers)
        return Events((*first, self._posted(message, "customer")))

    def sent(self, message: Message, author: Literal["agent", "bot", "system"]) -> Events:
        """We wrote. Only what a human being wrote answers."""
        posted: tuple[AnyEvent, ...] = (self._posted(message, author),)
        if author == "agent":
            posted += (answered(self.source, self.contact, "social", message.time, queue=self.queue, agent=None),)
        return Events(posted)

    def linked(self, name: str, time: int, identifiers: tuple[str, ...], reason: str) -> Parsed:
        """From `time` (ms) on, the customer has these identifiers, too. `name`: what the provider calls the change."""
        both = tuple(dict.fromkeys((*self.identifiers, *identifiers)))
        if len(both) < 2:
            return Ignored("same_customer")
        said = IdentityLinked(
            id=event_id(self.source, self.contact, name, "linked"),
            time=from_ms(time),
            channel="social",
            source=self.source,
            contact=self.contact,
            queue=self.queue,
            identifiers=both,
            revision=1,
            reason=reason,
        )
        return Events((said,))

    def _posted(self, message: Message, author: Literal["customer", "agent", "bot", "system"]) -> MessagePosted:
        return MessagePosted(
            id=posted_id(self.source, message.id),
            time=from_ms(message.time),
            channel="social",
            source=self.source,
            contact=self.contact,
            queue=self.queue,
            identifiers=self.identifiers,
            revision=message.revision,
            author=author,
            length=None if message.text is None else len(message.text),
            in_reply_to=None if message.reply_to is None else posted_id(self.source, message.reply_to),
        )


def posted_id(source: str, message: str) -> str:
    """Id of the message.posted of a message."""
    return event_id(source, message, "posted")


def given(value: Id) -> str | None:
    """An id as text; None where there is none."""
    return None if value is None or value == "" else str(value)


def needed(value: Id, where: str) -> str:
    """An id as text. Raises Malformed: identity, where it is missing or empty."""
    text = given(value)
    if text is None:
        raise Malformed("identity", f"`{where}` is missing or empty: expected an id")
    return text


def instant(value: Id, where: str, unit: int = 1) -> int:
    """An epoch time, text or number, in ms. `unit`: ms that one of it stands for. Raises Malformed: time."""
    text = str(value)
    if value is None or not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Malformed("time", f"`{where}` is {shown(text)}: expected a time since the epoch, a whole number")
    ms = int(text) * unit
    if not 0 < ms <= _LATEST_MS:
        raise Malformed("time", f"`{where}` is {shown(text)}: that is no time before the year 10000")
    return ms


def instant_of_either(value: Id, where: str) -> int:
    """An epoch time in seconds or ms, which its size tells apart, in ms. Raises Malformed: time."""
    time = instant(value, where)
    return time if time >= _FIRST_MS else instant(value, where, SECOND)
