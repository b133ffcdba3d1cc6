"""Mail that Amazon SES receives, through SNS: proven by the certificate, confirmed for our topics, read as mail."""

import asyncio
import hashlib
import json
import tracemalloc
from base64 import b64decode, b64encode
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from agents.intake.parsing import Context, Events, Ignored, Malformed, Parsed
from agents.intake.providers import webhooks
from agents.intake.providers.ses import PROVIDER, is_signed, string_to_sign
from agents.intake.webhook import answered, begun
from schemas.events import MessagePosted
from schemas.ids import contact_id, event_id
from schemas.instants import from_ms
from streams.connectors.hooks import Answer, Configurable, Delivery, NotGenuine
from streams.connectors.receiver import Receiver
from streams.connectors.secrets import Source
from tests.unit.test_receiver import Kafka, declined, receiving
from tests.unit.vectors import unescaped, vector

SENT = "2026-10-20T10:00:00.000Z"
AT = 1792490400_000
RECEIVED_AT = AT - 1_900
READ_AT = AT + 5_000
TOPIC = "arn:aws:sns:eu-central-1:111122223333:floor-mail"
OTHER_TOPIC = "arn:aws:sns:eu-central-1:111122223333:floor-sales"
SECRETS = {"topics": (f"{OTHER_TOPIC}, {TOPIC}",)}
HOST = "https://sns.eu-central-1.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-fw.pem"
CONFIRM = f"{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=233641fw"
CONTACT = contact_id("mail", "fw-1@shop.example")
ANA = ("mailto:ana@kunde.example",)
OURS = "@shop.example"

HEADERS = {
    "Return-Path": "<ana@kunde.example>",
    "From": "Ana <ana@kunde.example>",
    "To": "support@shop.example",
    "Date": "Tue, 20 Oct 2026 11:58:41 +0200",
    "Message-ID": "<fw-2@kunde.example>",
    "In-Reply-To": "<fw-1@shop.example>",
}
RAW = (
    "From: Ana <ana@kunde.example>\r\nTo: support@shop.example\r\nDate: Tue, 20 Oct 2026 11:58:41 +0200\r\n"
    "Message-ID: <fw-2@kunde.example>\r\nIn-Reply-To: <fw-1@shop.example>\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n\r\nStill nothing für mich\r\n"
)


def header(**changed: str | None) -> list[dict[str, str]]:
    fields = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    return [{"name": name, "value": value} for name, value in fields.items() if value is not None]


def received(*, content: str | None = None, encoding: str | None = None, **changed: Any) -> dict[str, Any]:
    """What SES says of a mail. `changed`: parts of `mail` or `receipt`; None takes one out."""
    mail: dict[str, Any] = {
        "timestamp": "2026-10-20T09:59:58.100Z",
        "source": "ana@kunde.example",
        "messageId": "fw0001",
        "headersTruncated": False,
        "headers": header(),
    }
    receipt: dict[str, Any] = {
        "timestamp": "2026-10-20T09:59:58.100Z",
        "recipients": ["support+t4711@shop.example"],
        "spamVerdict": {"status": "PASS"},
        "virusVerdict": {"status": "PASS"},
        "action": {"type": "S3"} if content is None else {"type": "SNS", "encoding": encoding},
    }
    for name, value in changed.items():
        (receipt if name in receipt else mail)[name] = value
    said: dict[str, Any] = {
        "notificationType": "Received",
        "mail": {name: value for name, value in mail.items() if value is not None},
        "receipt": {name: value for name, value in receipt.items() if value is not None},
    }
    return said if content is None else said | {"content": content}


def notification(message: str | dict[str, Any], **changed: str | None) -> dict[str, Any]:
    said = {
        "Type": "Notification",
        "MessageId": "6a1f1c52-0f0e-5d3a-9a52-4b7de8a10001",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Receipt Notification",
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": SENT,
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": f"{HOST}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:fw",
    }
    return {name: value for name, value in (said | changed).items() if value is not None}


