"""Messenger and Instagram: messages, postbacks, ratings and handovers of a page's inbox, comments on Instagram."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from agents.intake.batches import together, tried
from agents.intake.parsing import Context, Events, Fault, Ignored, Malformed, Parsed, shown
from agents.intake.providers._meta_bodies import (
    BODY,
    COMMENT,
    ENTRY,
    ITEM,
    Body,
    Comment,
    Entry,
    Feedback,
    Handover,
    Item,
    Postback,
    Written,
)
from agents.intake.providers._meta_webhook import CHANGE, Change, MetaWebhook, id_of
from agents.intake.providers._social import (
    Conversation,
    Id,
    Message,
    given,
    instant_of_either,
    needed,
)
from agents.intake.webhook import decoded, listed
from schemas.events import AnyEvent, ContactAnswered, ContactOffered, ContactTransferred, SurveyAnswered
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms

_RATINGS: dict[str, tuple[Literal["csat", "nps", "ces"], int]] = {
    "csat": ("csat", 5),
    "nps": ("nps", 10),
    "ces": ("ces", 7),
}


_COMMENTS = frozenset({"comments", "live_comments"})
_MESSAGES = frozenset({"messages", "messaging_postbacks", "messaging_handover", "standby"})


class MessagingWebhook(MetaWebhook):
    """A page's or an Instagram account's inbox. A contact is a customer at it, or a comment with what hangs on it.

    Settings: `bot_apps`: ids of the apps that write by themselves; `human_apps`: of the inboxes of human agents, to
    and from which threads are handed over. Ids with commas or spaces between.
    """

    setting_names = ("bot_apps", "human_apps")
    seconds = 20.0

    def __init__(self, name: str, object_name: str) -> None:
        self.name = name
        self.object_name = object_name

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What all entries say. Raises Malformed."""
        body: Body = decoded(BODY, payload)
        return self.foreign(body.object) or together(
            tried(self._entry, entry, context, f"$.entry[{index}]") for index, entry in enumerate(body.entry)
        )

    def _entry(self, entry: msgspec.Raw, context: Context, where: str) -> Parsed:
        return together(_Inbox(self.name, context, decoded(ENTRY, entry, where), where).parts())


