"""SendGrid's inbound mails: let in by user and password, read as mails, each field in its charset."""

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.intake.mail import form_fields
from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from agents.intake.providers.sendgrid import PROVIDER
from agents.intake.webhook import answered, begun
from schemas.events import MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Configurable, Delivery, NotGenuine, Secrets
from tests.unit.vectors import unescaped, vector

READ_AT = 1792490400_000
SENT_AT = 1792490321_000
TYPE = {"content-type": b"multipart/form-data; boundary=fw"}
MAIL = {
    "envelope": b'{"to":["hash@in.shop.example","support+t4711@shop.example"],"from":"ana@kunde.example"}',
    "from": b"Ana <ana@kunde.example>",
    "to": b"Support <support@shop.example>",
    "subject": b"Re: Parcel 77",
    "headers": b"Message-ID: <fw-2@kunde.example>\nDate: Tue, 20 Oct 2026 11:58:41 +0200\n"
    b"In-Reply-To: <fw-1@shop.example>\n",
    "text": "Still nothing für mich".encode("iso-8859-1"),
    "charsets": b'{"to":"UTF-8","from":"UTF-8","subject":"UTF-8","text":"iso-8859-1"}',
    "attachments": b"0",
    "SPF": b"pass",
}
RAW = b"""\
From: Ana <ana@kunde.example>\r
To: support@shop.example\r
Date: Tue, 20 Oct 2026 11:58:41 +0200\r
Message-ID: <fw-2@kunde.example>\r
In-Reply-To: <fw-1@shop.example>\r
Content-Type: text/plain; charset=iso-8859-1\r
\r
Still nothing f\xfcr mich\r
"""
CONTACT = contact_id("mail", "fw-1@shop.example")
ANA = ("mailto:ana@kunde.example",)
OURS = "@shop.example"
SECRETS = {"user": ("sendgrid",), "password": ("first-one", "the-next-one")}


def body(boundary: bytes = b"fw", **changed: bytes | None) -> bytes:
    parts = (
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (boundary, name.encode(), value)
        for name, value in (MAIL | changed).items()
        if value is not None
    )
    return b"".join(parts) + b"--%b--\r\n" % boundary


def parse(payload: bytes, addresses: str = OURS) -> Parsed:
    return PROVIDER.parse(payload, Context("mail", TYPE, read_at=READ_AT, settings={"addresses": addresses}))


def verify(authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    url = "https://hooks.shop.example/hooks/sendgrid/mail"
    PROVIDER.verify(Delivery("POST", url, (), headers, body(), READ_AT), SECRETS)


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def posted(**changed: object) -> MessagePosted:
    said: dict[str, Any] = {
        "id": event_id("mail", "fw-2@kunde.example", "message"),
        "time": from_ms(SENT_AT),
        "channel": "email",
        "source": "mail",
        "contact": CONTACT,
        "revision": 1,
        "queue": "support@shop.example",
        "identifiers": ANA,
        "author": "customer",
        "length": 22,
        "in_reply_to": event_id("mail", "fw-1@shop.example", "message"),
    }
    return MessagePosted(**said | changed)


def customers() -> Events:
    first = begun("mail", CONTACT, "email", SENT_AT, queue="support@shop.example", identifiers=ANA)
    return Events((*first, posted()))


def test_the_provider_is_found_by_its_name() -> None:
    assert webhooks()["sendgrid"] is PROVIDER


@pytest.mark.parametrize("password", SECRETS["password"])
def test_while_a_password_is_rotated_both_are_let_in(password: str) -> None:
    verify(basic("sendgrid", password))


@pytest.mark.parametrize(
    ("authorization", "message"),
    [(None, "no header authorization"), (basic("sendgrid", "wrong"), "another"), ("Bearer first-one", "another")],
)
def test_nobody_else_is_let_in(authorization: str | None, message: str) -> None:
    with pytest.raises(NotGenuine, match=message):
        verify(authorization)


SHEET = vector("sendgrid")
SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
SIGNED = {SIGNATURE: SHEET["expected"], TIMESTAMP: SHEET["timestamp"]}
KEY = SHEET["public key"]


def other_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> str:
    public = ec.derive_private_key(7, curve()).public_key()
    return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def signed(changed: dict[str, str | None] | None = None, *, body: bytes | None = None, at: int = READ_AT) -> Delivery:
    """The sheet's post, with headers changed or taken out."""
    headers = {name: value for name, value in (SIGNED | (changed or {})).items() if value is not None}
    sheet = unescaped(SHEET["body (escaped)"]).encode()
    return Delivery("POST", "https://hooks.shop.example/hooks/sendgrid/mail", (), headers, body or sheet, at)


def refused(delivery: Delivery, secrets: Secrets) -> str:
    with pytest.raises(NotGenuine) as caught:
        PROVIDER.verify(delivery, secrets)
    return str(caught.value)


def test_a_source_has_a_user_and_a_password_or_a_public_key() -> None:
    assert PROVIDER.secret_names == ("user", "password", "public_key")
    assert PROVIDER.alternatives == (("user", "password"), ("public_key",))


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        f"{KEY}\n",
        f"-----BEGIN PUBLIC KEY-----\n{KEY[:64]}\n{KEY[64:]}\n-----END PUBLIC KEY-----\n",
        f"-----BEGIN PUBLIC KEY-----\r\n{KEY[:64]}\r\n{KEY[64:]}\r\n-----END PUBLIC KEY-----\r\n",
    ],
)
def test_what_sendgrid_signed_is_let_in(key: str) -> None:
    PROVIDER.verify(signed(), {"public_key": (key,)})