def confirmation(**changed: str | None) -> dict[str, Any]:
    known = {
        "Type": "SubscriptionConfirmation",
        "Message": "You have chosen to subscribe",
        "Subject": None,
        "Token": "233641fw",
        "SubscribeURL": CONFIRM,
        "UnsubscribeURL": None,
    }
    return notification("", **known | changed)


@lru_cache(maxsize=2)
def private_key(which: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@lru_cache(maxsize=16)
def certificate(
    name: str = "sns.amazonaws.com", alternative: str | None = None, *, curve: bool = False, days: int = 0
) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()) if curve else private_key()
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    day = from_ms(AT) + timedelta(days=days)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name(names),
        subject_name=x509.Name(names),
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=day - timedelta(days=1),
        not_valid_after=day + timedelta(days=1),
    )
    if alternative is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(alternative)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def body(envelope: dict[str, Any], *, key: rsa.RSAPrivateKey | None = None) -> bytes:
    """An envelope as SNS posts it: signed."""
    text = string_to_sign(envelope["Type"], dict.fromkeys(("Subject", "Token", "SubscribeURL")) | envelope)
    digest = hashes.SHA1() if envelope["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303
    signature = (key or private_key()).sign(text.encode(), padding.PKCS1v15(), digest)
    return json.dumps(envelope | {"Signature": b64encode(signature).decode()}, indent=1).encode()


def posted(payload: bytes, pem: bytes | None = None, *, at: int = AT) -> Delivery:
    """A delivery with the certificate at hand."""
    headers = {"content-type": "text/plain; charset=UTF-8"}
    url = "https://hooks.shop.example/hooks/ses/mail"
    return Delivery("POST", url, (), headers, payload, at, {CERTIFICATE: pem or certificate()})


def parse(payload: bytes, addresses: str = OURS) -> Parsed:
    return PROVIDER.parse(payload, Context("mail", {}, read_at=READ_AT, settings={"addresses": addresses}))


def parsed(message: str | dict[str, Any], addresses: str = OURS) -> Parsed:
    return parse(json.dumps(notification(message)).encode(), addresses)


def message(**changed: object) -> MessagePosted:
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
        "length": 22,
        "in_reply_to": event_id("mail", "fw-1@shop.example", "message"),
    }
    return MessagePosted(**said | changed)


def customers(**changed: object) -> Events:
    first = begun("mail", CONTACT, "email", RECEIVED_AT, queue="support@shop.example", identifiers=ANA)
    return Events((*first, message(**changed)))


def test_the_provider_is_found_by_its_name() -> None:
    assert webhooks()["ses"] is PROVIDER
    assert (PROVIDER.secret_names, PROVIDER.setting_names) == (("topics",), ("addresses",))
    assert (PROVIDER.seconds, PROVIDER.tries_again, PROVIDER.refusal) == (15.0, True, 401)


@pytest.mark.parametrize(
    "topics", [",", "floor-mail", f"{TOPIC};{OTHER_TOPIC}", TOPIC.replace("sns", "sqs"), f"{TOPIC},x"]
)
def test_what_is_no_topic_is_said_at_the_start(topics: str) -> None:
    assert isinstance(PROVIDER, Configurable)
    with pytest.raises(ValueError, match=r"\Atopics: expected ARNs of SNS topics, with commas between\Z"):
        PROVIDER.configured({"topics": (topics,)}, {})


@pytest.mark.parametrize("topic", [TOPIC, f"{TOPIC}.fifo", TOPIC.replace(":aws:", ":aws-us-gov:")])
def test_a_source_that_is_set_up_well_has_the_provider_itself(topic: str) -> None:
    assert PROVIDER.configured({"topics": (f"{OTHER_TOPIC}, {topic}",)}, {}) is PROVIDER
    assert PROVIDER.settings_faults({"addresses": OURS}) == []


