"""Chatwoot: what is genuine, and what its events say."""

import hmac
import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers.chatwoot import PROVIDER
from agents.intake.webhook import earliest, first_of
from schemas.events import (
    AnyEvent,
    ContactAnswered,
    ContactCreated,
    ContactLeftQueue,
    ContactOffered,
    ContactStatusChanged,
    ContactTransferred,
    ContactUpdated,
    MessagePosted,
    SurveyAnswered,
)
from schemas.ids import contact_id, event_id
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.vectors import vector

TEN = 1_792_490_400_000
AT = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
CONTACT = contact_id("shop", "1", "42")
ANA = ("mailto:ana@kunde.example", "tel:+4930901820", "chatwoot:1:77")
PERSON = {"id": 77, "email": " Ana@Kunde.example", "phone_number": "030 901820", "type": "contact"}
STAFF = {"id": 5, "name": "Ben", "type": "user"}
CONVERSATION: dict[str, Any] = {
    "id": 42,
    "inbox_id": 3,
    "status": "open",
    "channel": "Channel::WebWidget",
    "priority": "high",
    "labels": ["late"],
    "meta": {"sender": PERSON, "assignee": None, "team": None},
    "messages": [{"id": 981, "account_id": 1, "message_type": 0}],
    "created_at": 1792490400,
    "timestamp": 1792490399,
    "updated_at": 1792490400.0,
    "first_reply_created_at": None,
}
MESSAGE: dict[str, Any] = {
    "event": "message_created",
    "id": 981,
    "content": "Where is my parcel?",
    "created_at": "2026-10-20T10:00:00.000Z",
    "message_type": "incoming",
    "content_type": "text",
    "content_attributes": {},
    "private": False,
    "sender": PERSON,
    "inbox": {"id": 3, "name": "Web"},
    "conversation": CONVERSATION,
    "account": {"id": 1, "name": "Shop"},
}


def message(**changed: Any) -> bytes:
    return json.dumps(MESSAGE | changed).encode()


def conversation(event: str, *changes: dict[str, Any], **changed: Any) -> bytes:
    return json.dumps(CONVERSATION | {"event": event, "changed_attributes": list(changes)} | changed).encode()


def change(name: str, before: object, after: object) -> dict[str, Any]:
    return {name: {"previous_value": before, "current_value": after}}


def parse(payload: bytes, settings: Mapping[str, str] | None = None) -> Parsed:
    return PROVIDER.parse(payload, Context("shop", {}, read_at=TEN, region="DE", settings=settings or {}))


def said(**more: Any) -> dict[str, Any]:
    common = {"time": AT, "channel": "chat", "source": "shop", "contact": CONTACT, "queue": "inbox:3"}
    return common | {"identifiers": ANA, "revision": 1} | more


def own(*of: object) -> str:
    return event_id("shop", "1", "42", *of)


def begun(**more: Any) -> tuple[AnyEvent, AnyEvent]:
    common = said(revision=earliest(TEN)) | more
    return (
        ContactCreated(id=first_of("shop", CONTACT, "created"), **common, priority="high", tags=("late",)),
        ContactOffered(id=first_of("shop", CONTACT, "offered"), **common),
    )


def posted(**more: Any) -> MessagePosted:
    return MessagePosted(**said(id=event_id("shop", "1", "981", "message"), length=19) | more)


def delivery(body: bytes, headers: Mapping[str, str], at: int = TEN) -> Delivery:
    return Delivery("POST", "https://fw.example/hooks/chatwoot/shop", (), headers, body, at)


def signed(body: bytes, key: str, stamp: str) -> dict[str, str]:
    proof = hmac.new(key.encode(), stamp.encode() + b"." + body, sha256).hexdigest()
    return {"x-chatwoot-signature": "sha256=" + proof, "x-chatwoot-timestamp": stamp}