@pytest.mark.parametrize("keys", [(KEY, other_key()), (other_key(), KEY)])
def test_while_a_key_is_rotated_both_are_valid(keys: tuple[str, ...]) -> None:
    PROVIDER.verify(signed(), {"public_key": keys})


@pytest.mark.parametrize(
    ("delivery", "says"),
    [
        (signed({SIGNATURE: None}), f"no header {SIGNATURE}"),
        (signed({TIMESTAMP: None}), f"no header {TIMESTAMP}"),
        (signed({SIGNATURE: "!"}), f"header {SIGNATURE} is another than that of the timestamp and the body"),
        (signed({SIGNATURE: "ü"}), f"header {SIGNATURE} is another than that of the timestamp and the body"),
        (signed({TIMESTAMP: "now"}), f"header {TIMESTAMP} is no number of seconds"),
        (signed({TIMESTAMP: "²"}), f"header {TIMESTAMP} is no number of seconds"),
        (signed({SIGNATURE: "AAAA"}), f"header {SIGNATURE} is another than that of the timestamp and the body"),
        (signed({TIMESTAMP: "1792490401"}), f"header {SIGNATURE} is another than that of the timestamp and the body"),
        (signed(body=b"altered"), f"header {SIGNATURE} is another than that of the timestamp and the body"),
        (signed(at=READ_AT + 262_800_001), f"header {TIMESTAMP} is more than 262800 s from now"),
    ],
)
def test_what_is_not_signed_just_so_is_refused(delivery: Delivery, says: str) -> None:
    assert refused(delivery, {"public_key": (KEY,)}) == says


def test_another_s_key_proves_nothing_and_sendgrid_tries_again_for_three_days() -> None:
    assert "is another than that" in refused(signed(), {"public_key": (other_key(),)})
    PROVIDER.verify(signed(at=READ_AT + 3 * 86_400_000), {"public_key": (KEY,)})


@pytest.mark.parametrize("key", ["no key", "AAAA", "ü", other_key(ec.SECP384R1)])
def test_what_is_no_public_key_is_said_at_the_start_without_showing_it_and_proves_nothing(key: str) -> None:
    assert isinstance(PROVIDER, Configurable)
    with pytest.raises(ValueError, match=r"\Apublic_key is no P-256 key in base64 or PEM\Z"):
        PROVIDER.configured({"public_key": (KEY, key)}, {})
    assert "is another than that" in refused(signed(), {"public_key": (key,)})


def test_a_source_that_is_set_up_well_has_the_provider_itself() -> None:
    assert PROVIDER.configured({"public_key": (KEY, other_key())}, {}) is PROVIDER
    assert PROVIDER.configured(SECRETS, {"addresses": OURS}) is PROVIDER
    assert PROVIDER.settings_faults({"addresses": OURS}) == []


def test_who_has_a_password_and_a_key_asks_for_both() -> None:
    both = SECRETS | {"public_key": (KEY,)}
    PROVIDER.verify(signed({"authorization": basic("sendgrid", "first-one")}), both)
    assert refused(signed(), both) == "no header authorization"
    assert "another user or password" in refused(signed({"authorization": basic("sendgrid", "wrong")}), both)
    unsigned = signed({"authorization": basic("sendgrid", "first-one"), SIGNATURE: None})
    assert refused(unsigned, both) == f"no header {SIGNATURE}"