def sheet_notification() -> dict[str, str]:
    lines = unescaped(vector("sns")["string to sign (escaped)"]).split("\n")
    return dict(zip(lines[::2], lines[1::2], strict=False))


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_sheets_notification_is_signed_by_the_sheets_key(version: str) -> None:
    sheet, fields = vector("sns"), sheet_notification()
    key = load_der_public_key(b64decode(sheet["public key"]))
    assert isinstance(key, rsa.RSAPublicKey)
    text = string_to_sign("Notification", fields)
    assert hashlib.sha256(text.encode()).hexdigest() == sheet["its SHA-256"]
    assert is_signed(key, version, sheet[f"expected v{version}"], text)
    assert not is_signed(key, version, sheet[f"expected v{3 - int(version)}"], text)
    assert not is_signed(key, version, sheet[f"expected v{version}"], text + "x")


def test_the_sheets_confirmation_has_the_sheets_text() -> None:
    sheet = vector("sns-subscription")
    lines = unescaped(sheet["string to sign (escaped)"]).split("\n")
    text = string_to_sign("SubscriptionConfirmation", dict(zip(lines[::2], lines[1::2], strict=False)))
    assert text == unescaped(sheet["string to sign (escaped)"])
    assert hashlib.sha256(text.encode()).hexdigest() == sheet["its SHA-256"]


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "", "Amazon SES Email Receipt Notification"])
def test_what_sns_signed_is_genuine(version: str, subject: str | None) -> None:
    delivery = posted(body(notification(received(), SignatureVersion=version, Subject=subject)))
    assert PROVIDER.needs(delivery, SECRETS) == CERTIFICATE
    PROVIDER.verify(delivery, SECRETS)
    assert PROVIDER.greet(delivery, SECRETS) is None


def test_the_other_spelling_of_the_certificate_s_address_is_read() -> None:
    PROVIDER.verify(posted(body(notification(received(), SigningCertURL=None, SigningCertUrl=CERTIFICATE))), SECRETS)


def test_while_a_topic_is_replaced_both_are_ours() -> None:
    payload = body(notification(received()))
    for topics in ((TOPIC, OTHER_TOPIC), (OTHER_TOPIC, TOPIC)):
        PROVIDER.verify(posted(payload), {"topics": topics})


def refused(delivery: Delivery) -> str:
    with pytest.raises(NotGenuine) as caught:
        PROVIDER.verify(delivery, SECRETS)
    return str(caught.value)


def test_another_signature_or_an_altered_body_is_not_genuine() -> None:
    says = "Signature is another than that of the envelope's fields"
    genuine = body(notification(received()))
    assert refused(posted(body(notification(received()), key=private_key(1)))) == says
    assert refused(posted(genuine.replace(b"fw0001", b"fw0002"))) == says
    assert refused(posted(genuine.replace(b'"Signature": "', b'"Signature": "!'))) == says
    assert refused(posted(genuine.replace(b'"SignatureVersion": "2"', b'"SignatureVersion": "1"'))) == says
    assert refused(posted(body(notification(received())).replace(b'"Subject"', b'"Subjekt"'))) == says
    other = genuine.replace(b'"SignatureVersion": "2"', b'"SignatureVersion": "3"')
    assert refused(posted(other)) == "SignatureVersion is '3', none of 1, 2"


