"""Mailgun's routes and event webhooks: signed by time and token, read as mails."""

import hmac
import tracemalloc
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from agents.intake.providers.mailgun import PROVIDER, WINDOW_SECONDS
from agents.intake.webhook import answered, begun
from schemas.events import MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Delivery, NotGenuine
from tests.unit.vectors import vector

READ_AT = 1792490400_000
POSTED_AT = 1792490395_000
KEYS = ("mg-signing-key-one", "mg-signing-key-two")
OTHER = "another"
FORM_TYPE = "application/x-www-form-urlencoded"
MULTIPART_TYPE = "multipart/form-data; boundary=fw"
HEADERS = [
    ["Message-Id", "<fw-2@kunde.example>"],
    ["From", "Ana <ana@kunde.example>"],
    ["References", "<fw-0@kunde.example> <fw-1@shop.example>"],
    ["In-Reply-To", "<fw-1@shop.example>"],
    ["Date", "Tue, 20 Oct 2026 11:58:41 +0200"],
]
MAIL = {
    "recipient": "support+t4711@shop.example",
    "sender": "ana@kunde.example",
    "from": "Ana <ana@kunde.example>",
    "subject": "Re: Parcel 77",
    "body-plain": "Still n\xf6thing\r\n",
    "stripped-text": "Still",
    "message-headers": msgspec.json.encode(HEADERS).decode(),
    "Message-Id": "<fw-2@kunde.example>",
    "timestamp": "1792490395",
    "token": "f3a9",
    "signature": "d2ad",
}
RAW = """\
From: Ana <ana@kunde.example>\r
To: support@shop.example\r
Message-ID: <fw-2@kunde.example>\r
References: <fw-0@kunde.example> <fw-1@shop.example>\r
In-Reply-To: <fw-1@shop.example>\r
Content-Type: text/plain; charset=utf-8\r
\r
Still n\xf6thing\r
"""
BODY = urlencode(MAIL).encode()
CONTACT = contact_id("mail", "fw-0@kunde.example")
ANA = ("mailto:ana@kunde.example",)


def fields(**changed: object) -> dict[str, str]:
    said = MAIL | {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: str(value) for name, value in said.items() if value is not ...}


def form(**changed: object) -> bytes:
    return urlencode(fields(**changed)).encode()


def multipart(said: dict[str, str]) -> bytes:
    parts = (
        f'--fw\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in said.items()
    )
    return ("".join(parts) + "--fw--\r\n").encode()


def with_headers(*more: list[str], **changed: str) -> bytes:
    return form(message_headers=msgspec.json.encode([*HEADERS, *more]).decode(), **changed)


def parse(payload: bytes, content_type: str = FORM_TYPE, **settings: str) -> Parsed:
    headers = {"content-type": content_type.encode()}
    return PROVIDER.parse(payload, Context("mail", headers, read_at=READ_AT, settings=settings))


def signature(timestamp: str, token: str, key: str = KEYS[0]) -> str:
    return hmac.new(key.encode(), (timestamp + token).encode(), "sha256").hexdigest()


def verify(payload: bytes, *, content_type: str = FORM_TYPE, at: int = READ_AT, keys: tuple[str, ...] = KEYS) -> None:
    url = "https://hooks.shop.example/hooks/mailgun/mail"
    PROVIDER.verify(Delivery("POST", url, (), {"content-type": content_type}, payload, at), {"secret": keys})


def signed(timestamp: str = "1792490395", token: str = "f3a9", key: str = KEYS[0], **changed: object) -> bytes:  # noqa: S107
    return form(timestamp=timestamp, token=token, signature=signature(timestamp, token, key), **changed)


