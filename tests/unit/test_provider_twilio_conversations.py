"""Twilio Conversations: who wrote, what a state says, and a conversation told in any order."""

from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.twilio_conversations import EVENTS, IGNORED, PROVIDER
from agents.intake.webhook import earliest
from schemas.events import (
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactOffered,
    ContactStatusChanged,
    ContactUpdated,
    MessagePosted,
)
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer

CONVERSATION = "CH0123456789abcdef0123456789abcdef"
MESSAGE = "IM0123456789abcdef0123456789abcdef"
CONTACT = contact_id("main", CONVERSATION)
AT = 1_792_490_400_000
DATE = "2026-10-20T10:00:00.000Z"
STAFF = {"staff": "mia, tom.ode"}
ADDED = {
    "EventType": "onMessageAdded",
    "AccountSid": "AC01",
    "ChatServiceSid": "IS01",
    "ConversationSid": CONVERSATION,
    "MessageSid": MESSAGE,
    "ParticipantSid": "MB01",
    "Index": "4",
    "Source": "WHATSAPP",
    "Author": "whatsapp:+4930901820",
    "Body": "Grüße",
    "Attributes": "{}",
    "DateCreated": DATE,
    "RetryCount": "0",
}
STATE = {
    "EventType": "onConversationStateUpdated",
    "ChatServiceSid": "IS01",
    "ConversationSid": CONVERSATION,
    "StateUpdated": DATE,
    "StateFrom": "active",
    "StateTo": "closed",
    "Reason": "API",
}
CUSTOMER = ("tel:+4930901820",)


def body(fields: dict[str, str], **more: str) -> bytes:
    return urlencode({**fields, **more}).encode()


def parsed(payload: bytes) -> Parsed:
    return PROVIDER.parse(payload, Context("main", {}, read_at=AT, settings=STAFF))


def events(fields: dict[str, str], **more: str) -> tuple[AnyEvent, ...]:
    result = parsed(body(fields, **more))
    assert isinstance(result, Events)
    return result.events


def common(**more: Any) -> dict[str, Any]:
    said = {"time": from_ms(AT), "channel": "chat", "source": "main", "contact": CONTACT, "queue": "IS01"}
    return {**said, "revision": 1, **more}


def created(**more: Any) -> ContactCreated:
    return ContactCreated(**common(id=event_id("main", CONTACT, "created"), revision=earliest(AT), **more))


def offered(**more: Any) -> ContactOffered:
    return ContactOffered(**common(id=event_id("main", CONTACT, "offered"), revision=earliest(AT), **more))


def answered(agent: str) -> ContactAnswered:
    return ContactAnswered(**common(id=event_id("main", CONTACT, "answered"), revision=earliest(AT), agent=agent))


def posted(author: str, length: int | None = 5, **more: Any) -> MessagePosted:
    return MessagePosted(**common(id=event_id("main", MESSAGE, "message"), author=author, length=length, **more))


def test_a_conversation_that_is_added_is_created() -> None:
    added = {key: value for key, value in ADDED.items() if key not in ("MessageSid", "Author", "Body")}
    assert events(added, EventType="onConversationAdded") == (created(),)


def test_a_customers_message_begins_the_contact() -> None:
    assert events(ADDED) == (
        created(identifiers=CUSTOMER),
        offered(identifiers=CUSTOMER),
        posted("customer", identifiers=CUSTOMER),
    )


@pytest.mark.parametrize(
    ("source", "author", "identifiers"),
    [
        ("SMS", "+4930901820", CUSTOMER),
        ("SMS", "+1", ()),
        ("SDK", "guest-7", ("twilio:IS01:guest-7",)),
        ("MESSENGER", "messenger:123", ("twilio:IS01:messenger:123",)),
    ],
)
def test_a_customer_is_a_number_or_an_identity_of_the_chat_service(
    source: str, author: str, identifiers: tuple[str, ...]
) -> None:
    assert events(ADDED, Source=source, Author=author) == (
        created(identifiers=identifiers),
        offered(identifiers=identifiers),
        posted("customer", identifiers=identifiers),
    )


@pytest.mark.parametrize("source", ["SDK", "API"])
def test_a_message_of_staff_answers(source: str) -> None:
    assert events(ADDED, Source=source, Author="mia") == (posted("agent", agent="mia"), answered("mia"))


@pytest.mark.parametrize(
    ("source", "author", "role"), [("API", "shop-bot", "bot"), ("API", "system", "system"), ("SDK", "", "bot")]
)
def test_a_machines_message_begins_and_answers_nothing(source: str, author: str, role: str) -> None:
    assert events(ADDED, Source=source, Author=author) == (posted(role),)


def test_a_message_without_text_has_length_0_or_none() -> None:
    assert events(ADDED, Author="mia", Body="")[0] == posted("agent", 0, agent="mia")
    silent = {key: value for key, value in ADDED.items() if key != "Body"}
    assert events(silent, Author="mia")[0] == posted("agent", None, agent="mia")


def test_an_agent_who_joins_is_the_assignee_and_has_not_answered_yet() -> None:
    joined = ContactUpdated(**common(id=event_id("main", "MB01", "assigned"), agent="tom.ode", assignee="tom.ode"))
    assert events(ADDED, EventType="onParticipantAdded", Identity="tom.ode") == (joined,)


@pytest.mark.parametrize("identity", ["", "guest-7"])
def test_a_customer_who_joins_says_nothing(identity: str) -> None:
    assert parsed(body(ADDED, EventType="onParticipantAdded", Identity=identity)) == Ignored("customer_joined")