BODY = message()
STAMP = str(TEN // 1000)
HEADERS = signed(BODY, "new", STAMP)


def test_the_vector_is_genuine() -> None:
    known = vector("chatwoot")
    headers = {"x-chatwoot-signature": known["expected"], "x-chatwoot-timestamp": known["timestamp"]}
    PROVIDER.verify(delivery(known["body"].encode(), headers), {"secret": (known["key"],)})


def test_both_secrets_are_valid_while_one_is_rotated() -> None:
    PROVIDER.verify(delivery(BODY, HEADERS), {"secret": ("old", "new")})
    PROVIDER.verify(delivery(BODY, signed(BODY, "old", STAMP)), {"secret": ("old", "new")})


@pytest.mark.parametrize(
    ("given_delivery", "message_part"),
    [
        (delivery(BODY, signed(BODY, "other", STAMP)), "signature is not the body's"),
        (delivery(BODY + b" ", HEADERS), "signature is not the body's"),
        (delivery(BODY, HEADERS | {"x-chatwoot-timestamp": "1792490401"}), "signature is not the body's"),
        (delivery(BODY, HEADERS | {"x-chatwoot-signature": "sha256=\u00fc"}), "signature is not the body's"),
        (delivery(BODY, {"x-chatwoot-timestamp": STAMP}), "no header x-chatwoot-signature"),
        (delivery(BODY, {"x-chatwoot-signature": "sha256=0"}), "no header x-chatwoot-timestamp"),
        (delivery(BODY, HEADERS, TEN + 300_001), "more than 300 s from now"),
        (delivery(BODY, HEADERS, TEN - 300_001), "more than 300 s from now"),
        (delivery(BODY, signed(BODY, "new", "noon")), "no whole number"),
        (delivery(BODY, signed(BODY, "new", "9" * 5_000)), "no whole number"),
    ],
)
def test_what_is_not_genuine_is_refused_and_no_secret_is_told(given_delivery: Delivery, message_part: str) -> None:
    with pytest.raises(NotGenuine, match=message_part) as caught:
        PROVIDER.verify(given_delivery, {"secret": ("new",)})
    assert "new" not in str(caught.value)


def test_a_delivery_is_genuine_for_five_minutes() -> None:
    PROVIDER.verify(delivery(BODY, HEADERS, TEN + 300_000), {"secret": ("new",)})


def test_there_is_no_handshake_and_nothing_is_sent_again() -> None:
    assert PROVIDER.greet(delivery(BODY, HEADERS), {"secret": ("new",)}) is None
    assert not PROVIDER.tries_again
    assert PROVIDER.redacted(BODY) is BODY


def test_a_delivery_is_named_by_its_header_else_by_its_body() -> None:
    assert PROVIDER.identity(BODY, {"x-chatwoot-delivery": b"d-1"}) == "d-1"
    assert PROVIDER.identity(BODY, {}) is None
    assert PROVIDER.kept == ("x-chatwoot-delivery",)


def test_records_of_one_conversation_have_one_key() -> None:
    assert PROVIDER.key(BODY, {}) == b"42"
    assert PROVIDER.key(conversation("conversation_updated"), {}) == b"42"
    assert PROVIDER.key(b'{"event":"contact_updated","id":42}', {}) is None
    assert PROVIDER.key(b"no", {}) is None


@pytest.mark.parametrize(
    ("inbox", "channel"),
    [
        ("Channel::WebWidget", "chat"),
        ("Channel::Api", "chat"),
        ("Channel::TwilioSms", "chat"),
        ("Channel::Email", "email"),
        ("Channel::Voice", "chat"),
        ("Channel::Whatsapp", "social"),
        ("Channel::Telegram", "social"),
        (None, "chat"),
    ],
)
def test_the_channel_of_the_record_is_the_events(inbox: str | None, channel: str) -> None:
    payload = conversation("conversation_created", channel=inbox)
    assert PROVIDER.channel_of(payload, {}) == channel
    assert parse(payload) == Events(begun(channel=channel))
    nested = message(conversation=CONVERSATION | {"channel": inbox})
    assert PROVIDER.channel_of(nested, {}) == channel
    assert parse(nested) == Events((*begun(channel=channel), posted(author="customer", channel=channel)))


def test_a_new_conversation_is_created_and_waits_in_its_inbox() -> None:
    assert parse(conversation("conversation_created")) == Events(begun())


@pytest.mark.parametrize("kind", [1, 3, "1", "outgoing", "template"], ids=repr)
def test_a_conversation_that_an_agent_or_a_campaign_began_waits_for_nobody(kind: object) -> None:
    payload = conversation("conversation_created", messages=[{"id": 981, "account_id": 1, "message_type": kind}])
    created = ContactCreated(
        id=first_of("shop", CONTACT, "created"),
        **said(revision=earliest(TEN + 10_000)),
        direction="outbound",
        priority="high",
        tags=("late",),
    )
    assert parse(payload) == Events((created,))


@pytest.mark.parametrize(("wrote", "began"), [("10:00:00.400", "inbound"), ("10:03:00.000", "outbound")])
def test_a_greeting_that_came_with_the_conversation_leaves_it_the_customers(wrote: str, began: str) -> None:
    greeted = parse(conversation("conversation_created", messages=[{"id": 982, "account_id": 1, "message_type": 3}]))
    asked = parse(message(created_at=f"2026-10-20T{wrote}Z"))
    assert isinstance(greeted, Events)
    assert isinstance(asked, Events)
    told = [each for each in greeted.events + asked.events if isinstance(each, ContactCreated)]
    assert len({each.id for each in told}) == 1
    assert max(told, key=lambda each: each.revision).direction == began


def test_a_message_of_the_customer_is_posted_and_begins_the_contact() -> None:
    assert parse(BODY) == Events((*begun(), posted(author="customer")))


@pytest.mark.parametrize("kind", [0, "0", "incoming"], ids=repr)
def test_the_type_of_a_message_is_a_word_or_a_number(kind: object) -> None:
    assert parse(message(message_type=kind)) == parse(BODY)


def test_a_reply_of_staff_is_posted_and_answers() -> None:
    said_back = message(message_type="outgoing", sender=STAFF, content_attributes={"in_reply_to": 980})
    answer = ContactAnswered(
        id=first_of("shop", CONTACT, "answered"),
        time=AT,
        channel="chat",
        source="shop",
        contact=CONTACT,
        agent="5",
        revision=earliest(TEN),
    )
    reply = posted(author="agent", agent="5", in_reply_to=event_id("shop", "1", "980", "message"))
    assert parse(said_back) == Events((reply, answer))


@pytest.mark.parametrize(
    ("kind", "sender", "author"),
    [
        ("outgoing", {"id": 9, "type": "agent_bot"}, "bot"),
        ("outgoing", {"id": 9, "type": "captain_assistant"}, "bot"),
        ("outgoing", None, "system"),
        ("outgoing", {"id": 9}, "system"),
        ("template", None, "system"),
        (3, STAFF, "system"),
    ],
)
def test_what_a_machine_posts_neither_begins_nor_answers(kind: object, sender: object, author: str) -> None:
    assert parse(message(message_type=kind, sender=sender)) == Events((posted(author=author),))


def test_a_private_note_is_not_public_and_answers_nothing() -> None:
    note = message(message_type="outgoing", sender=STAFF, private=True)
    assert parse(note) == Events((posted(author="agent", agent="5", public=False),))


def test_a_message_without_text_has_no_length() -> None:
    assert parse(message(content=None)) == Events((*begun(), posted(author="customer", length=None)))


@pytest.mark.parametrize("told", ["2026-10-20 10:00:00 UTC", "2026-10-20T12:00:00+02:00", 1792490400, 1792490400.0004])
def test_an_instant_is_text_or_seconds(told: object) -> None:
    assert parse(message(created_at=told)) == parse(BODY)


@pytest.mark.parametrize(
    ("status", "read"), [("resolved", "solved"), ("pending", "pending"), ("snoozed", "on_hold"), ("open", "open")]
)
def test_a_status_is_read(status: str, read: Any) -> None:
    payload = conversation("conversation_status_changed", change("status", "pending", status), status=status)
    changed = ContactStatusChanged(id=own(TEN, status, "status"), **said(), status=read)
    assert parse(payload) == Events((changed,))


def test_open_after_resolved_is_offered_again() -> None:
    payload = conversation("conversation_status_changed", change("status", "resolved", "open"))
    changed = ContactStatusChanged(id=own(TEN, "open", "status"), **said(), status="open")
    again = ContactOffered(id=own(TEN, "reopened"), **said())
    assert parse(payload) == Events((changed, again))


def test_a_status_without_a_change_is_the_conversations() -> None:
    changed = ContactStatusChanged(id=own(TEN, "open", "status"), **said(), status="open")
    assert parse(conversation("conversation_status_changed")) == Events((changed,))


def test_the_first_team_takes_it_out_of_the_inbox() -> None:
    payload = conversation("conversation_updated", change("team_id", None, 8))
    left = ContactLeftQueue(id=own(TEN, "", 8, "left"), **said(), reason="transfer_out")
    assert parse(payload) == Events((left, ContactOffered(id=own(TEN, "", 8, "queued"), **said(queue="team:8"))))


def test_another_team_is_a_transfer_and_a_wait_before_the_first_reply() -> None:
    meta = {"sender": PERSON, "team": {"id": 8}}
    payload = conversation("conversation_updated", change("team_id", 7, 8), meta=meta)
    moved = ContactTransferred(id=own(TEN, 7, 8, "team"), **said(queue="team:7"), to="team:8")
    left = ContactLeftQueue(id=own(TEN, 7, 8, "left"), **said(queue="team:7"), reason="transfer_out")
    assert parse(payload) == Events((moved, left, ContactOffered(id=own(TEN, 7, 8, "queued"), **said(queue="team:8"))))


def test_a_team_after_the_first_reply_is_a_transfer_only() -> None:
    payload = conversation("conversation_updated", change("team_id", 7, None), first_reply_created_at=1792490390)
    moved = ContactTransferred(id=own(TEN, 7, "", "team"), **said(queue="team:7"), to="inbox:3")
    assert parse(payload) == Events((moved,))


def test_the_first_agent_is_assigned_and_another_one_a_transfer() -> None:
    first = conversation("conversation_updated", change("assignee_id", None, 5))
    assert parse(first) == Events((ContactUpdated(id=own(TEN, "", 5, "assigned"), **said(), agent="5", assignee="5"),))
    next_one = conversation("conversation_updated", change("assignee_id", 5, 6))
    assert parse(next_one) == Events((ContactTransferred(id=own(TEN, 5, 6, "assignee"), **said(), agent="5", to="6"),))


@pytest.mark.parametrize("name", ["team_id", "assignee_id"])
def test_two_moves_within_one_instant_are_two(name: str) -> None:
    ids: list[str] = []
    for before, after in ((None, 5), (5, 6), (6, 7), (7, 5)):
        moved = parse(conversation("conversation_updated", change(name, before, after)))
        assert isinstance(moved, Events)
        ids += [each.id for each in moved.events]
    assert len(set(ids)) == len(ids)


def test_a_rating_is_a_survey_answered_and_a_later_one_corrects_it() -> None:
    def rated(score: int, at: float) -> Parsed:
        return parse(
            message(
                event="message_updated",
                message_type="template",
                content_type="input_csat",
                content_attributes={"submitted_values": {"csat_survey_response": {"rating": score}}},
                conversation=CONVERSATION | {"updated_at": at},
            )
        )

    answer = SurveyAnswered(
        id=event_id("shop", "1", "981", "rating"), **said(revision=TEN), kind="csat", score=4, scale=5
    )
    assert rated(4, 1792490400.0) == Events((answer,))
    later = rated(2, 1792490401.5)
    assert isinstance(later, Events)
    assert [(each.id, each.revision) for each in later.events] == [(answer.id, TEN + 1_500)]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (message(message_type="activity"), "activity"),
        (message(event="message_updated"), "message_updated"),
        (message(event="message_updated", content_attributes={"deleted": True}), "message_deleted"),
        (message(event="message_updated", content_type="input_csat"), "not_yet_rated"),
        (conversation("conversation_updated", change("priority", None, "high")), "not_counted"),
        (conversation("conversation_updated", change("assignee_id", 5, None)), "not_counted"),
        (b'{"event":"contact_created","id":77}', "not_counted"),
        (b'{"event":"conversation_levitated","id":77}', "unknown_event"),
    ],
)
def test_what_is_not_counted_is_ignored_with_the_reason(payload: bytes, reason: str) -> None:
    assert parse(payload) == Ignored(reason)