def posted(**changed: object) -> MessagePosted:
    said: dict[str, Any] = {
        "id": event_id("mail", "fw-2@kunde.example", "message"),
        "time": from_ms(POSTED_AT),
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


def customers() -> Events:
    first = begun("mail", CONTACT, "email", POSTED_AT, queue="support@shop.example", identifiers=ANA)
    return Events((*first, posted()))


def test_the_provider_is_found_by_its_name() -> None:
    assert webhooks()["mailgun"] is PROVIDER


def test_the_signature_of_time_and_token_lets_in() -> None:
    sheet = vector("mailgun")
    proof = {"timestamp": sheet["timestamp"], "token": sheet["token"], "signature": sheet["expected"]}
    keys = (sheet["key"],)
    verify(form(**proof), keys=keys)
    verify(multipart(fields(**proof)), content_type=MULTIPART_TYPE, keys=keys)
    event = msgspec.json.encode({"signature": proof, "event-data": {"event": "failed"}})
    verify(event, content_type="application/json", keys=keys)
    verify(msgspec.json.encode({"signature": proof | {"timestamp": int(sheet["timestamp"])}}), keys=keys)
    with pytest.raises(NotGenuine, match="signature is another"):
        verify(form(**proof), keys=("another",))


@pytest.mark.parametrize("key", KEYS)
def test_while_a_key_is_rotated_both_let_in(key: str) -> None:
    verify(signed(key=key))


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (form(), "signature is another"),
        (signed().replace(b"token=f3a9", b"token=f3a8"), "signature is another"),
        (signed().replace(b"1792490395", b"1792490396"), "signature is another"),
        (signed(key="unknown"), "signature is another"),
        (form(signature="\xfc"), "signature is another"),
        (form(signature=...), "is missing"),
        (form(token=""), "is missing"),
        (form(timestamp=...), "is missing"),
        (signed(timestamp="soon"), "no number of seconds"),
        (signed(timestamp="\u0661"), "no number of seconds"),
        (signed(timestamp="9" * 13), "no number of seconds"),
        (b"", "is missing"),
        (b"\xff\xfe", "is missing"),
        (b"{", "is missing"),
        (b'{"signature": {"timestamp": [], "token": 1}}', "is missing"),
    ],
)
def test_nobody_else_is_let_in(payload: bytes, message: str) -> None:
    with pytest.raises(NotGenuine, match=message) as caught:
        verify(payload)
    assert KEYS[0] not in str(caught.value)


def test_the_body_is_not_signed() -> None:
    verify(signed(body_plain="altered"))


def test_a_users_variable_called_like_the_proof_comes_first_and_does_not_count() -> None:
    verify(b"token=own&signature=own&" + signed())


def test_the_proof_is_found_wherever_it_stands_and_whatever_else_there_is() -> None:
    proof = {"timestamp": "1792490395", "token": "f 3\xfc", "signature": signature("1792490395", "f 3\xfc")}
    verify(urlencode(proof).encode() + b"&body-plain=" + b"%41" * 100_000)
    verify(b"a=%ff&" * 2_000 + urlencode(proof).encode())


def test_the_proof_of_parts_is_found_without_reading_their_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    proof = {"timestamp": "1792490395", "token": "f3a9", "signature": signature("1792490395", "f3a9")}
    body = multipart(fields(**proof)).replace(
        b"Content-Disposition: form-data; name", b"content-disposition:form-data;name"
    )
    long = b'--fw\r\nX-Long: %b\r\nContent-Disposition: form-data; name="token"\r\n\r\nown\r\n' % (b"x" * 500)
    monkeypatch.setattr("agents.intake.mail._form_field", None)
    verify(b'--fw\r\nContent-Disposition: form-data; name="token"\r\n\r\nown\r\n' + body, content_type=MULTIPART_TYPE)
    verify(body.replace(b"--fw--", long + b"--fw--"), content_type=MULTIPART_TYPE)
    verify(body.replace(b'"token"', b"token"), content_type=MULTIPART_TYPE)
    for other in (b'"tokens"', b'"own token"', b'"TOKEN"', b'"attachment-1"; filename="; name=token"'):
        with pytest.raises(NotGenuine, match="is missing"):
            verify(body.replace(b'"token"', other), content_type=MULTIPART_TYPE)


def test_a_form_without_its_content_type_or_end_is_not_let_in() -> None:
    with pytest.raises(NotGenuine, match="is missing"):
        verify(multipart(fields())[:-8], content_type=MULTIPART_TYPE)
    with pytest.raises(NotGenuine, match="is missing"):
        verify(multipart(fields()), content_type="")


def test_a_signature_holds_as_long_as_mailgun_tries() -> None:
    verify(signed(), at=POSTED_AT + WINDOW_SECONDS * 1000)
    with pytest.raises(NotGenuine, match="timestamp is more than 32400 s from now"):
        verify(signed(), at=POSTED_AT + WINDOW_SECONDS * 1000 + 1)