@pytest.mark.parametrize("name", ["Type", "MessageId", "TopicArn", "Message", "Timestamp", "Signature"])
def test_an_envelope_without_a_field_is_none(name: str) -> None:
    payload = json.loads(body(notification(received())))
    del payload[name]
    delivery = posted(json.dumps(payload).encode())
    assert refused(delivery) == "no envelope of SNS: is raw message delivery on?"
    with pytest.raises(NotGenuine, match="no envelope"):
        PROVIDER.needs(delivery, SECRETS)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{", b"[]", json.dumps(received()).encode(), b'"\\ud800"'])
def test_what_has_no_envelope_is_not_genuine(payload: bytes) -> None:
    assert refused(posted(payload)) == "no envelope of SNS: is raw message delivery on?"


@pytest.mark.parametrize(("ms", "good"), [(0, True), (7_200_000, True), (7_200_001, False), (-7_200_001, False)])
def test_an_old_notification_is_not_genuine(ms: int, good: bool) -> None:
    delivery = posted(body(notification(received())), at=AT + ms)
    if good:
        PROVIDER.verify(delivery, SECRETS)
    else:
        assert refused(delivery) == "Timestamp is more than 7200 s from now"


def test_a_timestamp_that_is_no_instant_is_not_genuine() -> None:
    assert refused(posted(body(notification(received(), Timestamp="today")))) == "Timestamp is no instant in ISO 8601"


def test_another_s_topic_is_not_for_us_and_nothing_is_fetched_for_it() -> None:
    foreign = "arn:aws:sns:eu-central-1:999999999999:floor-mail"
    delivery = posted(body(notification(received(), TopicArn=foreign)))
    assert refused(delivery) == f"TopicArn is {foreign!r}: none of the source's `topics`"
    with pytest.raises(NotGenuine, match="none of the source's"):
        PROVIDER.needs(delivery, SECRETS)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "http://sns.eu-central-1.amazonaws.com/fw.pem",
        "HTTPS://sns.eu-central-1.amazonaws.com/fw.pem",
        "https://sns.eu-central-1.amazonaws.com:443/fw.pem",
        "https://ana@sns.eu-central-1.amazonaws.com/fw.pem",
        "https://sns.eu-central-1.amazonaws.com@kunde.example/fw.pem",
        "https://sns.eu-central-1.amazonaws.com.kunde.example/fw.pem",
        "https://kunde.example/sns.eu-central-1.amazonaws.com/fw.pem",
        "https://sns.eu-central-1.amazonaws.org/fw.pem",
        "https://snsXeu-central-1.amazonaws.com/fw.pem",
        "https://sns.us-east-1.amazonaws.com/fw.pem",
        "https://sns.s3-eu-central-1.amazonaws.com/fw.pem",
        "https://sns.s3-accelerate.amazonaws.com/fw.pem",
        "https://sns.eu-central-1.amazonaws.com/fw.crt",
        "https://sns.eu-central-1.amazonaws.com/fw.pem?again=1",
        "https://sns.eu-central-1.amazonaws.com/?fw.pem",
        "https://sns.eu-central-1.amazonaws.com/fw.pem#1.pem",
        "https://sns.eu-central-1.amazonaws.com/a/../fw.pem",
        "https://sns.eu-central-1.amazonaws.com/fw.pem\n",
        "https://sns.eu-central-1.amazonaws.com\\@kunde.example/fw.pem",
        "https://[sns/fw.pem",
    ],
)
def test_a_certificate_from_anywhere_else_is_never_fetched(address: str | None) -> None:
    delivery = posted(body(notification(received(), SigningCertURL=address)))
    says = "SigningCertURL is no https address of a .pem file of the SNS of the topic's region"
    with pytest.raises(NotGenuine) as caught:
        PROVIDER.needs(delivery, SECRETS)
    assert str(caught.value) == refused(delivery) == says


def test_a_topic_in_china_has_its_own_host() -> None:
    topic = "arn:aws-cn:sns:cn-north-1:111122223333:floor-mail"
    address = "https://sns.cn-north-1.amazonaws.com.cn/fw.pem"
    delivery = posted(body(notification(received(), TopicArn=topic, SigningCertURL=address)))
    assert PROVIDER.needs(delivery, {"topics": (topic,)}) == address


def test_without_the_certificate_nothing_is_genuine() -> None:
    delivery = posted(body(notification(received())))._replace(fetched={})
    assert refused(delivery) == "the certificate of SigningCertURL is not there"


@pytest.mark.parametrize(
    ("of", "says"),
    [
        ({"days": 3}, "the certificate at SigningCertURL is not valid now"),
        ({"days": -3}, "the certificate at SigningCertURL is not valid now"),
        ({"name": "kunde.example"}, "the certificate at SigningCertURL is another's than that of SNS"),
        ({"alternative": "kunde.example"}, "the certificate at SigningCertURL is another's than that of SNS"),
        ({"curve": True}, "the key of the certificate at SigningCertURL is no RSA key"),
    ],
)
def test_a_certificate_that_is_not_of_sns_or_not_of_now_proves_nothing(of: dict[str, Any], says: str) -> None:
    assert refused(posted(body(notification(received())), certificate(**of))) == says