def test_the_account_is_the_bodys_the_messages_or_the_setting() -> None:
    created = Events(begun())
    assert parse(conversation("conversation_created", messages=[], account={"id": "1"})) == created
    assert parse(conversation("conversation_created", messages=[]), {"account": "1"}) == created
    with pytest.raises(Malformed, match="the source's setting `account`") as caught:
        parse(conversation("conversation_created", messages=[]))
    assert caught.value.reason == "identity"


@pytest.mark.parametrize(
    "person", [None, {}, {"email": "nobody", "phone_number": "anonymous"}, {"email": "@b.example"}]
)
def test_who_is_withheld_has_no_identifier(person: object) -> None:
    assert parse(message(sender=person, conversation=CONVERSATION | {"meta": None})) == Events(
        (*begun(identifiers=()), posted(author="customer", identifiers=()))
    )


def test_a_duplicate_says_the_same_again() -> None:
    for payload in (BODY, conversation("conversation_status_changed", change("status", "resolved", "open"))):
        assert parse(payload) == parse(payload)


def test_the_order_of_deliveries_changes_nothing() -> None:
    payloads = [
        conversation("conversation_created"),
        BODY,
        message(id=982, message_type="outgoing", sender=STAFF, created_at="2026-10-20T10:01:00Z"),
        conversation("conversation_status_changed", change("status", "resolved", "open"), updated_at=1792490500.5),
    ]

    def kept(order: list[bytes]) -> dict[str, AnyEvent]:
        known: dict[str, AnyEvent] = {}
        for payload in order:
            parsed = parse(payload)
            assert isinstance(parsed, Events)
            for event in parsed.events:
                if event.id not in known or event.revision > known[event.id].revision:
                    known[event.id] = event
        return known

    assert kept(payloads) == kept(payloads[::-1])
    assert len(kept(payloads)) == 7