def test_there_is_no_handshake_and_a_refusal_does_not_end_the_retries() -> None:
    assert PROVIDER.greet(Delivery("GET", "https://x.example", (), {}, b"", READ_AT), {"secret": KEYS}) is None
    assert (PROVIDER.refusal, PROVIDER.taken.status, PROVIDER.tries_again) == (401, 200, True)


def test_a_mail_of_a_customer_begins_its_thread_and_is_a_message() -> None:
    assert parse(BODY) == customers()


def test_a_mail_with_attachments_or_whole_says_the_same() -> None:
    assert parse(multipart(fields(attachment_1="abc")), MULTIPART_TYPE) == customers()
    assert parse(form(body_mime=RAW, message_headers=..., Message_Id=...)) == customers()
    assert parse(multipart(fields(body_mime=RAW)), MULTIPART_TYPE) == customers()


def test_fields_stand_in_for_headers_that_are_missing() -> None:
    said = parse(form(message_headers=..., References="<fw-0@kunde.example>", In_Reply_To=...) + b"&In-Reply-To=")
    assert isinstance(said, Events)
    assert said.events[-1] == posted(in_reply_to=event_id("mail", "fw-0@kunde.example", "message"))


def test_the_time_is_mailguns_receipt_else_its_posting_else_the_arrival() -> None:
    received = with_headers(["Received", "by mx.mailgun.example; Tue, 20 Oct 2026 09:58:45 +0000"])
    said = [
        parse(received),
        parse(BODY),
        parse(form(timestamp="soon", message_headers="[]")),
        parse(form(timestamp="9" * 12)),
    ]
    times = [each.events[-1].time for each in said if isinstance(each, Events)]
    assert times == [from_ms(1792490325_000), from_ms(POSTED_AT), from_ms(READ_AT), from_ms(READ_AT)]


def test_a_mail_of_ours_answers() -> None:
    headers = [*HEADERS[:1], ["From", "Bo <bo@shop.example>"], ["To", "ana@kunde.example"], *HEADERS[2:]]
    ours = form(message_headers=msgspec.json.encode(headers).decode(), sender="bounces@shop.example")
    assert parse(ours, addresses="@shop.example") == Events(
        (
            answered("mail", CONTACT, "email", POSTED_AT, queue=None, agent="bo@shop.example"),
            posted(author="agent", agent="bo@shop.example", queue=None),
        )
    )


def test_a_mail_of_a_form_on_our_page_is_a_customers() -> None:
    web = [*HEADERS[:1], ["From", "web@shop.example"], ["To", "support@shop.example"], *HEADERS[2:]]
    headers = msgspec.json.encode([*web, ["Reply-To", "Ana <ana@kunde.example>"]]).decode()
    bare = msgspec.json.encode(web).decode()
    sender = "web@shop.example"
    assert parse(form(message_headers=headers, sender=sender), addresses="@shop.example") == customers()
    posted_beside = form(message_headers=bare, sender=sender) + b"&Reply-To=ana@kunde.example"
    assert parse(posted_beside, addresses="@shop.example") == customers()
    assert parse(form(message_headers=bare, sender=sender), addresses="@shop.example") == Ignored("own_mail")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (with_headers(["Auto-Submitted", "auto-generated"]), "auto_reply"),
        (with_headers(["List-Id", "<news.shop.example>"]), "bulk"),
        (with_headers(["Content-Type", "multipart/report; report-type=delivery-status"]), "bounce"),
        (form(sender=""), "bounce"),
        (form(sender="", body_mime=RAW), "bounce"),
        (form(sender="", body_mime="Return-Path: <ana@kunde.example>\r\n" + RAW), "bounce"),
        (with_headers(["Return-Path", "<ana@kunde.example>"], sender=""), "bounce"),
        (form(body_mime="Auto-Submitted: auto-replied\r\n" + RAW), "auto_reply"),
    ],
)
def test_machine_mail_is_ignored(payload: bytes, reason: str) -> None:
    assert parse(payload) == Ignored(reason)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("accepted", "delivery_state"),
        ("delivered", "delivery_state"),
        ("stored", "delivery_state"),
        ("rejected", "bounce"),
        ("failed", "bounce"),
        ("complained", "complaint"),
        ("opened", "tracking"),
        ("clicked", "tracking"),
        ("unsubscribed", "subscription_state"),
        ("teleported", "unknown_event"),
    ],
)
def test_states_of_sent_mail_are_ignored(event: str, reason: str) -> None:
    proof = {"timestamp": "1792490400", "token": "f3a9", "signature": "d2ad"}
    data = {"event": event, "id": "fw-9", "timestamp": 1792490400.51, "delivery-status": {"code": 550}}
    payload = msgspec.json.encode({"signature": proof, "event-data": data})
    assert parse(payload, "application/json; charset=utf-8") == Ignored(reason)
    assert PROVIDER.key(payload, {"content-type": b"application/json"}) is None
    assert PROVIDER.identity(payload, {"content-type": b"application/json"}) == "f3a9"