@pytest.mark.parametrize("pem", [b"hello", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_proves_nothing(pem: bytes) -> None:
    assert refused(posted(body(notification(received())), pem)) == "what stands at SigningCertURL is no certificate"


@pytest.mark.parametrize(
    ("name", "alternative"),
    [
        ("sns.amazonaws.com", None),
        ("sns.eu-central-1.amazonaws.com", None),
        ("", None),
        ("Amazon", "sns.amazonaws.com"),
        ("Amazon", "sns.eu-central-1.amazonaws.com"),
    ],
)
def test_a_certificate_of_sns_is_so_by_its_names(name: str, alternative: str | None) -> None:
    PROVIDER.verify(posted(body(notification(received())), certificate(name, alternative)), SECRETS)


def test_a_subscription_to_our_topic_is_confirmed_by_a_visit() -> None:
    delivery = posted(body(confirmation()))
    PROVIDER.verify(delivery, SECRETS)
    assert PROVIDER.greet(delivery, SECRETS) == Answer(visit=CONFIRM)


@pytest.mark.parametrize("name", ["Token", "SubscribeURL"])
def test_a_confirmation_without_what_confirms_is_not_genuine(name: str) -> None:
    payload = json.loads(body(confirmation()))
    del payload[name]
    assert refused(posted(json.dumps(payload).encode())) == f"{name} is missing"


def test_no_other_host_is_visited() -> None:
    delivery = posted(body(confirmation(SubscribeURL="https://sns.kunde.example/?Token=233641fw")))
    PROVIDER.verify(delivery, SECRETS)
    with pytest.raises(NotGenuine, match="SubscribeURL is no https address of the SNS of the topic's region"):
        PROVIDER.greet(delivery, SECRETS)


def test_the_end_of_a_subscription_is_answered_and_logged_without_its_token() -> None:
    delivery = posted(body(confirmation(Type="UnsubscribeConfirmation")))
    PROVIDER.verify(delivery, SECRETS)
    with capture_logs() as lines:
        assert PROVIDER.greet(delivery, SECRETS) == Answer()
    assert lines == [{"event": "hooks.unsubscribed", "log_level": "warning", "provider": "ses", "topic": TOPIC}]


def test_the_gateway_fetches_the_certificate_once_confirms_and_keeps_mails(tmp_path: Path) -> None:
    source, asked_for, visited = Source(PROVIDER, "mail", SECRETS, 200.0), [], []

    async def fetch(address: str) -> bytes:
        asked_for.append(address)
        return certificate()

    async def visit(address: str) -> int:
        visited.append(address)
        return 200

    async def whole(receiver: Receiver, kafka: Kafka) -> None:
        subscribed, mailed = (posted(body(each))._replace(fetched={}) for each in (confirmation(), notification("x")))
        assert await receiver.receive(source, subscribed) == Answer(visit=CONFIRM)
        assert await receiver.receive(source, mailed) == Answer()
        forged = mailed._replace(body=mailed.body.replace(b'"x"', b'"y"'))
        assert await declined(receiver, source, forged) == (401, "not_genuine", {})
        await asyncio.sleep(0.01)
        assert (asked_for, visited) == ([CERTIFICATE], [CONFIRM])
        assert kafka.bodies == [PROVIDER.redacted(mailed.body)]
        assert dict(kafka.sent[0].headers)["ce_id"] == b"6a1f1c52-0f0e-5d3a-9a52-4b7de8a10001"

    receiving(tmp_path, [source], whole, fetch=fetch, visit=visit)


def test_without_the_certificate_the_gateway_asks_for_the_delivery_again(tmp_path: Path) -> None:
    source = Source(PROVIDER, "mail", SECRETS, 200.0)

    async def fetch(address: str) -> bytes:
        raise OSError("away")

    async def whole(receiver: Receiver, kafka: Kafka) -> None:
        delivery = posted(body(notification(received())))._replace(fetched={})
        assert await declined(receiver, source, delivery) == (503, "not_fetched", {"Retry-After": "5"})
        assert kafka.sent == []

    receiving(tmp_path, [source], whole, fetch=fetch)


def test_a_get_is_no_handshake() -> None:
    assert PROVIDER.greet(Delivery("GET", "https://x.example", (), {}, b"", AT), SECRETS) is None


def test_a_type_that_sns_does_not_have_is_not_genuine() -> None:
    payload = body(notification(received())).replace(b'"Type": "Notification"', b'"Type": "Hello"')
    assert refused(posted(payload)).startswith("Type is 'Hello', none of Notification")


@pytest.mark.parametrize("name", ["UnsubscribeURL", "UnsubscribeUrl"])
def test_the_address_that_unsubscribes_is_taken_out_and_the_rest_stays_and_verifies(name: str) -> None:
    text = received(content=RAW + '"UnsubscribeURL": "stays"')
    payload = body(notification(text)).replace(b'"UnsubscribeURL":', f'"{name}":'.encode())
    address = f"{HOST}/?Action=Unsubscribe&SubscriptionArn={TOPIC}:fw"
    assert payload.count(address.encode()) == 1
    redacted = PROVIDER.redacted(payload)
    assert redacted == payload.replace(address.encode(), b"")
    PROVIDER.verify(posted(redacted), SECRETS)
    assert PROVIDER.redacted(body(confirmation())) == body(confirmation())


def test_an_address_without_end_is_taken_out_in_no_more_room_than_it_takes() -> None:
    payload = body(notification("hi") | {"UnsubscribeURL": "a" * 300_000 + '\\"' * 10})
    tracemalloc.start()
    try:
        redacted = PROVIDER.redacted(payload)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(payload)
    finally:
        tracemalloc.stop()
    assert redacted == body(notification("hi") | {"UnsubscribeURL": ""})


def test_a_delivery_is_known_by_the_id_of_sns_and_kept_by_its_thread() -> None:
    first, again = (body(notification(received(), Timestamp=at)) for at in (SENT, "2026-10-20T10:00:20.000Z"))
    assert PROVIDER.identity(first, {}) == PROVIDER.identity(again, {}) == "6a1f1c52-0f0e-5d3a-9a52-4b7de8a10001"
    assert PROVIDER.identity(b"{", {}) is None
    whole = body(notification(received(content=RAW)))
    assert PROVIDER.key(first, {}) == PROVIDER.key(whole, {}) == b"fw-1@shop.example"
    assert parse(first) == parse(again)
    assert PROVIDER.channel_of(first, {}) == "email"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (RAW, None),
        (RAW, "UTF-8"),
        (RAW, "utf8"),
        (b64encode(RAW.encode()).decode(), "BASE64"),
        (b64encode(RAW.encode()).decode() + "\r\n", "Base64"),
    ],
)
def test_a_whole_mail_of_a_customer_begins_its_thread_and_is_a_message(content: str, encoding: str | None) -> None:
    assert parsed(received(content=content, encoding=encoding)) == customers()