@pytest.mark.parametrize(
    ("payload", "reason", "part"),
    [
        (b"", "syntax", "no JSON"),
        (BODY[:-20], "syntax", "no JSON"),
        (BODY.replace(b"Where", b"W\xffere"), "syntax", "no JSON"),
        (b'{"x":' + b"[" * 100_000, "syntax", "no JSON"),
        (b"[1]", "schema", "Expected `object`"),
        (b"{}", "schema", "missing required field `event`"),
        (message(event=7), "schema", r"`\$.event`"),
        (message(id=[]), "schema", r"`\$.id`"),
        (message(id=None), "identity", r"`\$.id` is missing"),
        (message(content=7), "schema", r"`\$.content`"),
        (message(message_type=9), "schema", r"`\$.message_type` is '9'"),
        (message(created_at="noon"), "time", r"`\$.created_at`"),
        (message(created_at=1e300), "time", r"`\$.created_at`"),
        (message(created_at=-1), "time", r"`\$.created_at`"),
        (message(created_at=None), "time", r"`\$.created_at`"),
        (message(conversation=None), "identity", r"`\$.conversation.id` is missing"),
        (message(conversation=[]), "schema", r"`\$.conversation`"),
        (conversation("conversation_created", id=None), "identity", r"`\$.id` is missing"),
        (conversation("conversation_created", created_at=None), "time", r"`\$.created_at`"),
        (conversation("conversation_status_changed", status="asleep"), "schema", r"`\$.status` is 'asleep'"),
        (
            message(
                event="message_updated",
                content_type="input_csat",
                content_attributes={"submitted_values": {"csat_survey_response": {"rating": 6}}},
            ),
            "schema",
            "rating",
        ),
    ],
)
def test_what_can_not_be_understood_is_refused_with_the_reason(payload: bytes, reason: str, part: str) -> None:
    with pytest.raises(Malformed, match=part) as caught:
        parse(payload)
    assert caught.value.reason == reason


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(data=st.data())
@settings(max_examples=200)
def test_whatever_is_changed_in_a_payload_it_is_read_or_refused(data: st.DataObject) -> None:
    body = json.loads(data.draw(st.sampled_from([BODY, conversation("conversation_updated", change("team_id", 7, 8))])))
    inner = data.draw(st.sampled_from([body, body.get("conversation", body)]))
    inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(VALUES | st.lists(VALUES, max_size=2))
    payload = json.dumps(body).encode()
    cut = data.draw(st.integers(0, 2 * len(payload)))
    payload = payload[:cut] + data.draw(st.binary(max_size=1)) + payload[cut:] if cut % 2 else payload[: cut or None]
    assert PROVIDER.channel_of(payload, {}) in ("chat", "email", "phone", "social")
    PROVIDER.key(payload, {})
    with suppress(Malformed):
        assert isinstance(parse(payload), Events | Ignored)