def test_a_mail_delivered_again_under_another_token_has_the_same_events() -> None:
    assert parse(form(token=OTHER, signature="other")) == parse(BODY)
    assert (PROVIDER.identity(BODY, {}), PROVIDER.identity(form(token=OTHER), {})) == ("f3a9", OTHER)
    nameless = {"message_headers": "[]", "Message_Id": ""}
    one, two = parse(form(**nameless)), parse(form(**nameless, token=OTHER))
    assert isinstance(one, Events)
    assert one == two
    assert one != parse(form(**nameless, body_plain="another"))


def test_mails_of_a_thread_have_the_thread_as_key() -> None:
    said = {"content-type": MULTIPART_TYPE.encode()}
    assert PROVIDER.key(BODY, {}) == PROVIDER.key(multipart(fields()), said) == b"fw-0@kunde.example"
    assert PROVIDER.channel_of(BODY, {}) == "email"


def test_the_key_is_found_without_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = form(body_mime=RAW, message_headers=..., Message_Id=...)
    for name in ("agents.intake.mail._text_of", "agents.intake.providers.mailgun.decoded_text"):
        monkeypatch.setattr(name, None)
    assert PROVIDER.key(BODY, {}) == PROVIDER.key(whole, {}) == b"fw-0@kunde.example"


def test_the_key_of_a_large_mail_is_made_of_its_beginning() -> None:
    raw = urlencode({"body-mime": RAW}).encode() + b"%E4" * 1_000_000
    for large in (raw, b"body-plain=" + b"%E4" * 1_000_000 + b"&" + BODY):
        tracemalloc.start()
        try:
            assert PROVIDER.key(large, {}) == b"fw-0@kunde.example"
            assert tracemalloc.get_traced_memory()[1] < 3 * len(large)
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("payload", "content_type", "reason", "message"),
    [
        (b"", FORM_TYPE, "schema", "no mail: a route posts"),
        (b"\xff\xfe\x00", "", "schema", "no mail: a route posts"),
        (b"recipient=a", FORM_TYPE, "schema", "no mail: a route posts"),
        (form(message_headers="[[1]]"), FORM_TYPE, "schema", "message-headers is no list"),
        (form(message_headers='[["a"'), FORM_TYPE, "schema", "message-headers is no list"),
        (b"body-mime=hello", FORM_TYPE, "schema", "no mail: none of the fields From"),
        (multipart(fields())[:-20], MULTIPART_TYPE, "syntax", "no whole form"),
        (multipart(fields()), "multipart/form-data", "syntax", "names no boundary"),
        (b'{"event-data": {"event": "fai', "application/json", "syntax", "no JSON"),
        (b"", "application/json", "syntax", "no JSON"),
        (b'{"event-data": {"event": "\xff"}}', "application/json", "syntax", "0xff"),
        (b'{"event-data": {"event": 7}}', "application/json", "schema", "event"),
        (b"{}", "application/json", "schema", "missing required field `event-data`"),
    ],
)
def test_what_is_no_mail_and_no_event_is_refused_with_the_reason(
    payload: bytes, content_type: str, reason: str, message: str
) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload, content_type)
    assert caught.value.reason == reason


@given(st.integers(0, len(BODY)), st.integers(0, 30), st.binary(max_size=30), st.booleans())
@settings(max_examples=200)
def test_any_body_says_something_or_is_refused(start: int, length: int, other: bytes, parts: bool) -> None:
    whole = multipart(fields(body_mime=RAW)) if parts else BODY
    content_type = MULTIPART_TYPE if parts else FORM_TYPE
    payload = whole[:start] + other + whole[start + length :]
    PROVIDER.identity(payload, {"content-type": content_type.encode()})
    PROVIDER.key(payload, {"content-type": content_type.encode()})
    try:
        said = parse(payload, content_type)
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