def test_a_mail_that_lies_elsewhere_is_read_by_its_header_and_has_no_length() -> None:
    assert parsed(received()) == customers(length=None)


def test_what_ses_cut_off_the_header_is_read_where_it_stands_else() -> None:
    common = {
        "returnPath": "ana@kunde.example",
        "from": ["Ana <ana@kunde.example>"],
        "to": ["support@shop.example"],
        "date": "Tue, 20 Oct 2026 11:58:41 +0200",
        "messageId": "<fw-2@kunde.example>",
        "subject": "Re: Parcel 77",
    }
    cut = [{"name": "In-Reply-To", "value": "<fw-1@shop.example>"}]
    assert parsed(received(headers=cut, commonHeaders=common, headersTruncated=True)) == customers(length=None)
    alone = received(headers=None, commonHeaders=common)
    events = parsed(alone)
    assert isinstance(events, Events)
    assert events.events[-1] == message(contact=contact_id("mail", "fw-2@kunde.example"), length=None, in_reply_to=None)


def test_without_a_message_id_the_mail_has_the_id_of_ses() -> None:
    events = parsed(received(headers=header(Message_ID=None, In_Reply_To=None)))
    contact = contact_id("mail", "fw0001")
    first = begun("mail", contact, "email", RECEIVED_AT, queue="support@shop.example", identifiers=ANA)
    posted = message(id=event_id("mail", "fw0001", "message"), contact=contact, length=None, in_reply_to=None)
    assert events == Events((*first, posted))


