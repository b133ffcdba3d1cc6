"""Postmark's inbound mails: let in by user and password, read as mails."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from agents.intake.providers.postmark import PROVIDER
from agents.intake.webhook import answered, begun
from schemas.events import MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.vectors import vector

READ_AT = 1792490400_000
RECEIVED_AT = 1792490325_000
MAIL: dict[str, Any] = {
    "FromFull": {"Email": "ana@kunde.example", "Name": "Ana Kunde", "MailboxHash": ""},
    "From": "ana@kunde.example",
    "ToFull": [{"Email": "support+t4711@shop.example", "Name": "", "MailboxHash": "t4711"}],
    "OriginalRecipient": "support+t4711@shop.example",
    "MailboxHash": "t4711",
    "MessageStream": "inbound",
    "MessageID": "8d3c1f0e-53b1-4f0a-9a61-fw0000000002",
    "Subject": "Re: Parcel 77",
    "Date": "Tue, 20 Oct 2026 11:58:41 +0200",
    "TextBody": "Still nothing",
    "StrippedTextReply": "Still nothing",
    "HtmlBody": "",
    "Headers": [
        {"Name": "Received", "Value": "by mx.postmark.example; Tue, 20 Oct 2026 09:58:45 +0000"},
        {"Name": "Message-ID", "Value": "<fw-2@kunde.example>"},
        {"Name": "In-Reply-To", "Value": "<fw-1@shop.example>"},
    ],
    "Attachments": [{"Name": "a.txt", "Data": "aGk=", "ContentType": "text/plain", "ContentLength": 2}],
}
BODY = msgspec.json.encode(MAIL)
CONTACT = contact_id("mail", "fw-1@shop.example")
ANA = ("mailto:ana@kunde.example",)
SECRETS = {"user": ("postmark",), "password": ("fw-inbound-2f7d", "the-next-one")}


def body(**changed: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in (MAIL | changed).items() if value is not ...})


def parse(payload: bytes, **settings: str) -> Parsed:
    headers = {"content-type": b"application/json"}
    return PROVIDER.parse(payload, Context("mail", headers, read_at=READ_AT, settings=settings))


def delivery(authorization: str | None, payload: bytes = BODY) -> Delivery:
    headers = {} if authorization is None else {"authorization": authorization}
    return Delivery("POST", "https://hooks.shop.example/hooks/postmark/mail", (), headers, payload, READ_AT)


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def posted(**changed: object) -> MessagePosted:
    said: dict[str, Any] = {
        "id": event_id("mail", "fw-2@kunde.example", "message"),
        "time": from_ms(RECEIVED_AT),
        "channel": "email",
        "source": "mail",
        "contact": CONTACT,
        "revision": 1,
        "queue": "support@shop.example",
        "identifiers": ANA,
        "author": "customer",
        "length": 13,
        "in_reply_to": event_id("mail", "fw-1@shop.example", "message"),
    }
    return MessagePosted(**said | changed)


def test_the_provider_is_found_by_its_name() -> None:
    assert webhooks()["postmark"] is PROVIDER


def test_user_and_password_of_the_source_are_let_in() -> None:
    sheet = vector("postmark")
    assert basic(sheet["user"], sheet["password"]) == sheet["expected"]
    secrets = {"user": (sheet["user"],), "password": (sheet["password"],)}
    PROVIDER.verify(delivery(sheet["expected"]), secrets)
    PROVIDER.verify(delivery(sheet["expected"].replace("Basic", "basic")), secrets)


@pytest.mark.parametrize("password", ["fw-inbound-2f7d", "the-next-one"])
def test_while_a_password_is_rotated_both_are_let_in(password: str) -> None:
    PROVIDER.verify(delivery(basic("postmark", password)), SECRETS)


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "no header authorization"),
        ("", "no header authorization"),
        (basic("postmark", "wrong"), "another user or password"),
        (basic("other", "fw-inbound-2f7d"), "another user or password"),
        (basic("postmark", ""), "another user or password"),
        ("Basic", "another user or password"),
        ("Basic \xff\udc80", "another user or password"),
        (basic("postmark", "fw-inbound-2f7d").replace("Basic", "Bearer"), "another user or password"),
    ],
)
def test_nobody_else_is_let_in(authorization: str | None, message: str) -> None:
    with pytest.raises(NotGenuine, match=message) as caught:
        PROVIDER.verify(delivery(authorization), SECRETS)
    assert "fw-inbound" not in str(caught.value)


def test_there_is_no_handshake_and_a_refusal_does_not_end_the_retries() -> None:
    assert PROVIDER.greet(delivery(None, b""), SECRETS) is None
    assert (PROVIDER.refusal, PROVIDER.taken.status, PROVIDER.tries_again) == (401, 200, True)


def test_a_mail_of_a_customer_begins_its_thread_and_is_a_message() -> None:
    first = begun("mail", CONTACT, "email", RECEIVED_AT, queue="support@shop.example", identifiers=ANA)
    assert parse(BODY) == Events((*first, posted()))


def test_a_mail_of_ours_answers() -> None:
    ours = body(
        From="bo@shop.example", FromFull=None, ToFull=[{"Email": "Ana@kunde.example"}], CcFull=[{"Email": None}]
    )
    assert parse(ours, addresses="bo@shop.example, support@shop.example") == Events(
        (
            answered("mail", CONTACT, "email", RECEIVED_AT, queue=None, agent="bo@shop.example"),
            posted(author="agent", agent="bo@shop.example", queue=None),
        )
    )


def test_a_mail_of_a_form_on_our_page_is_a_customers() -> None:
    web: dict[str, Any] = {"From": "web@shop.example", "FromFull": None}
    first = begun("mail", CONTACT, "email", RECEIVED_AT, queue="support@shop.example", identifiers=ANA)
    said = parse(body(**web, ReplyTo="Ana <ana@kunde.example>"), addresses="@shop.example")
    assert said == Events((*first, posted()))
    assert parse(body(**web, ReplyTo=""), addresses="@shop.example") == Ignored("own_mail")


def test_fields_that_the_header_has_itself_are_not_taken_twice() -> None:
    headers = [*MAIL["Headers"], {"Name": "from", "Value": "Bo <bo@kunde.example>"}]
    said = parse(body(Headers=headers))
    assert isinstance(said, Events)
    assert said.events[-1] == posted(identifiers=("mailto:bo@kunde.example",))


def test_a_mail_without_message_id_and_received_has_postmarks_id_and_the_time_of_its_arrival() -> None:
    said = parse(body(Headers=None, TextBody=None))
    contact = contact_id("mail", MAIL["MessageID"])
    first = begun("mail", contact, "email", READ_AT, queue="support@shop.example", identifiers=ANA)
    own = event_id("mail", MAIL["MessageID"], "message")
    message = posted(id=own, contact=contact, time=from_ms(READ_AT), length=None, in_reply_to=None)
    assert said == Events((*first, message))


def test_a_mail_without_sender_and_recipients_is_still_a_message() -> None:
    said = parse(body(From=..., FromFull=..., ToFull=None, To="Sales <sales@shop.example>", OriginalRecipient=None))
    assert isinstance(said, Events)
    assert said.events[-1] == posted(identifiers=(), queue="sales@shop.example")


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ({"Name": "Auto-Submitted", "Value": "auto-replied"}, "auto_reply"),
        ({"Name": "Precedence", "Value": "bulk"}, "bulk"),
        ({"Name": "Return-Path", "Value": "<>"}, "bounce"),
        ({"Name": "Content-Type", "Value": "multipart/report; report-type=delivery-status"}, "bounce"),
    ],
)
def test_machine_mail_is_ignored(field: dict[str, str], reason: str) -> None:
    assert parse(body(Headers=[*MAIL["Headers"], field])) == Ignored(reason)


@pytest.mark.parametrize(
    ("record_type", "reason"),
    [
        ("Bounce", "bounce"),
        ("Delivery", "delivery_state"),
        ("SpamComplaint", "complaint"),
        ("Open", "tracking"),
        ("Click", "tracking"),
        ("SubscriptionChange", "subscription_state"),
        ("Teleported", "unknown_event"),
    ],
)
def test_states_of_sent_mail_are_ignored(record_type: str, reason: str) -> None:
    state = msgspec.json.encode({"RecordType": record_type, "MessageID": "m", "ID": 42, "From": 7})
    assert parse(state) == Ignored(reason)
    assert PROVIDER.identity(state, {}) is None


def test_a_mail_delivered_again_has_the_same_events_and_identity() -> None:
    assert parse(BODY) == parse(BODY)
    assert PROVIDER.identity(BODY, {}) == MAIL["MessageID"]


def test_mails_of_a_thread_have_the_thread_as_key() -> None:
    assert PROVIDER.key(BODY, {}) == PROVIDER.key(body(MessageID="other", Date=None), {}) == b"fw-1@shop.example"
    assert PROVIDER.channel_of(BODY, {}) == "email"


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no JSON"),
        (BODY[:-9], "syntax", "no JSON"),
        (BODY.replace(b"8d3c", b"\xf6"), "syntax", "0xf6"),
        (b'{"a":' + b"[" * 100_000, "syntax", "no JSON"),
        (b"[]", "schema", "Expected `object`"),
        (b"{}", "schema", "missing required field `MessageID`"),
        (body(MessageID=""), "identity", r"`\$.MessageID` is empty"),
        (body(MessageID=7), "schema", r"`\$.MessageID`"),
        (body(Headers={}), "schema", r"`\$.Headers`"),
        (body(FromFull="ana"), "schema", r"`\$.FromFull`"),
        (body(RecordType=1), "schema", r"`\$.RecordType`"),
    ],
)
def test_what_is_no_inbound_mail_is_refused_with_the_reason(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload)
    assert caught.value.reason == reason


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", b'{"MessageID": 7}', b'{"MessageID": ""}'])
def test_what_is_no_inbound_mail_has_no_identity_and_no_key(payload: bytes) -> None:
    assert (PROVIDER.identity(payload, {}), PROVIDER.key(payload, {})) == (None, None)


@given(st.integers(0, len(BODY)), st.integers(0, 30), st.binary(max_size=30))
@settings(max_examples=200)
def test_any_body_says_something_or_is_refused(start: int, length: int, other: bytes) -> None:
    payload = BODY[:start] + other + BODY[start + length :]
    PROVIDER.identity(payload, {})
    PROVIDER.key(payload, {})
    try:
        said = parse(payload)
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