def test_the_sheets_body_is_a_form() -> None:
    sheet = unescaped(vector("sendgrid")["body (escaped)"]).encode()
    assert form_fields(sheet, TYPE["content-type"].decode()) == [("subject", b"Late parcel")]
    with pytest.raises(Malformed, match="no field `headers`"):
        parse(sheet)


def test_a_mail_of_a_customer_begins_its_thread_and_is_a_message() -> None:
    assert parse(body()) == customers()


def test_a_whole_mail_says_the_same() -> None:
    assert parse(body(email=RAW, headers=None, text=None)) == customers()


def test_without_a_charset_a_text_is_utf_8() -> None:
    assert parse(body(charsets=None, text="Still nothing für mich".encode())) == customers()
    assert parse(body(charsets=b"[", text="Still nothing für mich".encode())) == customers()


def test_a_mail_of_ours_answers() -> None:
    ours = body(**{"from": b"bo@shop.example", "to": b"ana@kunde.example"})
    assert parse(ours) == Events(
        (
            answered("mail", CONTACT, "email", SENT_AT, queue=None, agent="bo@shop.example"),
            posted(author="agent", agent="bo@shop.example", queue=None),
        )
    )


def test_a_mail_of_a_form_on_our_page_is_a_customers() -> None:
    web = {"from": b"web@shop.example", "headers": MAIL["headers"] + b"Reply-To: Ana <ana@kunde.example>\n"}
    assert parse(body(**web)) == customers()
    assert parse(body(**{"from": b"web@shop.example"})) == Ignored("own_mail")


def test_the_key_is_found_without_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = body(b"fw", **{"from": None, "to": None})
    whole = body(email=RAW, headers=None)
    for name in ("agents.intake.mail._text_of", "agents.intake.providers.sendgrid.decoded_text"):
        monkeypatch.setattr(name, None)
    assert PROVIDER.key(payload, TYPE) == PROVIDER.key(whole, TYPE) == b"fw-1@shop.example"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (body(headers=MAIL["headers"] + b"Auto-Submitted: auto-replied\n"), "auto_reply"),
        (body(headers=MAIL["headers"] + b"Precedence: bulk\n"), "bulk"),
        (body(envelope=b'{"to":["support@shop.example"],"from":""}'), "bounce"),
        (
            body(
                envelope=b'{"to":["support@shop.example"],"from":""}',
                headers=MAIL["headers"] + b"Return-Path: <ana@kunde.example>\n",
            ),
            "bounce",
        ),
        (body(email=b"List-Id: <news.shop.example>\r\n" + RAW), "bulk"),
    ],
)
def test_machine_mail_is_ignored(payload: bytes, reason: str) -> None:
    assert parse(payload) == Ignored(reason)


def test_a_mail_delivered_again_in_another_form_has_the_same_events_and_identity() -> None:
    again = {"content-type": b"multipart/form-data; boundary=other"}
    context = Context("mail", again, read_at=READ_AT, settings={"addresses": OURS})
    assert PROVIDER.parse(body(b"other"), context) == customers()
    assert PROVIDER.identity(body(b"other"), again) == PROVIDER.identity(body(), TYPE) is not None
    assert PROVIDER.identity(body(text=b"another"), TYPE) != PROVIDER.identity(body(), TYPE)
    assert PROVIDER.key(body(b"other"), again) == b"fw-1@shop.example"


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"", "syntax", "no whole form"),
        (body()[:-20], "syntax", "no whole form"),
        (b"\xff\xfe", "syntax", "no whole form"),
        (body(headers=None), "schema", "no field `headers`"),
        (body(envelope=b"{"), "schema", "envelope is no object"),
        (body(envelope=b'{"to":"support@shop.example"}'), "schema", "envelope is no object"),
        (body(email=b"hello"), "schema", "no mail: none of the fields"),
    ],
)
def test_what_is_no_mail_is_refused_with_the_reason(payload: bytes, reason: str, message: str) -> None:
    with pytest.raises(Malformed, match=message) as caught:
        parse(payload)
    assert caught.value.reason == reason
    assert PROVIDER.key(payload, TYPE) is None


@given(st.integers(0, len(body())), st.integers(0, 30), st.binary(max_size=30))
@settings(max_examples=200)
def test_any_body_says_something_or_is_refused(start: int, length: int, other: bytes) -> None:
    payload = body()[:start] + other + body()[start + length :]
    PROVIDER.identity(payload, TYPE)
    PROVIDER.key(payload, TYPE)
    try:
        said = parse(payload)
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