def test_a_mail_came_when_its_server_says_else_ses_else_its_sender_and_never_after_it_was_read() -> None:
    def time(said: dict[str, Any]) -> datetime:
        events = parsed(said)
        assert isinstance(events, Events)
        return events.events[-1].time

    said = received(headers=header(Received="from a by b; Tue, 20 Oct 2026 09:59:57 +0000"))
    assert time(said) == from_ms(AT - 3_000)
    said = received(headers=header(Received="from a by b; Tue, 20 Oct 2026 12:00:00 +0000"))
    assert time(said) == from_ms(READ_AT)
    said = received()
    said["mail"]["timestamp"] = "2026-10-20T09:59:50.000Z"
    assert time(said) == from_ms(RECEIVED_AT)
    del said["receipt"]["timestamp"]
    assert time(said) == from_ms(AT - 10_000)
    del said["mail"]["timestamp"]
    assert time(said) == from_ms(1792490321_000)


def test_a_mail_of_ours_answers() -> None:
    ours = received(headers=header(From="bo@shop.example", To="ana@kunde.example"), source="bo@shop.example")
    assert parsed(ours) == Events(
        (
            answered("mail", CONTACT, "email", RECEIVED_AT, queue=None, agent="bo@shop.example"),
            message(author="agent", agent="bo@shop.example", queue=None, length=None),
        )
    )


def test_without_our_addresses_everybody_is_a_customer() -> None:
    ours = received(headers=header(From="bo@shop.example"))
    assert parsed(ours, addresses="") == Events(
        (
            *begun(
                "mail",
                CONTACT,
                "email",
                RECEIVED_AT,
                queue="support@shop.example",
                identifiers=("mailto:bo@shop.example",),
            ),
            message(identifiers=("mailto:bo@shop.example",), length=None),
        )
    )


@pytest.mark.parametrize("name", ["spamVerdict", "virusVerdict"])
@pytest.mark.parametrize("content", [None, RAW])
def test_what_ses_holds_for_junk_is_ignored(name: str, content: str | None) -> None:
    verdict: dict[str, Any] = {name: {"status": "FAIL"}}
    assert parsed(received(content=content, **verdict)) == Ignored("junk")


@pytest.mark.parametrize("verdict", [{"status": "GRAY"}, {"status": "PROCESSING_FAILED"}, {"status": None}, {}, None])
def test_what_ses_is_not_sure_of_counts(verdict: dict[str, str] | None) -> None:
    assert parsed(received(spamVerdict=verdict, virusVerdict=verdict)) == customers(length=None)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"headers": header(Auto_Submitted="auto-replied")}, "auto_reply"),
        ({"headers": header(Precedence="bulk")}, "bulk"),
        ({"headers": header(Return_Path="<>")}, "bounce"),
        ({"headers": header(Return_Path=None), "source": ""}, "bounce"),
        ({"content": RAW, "source": ""}, "bounce"),
        ({"content": "List-Id: <news.shop.example>\r\n" + RAW}, "bulk"),
    ],
)
def test_machine_mail_is_ignored(changed: dict[str, Any], reason: str) -> None:
    assert parsed(received(**changed)) == Ignored(reason)


@pytest.mark.parametrize("name", ["notificationType", "eventType"])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Bounce", "bounce"),
        ("Reject", "bounce"),
        ("Complaint", "complaint"),
        ("Delivery", "delivery_state"),
        ("DeliveryDelay", "delivery_state"),
        ("Send", "delivery_state"),
        ("Rendering Failure", "rendering_failure"),
        ("Open", "tracking"),
        ("Click", "tracking"),
        ("Subscription", "subscription_state"),
        ("AmazonSnsSubscriptionSucceeded", "test_notification"),
        ("Telepathy", "unknown_event"),
    ],
)
def test_states_of_sent_mail_say_nothing_that_is_counted(name: str, kind: str, reason: str) -> None:
    payload = json.dumps(notification({name: kind, "mail": {"messageId": "fw0001"}})).encode()
    assert parse(payload) == Ignored(reason)
    assert PROVIDER.key(payload, {}) is None