class _Inbox:
    """One entry: a page or an account, and what happened there."""

    def __init__(self, product: str, context: Context, entry: Entry, where: str) -> None:
        self._product = product
        self._source = context.source
        self._settings = context.settings
        self._entry = entry
        self._where = where
        self._id = needed(entry.id, f"{where}.id")

    def parts(self) -> Iterator[Parsed | Fault]:
        entry, where = self._entry, self._where
        for name, items in (("messaging", entry.messaging), ("standby", entry.standby)):
            for index, item in enumerate(items or ()):
                yield tried(self._item, item, f"{where}.{name}[{index}]")
        for index, change in enumerate(entry.changes or ()):
            yield tried(self._change, change, f"{where}.changes[{index}]")
        if entry.field is not None:
            yield tried(self._changed, entry.field, entry.value, f"{where}.value")

    def _change(self, raw: msgspec.Raw, where: str) -> Parsed:
        change: Change = decoded(CHANGE, raw, where)
        return self._changed(change.field, change.value, f"{where}.value")

    def _changed(self, field: str | None, value: msgspec.Raw, where: str) -> Parsed:
        if self._product == "instagram" and field in _COMMENTS:
            return self._comment(decoded(COMMENT, value, where), where)
        if field in _MESSAGES:
            return self._item(value, where)
        return Ignored("other_field")

    def _item(self, raw: msgspec.Raw, where: str) -> Parsed:
        item: Item = decoded(ITEM, raw, where)
        if item.message is not None:
            return self._message(item, item.message, where)
        if item.postback is not None:
            return self._postback(item, item.postback, where)
        if item.messaging_feedback is not None:
            return self._feedback(item, item.messaging_feedback, where)
        if item.pass_thread_control is not None:
            return self._handover(item, item.pass_thread_control, where, taken=False)
        if item.take_thread_control is not None:
            return self._handover(item, item.take_thread_control, where, taken=True)
        return Ignored("no_message")

    def _message(self, item: Item, message: Written, where: str) -> Parsed:
        if message.is_deleted:
            return Ignored("message_deleted")
        echo = message.is_echo or given(id_of(item.sender)) == self._id
        customer = self._customer(item, where, echo=echo)
        if customer == self._id:
            return Ignored("own_message")
        posted = Message(
            needed(message.mid, f"{where}.message.mid"),
            self._time(item, where),
            message.text,
            None if message.reply_to is None else given(message.reply_to.mid),
        )
        conversation = self._with(customer)
        if not echo:
            return conversation.received(posted)
        bot = given(message.app_id) in listed(self._settings.get("bot_apps", ""))
        return conversation.sent(posted, "bot" if bot else "agent")

    def _postback(self, item: Item, postback: Postback, where: str) -> Parsed:
        if not postback.title:
            return Ignored("postback_without_text")
        customer, time = self._customer(item, where), self._time(item, where)
        name = given(postback.mid) or f"postback:{self._id}:{customer}:{time}"
        return self._with(customer).received(Message(name, time, postback.title))

    def _feedback(self, item: Item, feedback: Feedback, where: str) -> Parsed:
        customer, time = self._customer(item, where), self._time(item, where)
        conversation = self._with(customer)
        events: list[AnyEvent] = []
        answers = [each for screen in feedback.feedback_screens for each in screen.questions.items()]
        for name, question in answers:
            if question.type not in _RATINGS:
                continue
            kind, scale = _RATINGS[question.type]
            events.append(
                SurveyAnswered(
                    id=event_id(self._source, self._id, customer, time, name, "survey"),
                    time=from_ms(time),
                    channel="social",
                    source=self._source,
                    contact=conversation.contact,
                    queue=self._id,
                    identifiers=conversation.identifiers,
                    revision=1,
                    kind=kind,
                    score=_score(question.payload, scale, f"{where}.messaging_feedback"),
                    scale=scale,
                )
            )
        return Events(tuple(events)) if events else Ignored("feedback_without_score")

    def _handover(self, item: Item, handover: Handover, where: str, *, taken: bool) -> Parsed:
        humans = listed(self._settings.get("human_apps", ""))
        to, by = given(handover.new_owner_app_id), given(handover.previous_owner_app_id)
        if to not in humans and by not in humans:
            return Ignored("handover_of_bots")
        customer, time = self._customer(item, where), self._time(item, where)
        conversation = self._with(customer)
        what = "handover" if to not in humans else "answered" if taken else "offered"
        said: dict[str, Any] = {
            "id": event_id(self._source, self._id, customer, time, to or "", what),
            "time": from_ms(time),
            "channel": "social",
            "source": self._source,
            "contact": conversation.contact,
            "queue": self._id,
            "identifiers": conversation.identifiers,
            "revision": 1,
        }
        if what == "handover":
            return Events((ContactTransferred(to=to, **said),))
        return Events((ContactAnswered(**said) if taken else ContactOffered(**said),))

    def _comment(self, comment: Comment, where: str) -> Parsed:
        name = needed(comment.id, f"{where}.id")
        author = needed(id_of(comment.author), f"{where}.from.id")
        media = needed(id_of(comment.media), f"{where}.media.id")
        parent = given(comment.parent_id)
        own = author == self._id
        if own and parent is None:
            return Ignored("own_comment")
        posted = Message(name, instant_of_either(self._entry.time, f"{self._where}.time"), comment.text, parent)
        conversation = Conversation(
            self._source,
            contact_id(self._source, self._product, self._id, media, parent or name),
            self._id,
            () if own else (self._identifier(author),),
        )
        return conversation.sent(posted, "agent") if own else conversation.received(posted)

    def _customer(self, item: Item, where: str, *, echo: bool = False) -> str:
        sender = needed(id_of(item.sender), f"{where}.sender.id")
        if not echo and sender != self._id:
            return sender
        return needed(id_of(item.recipient), f"{where}.recipient.id")

    def _time(self, item: Item, where: str) -> int:
        return instant_of_either(item.timestamp, f"{where}.timestamp")

    def _with(self, customer: str) -> Conversation:
        contact = contact_id(self._source, self._product, self._id, customer)
        return Conversation(self._source, contact, self._id, (self._identifier(customer),))

    def _identifier(self, customer: str) -> str:
        return f"{self._product}:{self._id}:{customer}"


def _score(value: Id, scale: int, where: str) -> float:
    text = given(value) or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= scale):
        raise Malformed("schema", f"a `payload` in `{where}` is {shown(text)}: expected a whole number up to {scale}")
    return float(text)