@pytest.mark.parametrize("field", ["StateUpdated", "DateUpdated"])
def test_a_closed_conversation_is_solved(field: str) -> None:
    closed = {key: value for key, value in STATE.items() if key != "StateUpdated"}
    solved = ContactStatusChanged(**common(id=event_id("main", CONVERSATION, AT, "solved"), status="solved"))
    assert events(closed, **{field: DATE}) == (solved,)


def test_a_reopened_conversation_is_open_and_offered_again() -> None:
    assert events(STATE, StateFrom="closed", StateTo="active") == (
        ContactStatusChanged(**common(id=event_id("main", CONVERSATION, AT, "open"), status="open")),
        ContactOffered(**common(id=event_id("main", CONVERSATION, AT, "offered"))),
    )


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        ("active", "inactive", "inactive"),
        ("inactive", "active", "active"),
        ("", "active", "active"),
        ("active", "frozen", "unknown_state"),
    ],
)
def test_other_states_say_nothing(before: str, now: str, reason: str) -> None:
    assert parsed(body(STATE, StateFrom=before, StateTo=now)) == Ignored(reason)


@pytest.mark.parametrize(("kind", "reason"), sorted(IGNORED.items()))
def test_what_is_not_counted_is_ignored_by_name(kind: str, reason: str) -> None:
    assert parsed(body(ADDED, EventType=kind)) == Ignored(reason)


def test_what_nobody_knows_is_ignored() -> None:
    assert parsed(body(ADDED, EventType="onTeleported")) == Ignored("unknown_type")


def test_a_message_that_comes_twice_says_the_same() -> None:
    first, again = body(ADDED), body(ADDED, RetryCount="1")
    assert parsed(first) == parsed(again)
    assert PROVIDER.identity(first, {}) == PROVIDER.identity(again, {}) == f"{MESSAGE}:onMessageAdded"


def test_other_requests_are_named_by_their_token() -> None:
    edited = body(ADDED, EventType="onMessageUpdated")
    assert PROVIDER.identity(edited, {"i-twilio-idempotency-token": b"tok-1"}) == "tok-1"
    assert PROVIDER.identity(edited, {}) is None


def test_in_whatever_order_messages_come_the_same_is_said() -> None:
    told = [
        body(ADDED, MessageSid="IM1"),
        body(ADDED, MessageSid="IM2", DateCreated="2026-10-20T10:00:10.250Z"),
        body(ADDED, MessageSid="IM3", Author="mia", DateCreated="2026-10-20T10:00:20.500Z"),
        body(ADDED, MessageSid="IM4", Author="tom.ode", DateCreated="2026-10-20T10:00:30Z"),
    ]
    last = []
    for order in permutations(told):
        stands: dict[str, AnyEvent] = {}
        for payload in order:
            result = parsed(payload)
            assert isinstance(result, Events)
            for event in result.events:
                if event.id not in stands or stands[event.id].revision < event.revision:
                    stands[event.id] = event
        last.append(stands)
    assert all(each == last[0] for each in last)
    assert [(e.time, e.agent) for e in last[0].values() if not isinstance(e, MessagePosted)] == [
        (from_ms(AT), None),
        (from_ms(AT), None),
        (from_ms(AT + 20_500), "mia"),
    ]
    assert len(last[0]) == 7


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "schema", "field EventType is missing or blank"),
        (b'{"EventType": "onMess', "schema", "field EventType is missing or blank"),
        (b"EventType=\xff", "syntax", "no form in UTF-8: "),
        (body(ADDED, ConversationSid=""), "identity", "field ConversationSid is missing or blank: "),
        (body(ADDED, MessageSid=""), "identity", "field MessageSid is missing or blank: "),
        (body(ADDED, DateCreated=""), "time", "field DateCreated is missing or blank: "),
        (body(ADDED, DateCreated="now"), "time", "field DateCreated is 'now': an instant as in ISO 8601 is expected"),
        (body(ADDED, DateCreated="9999-01-01T00:00:00Z"), "time", "field DateCreated is 253370764800000 ms since"),
        (body(STATE, StateTo=""), "schema", "field StateTo is missing or blank"),
        (body(STATE, StateUpdated=""), "time", "field DateUpdated is missing or blank: "),
    ],
)
def test_what_cannot_be_read_says_what_is_wrong(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed) as caught:
        parsed(payload)
    assert caught.value.reason == reason
    assert caught.value.message.startswith(message)


def test_webhooks_of_a_conversation_share_a_key() -> None:
    assert PROVIDER.key(body(ADDED), {}) == PROVIDER.key(body(STATE), {}) == CONVERSATION.encode()
    assert PROVIDER.key(b"\xff", {}) is None


def test_the_answer_is_empty_within_five_seconds() -> None:
    assert (PROVIDER.taken, PROVIDER.seconds, PROVIDER.setting_names) == (Answer(), 5.0, ("staff",))


@settings(max_examples=200)
@given(
    kind=st.sampled_from([*EVENTS]),
    changes=st.dictionaries(st.sampled_from([*ADDED, *STATE]), st.text()),
    cut=st.integers(0, 400),
    bytes_in=st.binary(max_size=3),
)
def test_whatever_comes_is_answered_or_malformed(kind: str, changes: dict[str, str], cut: int, bytes_in: bytes) -> None:
    payload = body({**ADDED, **STATE, "EventType": kind, **changes})
    for changed in (payload, payload[:cut] + bytes_in + payload[cut:], payload[:cut]):
        try:
            result = parsed(changed)
        except Malformed:
            continue
        assert isinstance(result, Events | Ignored)