def test_the_plain_text_of_a_test_is_ignored() -> None:
    assert parsed("Successfully validated SNS topic for Amazon SES event publishing.") == Ignored("test_notification")


def test_what_is_no_notification_is_ignored() -> None:
    assert parse(json.dumps(confirmation()).encode()) == Ignored("subscription")
    assert parse(json.dumps(notification("", Type="Hello")).encode()) == Ignored("unknown_event")


def test_the_sheets_notification_is_no_whole_mail() -> None:
    with pytest.raises(Malformed, match=r"in `\$.Message`: Object missing required field `receipt`"):
        parsed(sheet_notification()["Message"])


def test_whatever_the_order_the_same_events_come() -> None:
    one = json.dumps(notification(received())).encode()
    two = json.dumps(notification(received(headers=header(Message_ID="<fw-3@kunde.example>")))).encode()

    def of(*payloads: bytes) -> set[tuple[str, int]]:
        said = [parse(payload) for payload in payloads]
        return {(event.id, event.revision) for each in said if isinstance(each, Events) for event in each.events}

    assert of(one, two) == of(two, one) == of(one, two, one)
    assert len(of(one, two)) == 4


@pytest.mark.parametrize(
    ("payload", "reason", "says"),
    [
        (b"", "syntax", "no JSON"),
        (b"\xff\xfe", "syntax", "no JSON"),
        (json.dumps(notification(received())).encode()[:-20], "syntax", "no JSON"),
        (b'{"Type": "Notification", "Message": "\xff"}', "syntax", "no JSON"),
        (json.dumps(received()).encode(), "schema", "missing required field `Type`"),
        (json.dumps(notification(received(), Message=None)).encode(), "schema", "missing required field `Message`"),
        (json.dumps(notification('{"notificationType": ')).encode(), "syntax", "in `$.Message`: no JSON"),
        (json.dumps(notification("{}")).encode(), "schema", "neither notificationType nor eventType"),
        (json.dumps(notification(received(headers="x"))).encode(), "schema", "in `$.Message`: Expected `array | null`"),
        (json.dumps(notification(received(headers=None))).encode(), "schema", "no mail: neither content"),
        (json.dumps(notification(received(content="hello"))).encode(), "schema", "none of the fields From"),
        (
            json.dumps(notification(received(content="a", encoding="BASE64"))).encode(),
            "syntax",
            "`content` is no base64",
        ),
        (
            json.dumps(notification(received(content=RAW, encoding="ROT13"))).encode(),
            "schema",
            "`receipt.action.encoding` is 'ROT13': expected UTF-8 or BASE64",
        ),
        (
            json.dumps(
                notification(received(headers=header(Message_ID=None, In_Reply_To=None), messageId=None))
            ).encode(),
            "identity",
            "`mail.messageId` is missing",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(payload: bytes, reason: str, says: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(payload)
    assert caught.value.reason == reason
    assert says in caught.value.message
    assert PROVIDER.key(payload, {}) is None


WHOLE = json.dumps(notification(received(content=RAW))).encode()


@given(st.integers(0, len(WHOLE)), st.integers(0, 30), st.binary(max_size=30))
@settings(max_examples=200)
def test_any_body_says_something_or_is_refused(start: int, length: int, other: bytes) -> None:
    payload = WHOLE[:start] + other + WHOLE[start + length :]
    PROVIDER.identity(payload, {})
    PROVIDER.key(payload, {})
    PROVIDER.redacted(payload)
    with pytest.raises(NotGenuine):
        PROVIDER.verify(posted(payload), SECRETS)
    try:
        said = parse(payload)
    except Malformed:
        return
    assert isinstance(said, Events | Ignored)
