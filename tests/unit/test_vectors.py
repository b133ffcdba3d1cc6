"""Every test vector of the fact sheet on channels holds for our code: none is left out, and none is ours alone."""

import hashlib
import json
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agents.intake.providers import webhooks
from agents.intake.providers.ses import is_signed, string_to_sign
from streams.connectors.feed import Terms
from streams.connectors.feeds._imap_connection import Connection
from streams.connectors.feeds.ami import login_key
from streams.connectors.hooks import Delivery, Hook, NotGenuine, Secrets
from streams.connectors.secrets import sources_of
from streams.sections import HookSource
from tests.unit.vectors import unescaped, vectors

AT = 1_792_490_400_000
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
Facts = Mapping[str, str]


def delivery(name: str, body: bytes, *, url: str | None = None, content_type: str = JSON, **headers: str) -> Delivery:
    """One to a provider. Underscores in names of headers are hyphens."""
    said = {header.replace("_", "-"): value for header, value in headers.items()}
    address = url or f"https://floor.example/hooks/{name}/main"
    query = tuple(parse_qsl(urlsplit(address).query, keep_blank_values=True))
    return Delivery("POST", address, query, {"content-type": content_type, **said}, body, AT)


def flipped(value: bytes) -> Iterator[bytes]:
    """Each with another byte: the first, one in the middle, the last."""
    for place in sorted({0, len(value) // 2, len(value) - 1}):
        yield value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


def proven(hook: Hook, genuine: Delivery, proof: str, secrets: Secrets) -> None:
    """Genuine as it is; with one byte of the body or of the header `proof` changed, it is not."""
    hook.verify(genuine, secrets)
    for body in flipped(genuine.body):
        with pytest.raises(NotGenuine):
            hook.verify(genuine._replace(body=body), secrets)
    for value in flipped(genuine.headers[proof].encode()):
        with pytest.raises(NotGenuine):
            hook.verify(genuine._replace(headers={**genuine.headers, proof: value.decode("latin-1")}), secrets)


def by_header(name: str, header: str, secret: str, timestamp: str | None = None) -> Callable[[Facts], None]:
    """A provider that signs a body, and an instant in the header `timestamp`."""

    def check(facts: Facts) -> None:
        headers = {header: facts["expected"]} | ({timestamp: facts["timestamp"]} if timestamp else {})
        genuine = delivery(name, facts["body"].encode(), **headers)
        hook, secrets = webhooks()[name], {secret: (facts["key"],)}
        proven(hook, genuine, header, secrets)
        if timestamp:
            for stamp in flipped(facts["timestamp"].encode()):
                with pytest.raises(NotGenuine):
                    hook.verify(genuine._replace(headers={**genuine.headers, timestamp: stamp.decode()}), secrets)

    return check


def twilio(name: str, content_type: str = FORM) -> Callable[[Facts], None]:
    def check(facts: Facts) -> None:
        header = "x-twilio-signature"
        signed = {header: facts["expected"]}
        genuine = delivery(name, facts["body"].encode(), url=facts["url"], content_type=content_type, **signed)
        proven(webhooks()[name], genuine, header, {"auth_token": (facts["key"],)})

    return check


def mailgun(facts: Facts) -> None:
    hook, secrets = webhooks()["mailgun"], {"secret": (facts["key"],)}
    said = {"timestamp": facts["timestamp"], "token": facts["token"], "signature": facts["expected"]}
    hook.verify(delivery("mailgun", urlencode(said).encode(), content_type=FORM), secrets)
    hook.verify(delivery("mailgun", json.dumps({"signature": said}).encode()), secrets)
    for name, value in said.items():
        for other in flipped(value.encode()):
            changed = urlencode({**said, name: other.decode("latin-1")}).encode()
            with pytest.raises(NotGenuine):
                hook.verify(delivery("mailgun", changed, content_type=FORM), secrets)


def postmark(facts: Facts) -> None:
    hook, secrets = webhooks()["postmark"], {"user": (facts["user"],), "password": (facts["password"],)}
    genuine = delivery("postmark", b"{}", authorization=facts["expected"])
    hook.verify(genuine, secrets)
    for other in flipped(facts["expected"].encode()):
        with pytest.raises(NotGenuine):
            hook.verify(genuine._replace(headers={"authorization": other.decode()}), secrets)


def sendgrid(facts: Facts) -> None:
    name, proof = "sendgrid", "x-twilio-email-event-webhook-signature"
    signed = {proof: facts["expected"], "x-twilio-email-event-webhook-timestamp": facts["timestamp"]}
    body = unescaped(facts["body (escaped)"]).encode()
    genuine = delivery(name, body, content_type="multipart/form-data; boundary=fw", **signed)
    proven(webhooks()[name], genuine, proof, {"public_key": (facts["public key"],)})


def fields_of(facts: Facts) -> tuple[str, dict[str, str]]:
    """The text that SNS signs, and the fields of which it is made."""
    text = unescaped(facts["string to sign (escaped)"])
    assert hashlib.sha256(text.encode()).hexdigest() == facts["its SHA-256"]
    lines = text.split("\n")
    return text, dict(zip(lines[::2], lines[1::2], strict=False))


def sns(facts: Facts) -> None:
    text, fields = fields_of(facts)
    assert string_to_sign("Notification", fields) == text
    key = load_der_public_key(b64decode(facts["public key"]))
    assert isinstance(key, RSAPublicKey)
    for version in ("1", "2"):
        signature = facts[f"expected v{version}"]
        assert is_signed(key, version, signature, text)
        for other in flipped(text.encode()):
            assert not is_signed(key, version, signature, other.decode())
        for changed in flipped(b64decode(signature)):
            assert not is_signed(key, version, b64encode(changed).decode(), text)


def sns_subscription(facts: Facts) -> None:
    text, fields = fields_of(facts)
    assert string_to_sign("SubscriptionConfirmation", fields) == text
    assert fields.keys() == {"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}


def x_crc(facts: Facts) -> None:
    hook, secrets = webhooks()["x"], {"consumer_secret": (facts["key"],)}
    address = "https://floor.example/hooks/x/main"

    def answer(token: str) -> bytes:
        said = hook.greet(Delivery("GET", address, (("crc_token", token),), {}, b"", AT), secrets)
        assert said is not None
        return said.body

    assert answer(facts["crc_token"]) == facts["expected"].encode()
    for other in flipped(facts["crc_token"].encode()):
        assert answer(other.decode()) != facts["expected"].encode()


def meta_escapes(facts: Facts) -> None:
    header = "x-hub-signature-256"
    by_header("messenger", header, "app_secret")(facts)
    wrong = delivery("messenger", facts["body"].encode(), **{header: facts["wrong (re-serialised as UTF-8)"]})
    with pytest.raises(NotGenuine):
        webhooks()["messenger"].verify(wrong, {"app_secret": (facts["key"],)})


def mastodon_webpush(facts: Facts) -> None:
    said = facts["receiver private scalar"]
    assert said == 'SHA-256("floorwalker webpush receiver") mod n'
    digest = hashlib.sha256(said.split('"')[1].encode()).digest()
    scalar = (int.from_bytes(digest, "big") % P256_ORDER).to_bytes(32, "big")
    private = urlsafe_b64encode(scalar).decode()
    section = {"private_key": private, "auth": facts["auth secret"]}
    source = {"provider": "mastodon-push", "source": "main", "secrets": section}
    (found,) = sources_of([HookSource.model_validate(source)], webhooks())
    body = b64decode(facts["encrypted body"] + "==", altchars=b"-_")
    genuine = delivery("mastodon-push", body, content_encoding="aes128gcm")
    found.hook.verify(genuine, found.secrets)
    clear = json.loads(facts["expected plaintext"])
    assert clear.pop("access_token") == "secret"
    assert json.loads(found.hook.redacted(body)) == clear
    for other in flipped(body):
        with pytest.raises(NotGenuine):
            found.hook.verify(genuine._replace(body=other), found.secrets)


def imap_xoauth2(facts: Facts) -> None:
    said: list[tuple[str, bytes, bytes]] = []

    class Client:
        def sasl_login(self, mechanism: str, answer: Callable[[bytes], bytes]) -> None:
            said.append((mechanism, b64encode(answer(b"")), answer(b'{"status":"401"}')))

    secrets = {"user": (facts["user"],), "token": (facts["token"],)}
    terms = Terms("main", "imap.shop.example", 993, "tls", secrets, {}, Path())
    connection: Any = Connection(terms, "INBOX")
    connection._client = Client()
    connection._log_in()
    assert said == [("XOAUTH2", facts["expected"].encode(), b"")]


def ami_md5(facts: Facts) -> None:
    assert login_key(facts["challenge"], facts["secret"]) == facts["expected Key"]
    for other in flipped(facts["challenge"].encode()):
        assert login_key(other.decode(), facts["secret"]) != facts["expected Key"]


CHECKS: dict[str, Callable[[Facts], None]] = {
    "ami-md5": ami_md5,
    "chatwoot": by_header("chatwoot", "x-chatwoot-signature", "secret", "x-chatwoot-timestamp"),
    "imap-xoauth2": imap_xoauth2,
    "intercom": by_header("intercom", "x-hub-signature", "client_secret"),
    "mailgun": mailgun,
    "mastodon-admin": by_header("mastodon-admin", "x-hub-signature", "secret"),
    "mastodon-webpush": mastodon_webpush,
    "meta-escapes": meta_escapes,
    "postmark": postmark,
    "sendgrid": sendgrid,
    "slack": by_header("slack", "x-slack-signature", "signing_secret", "x-slack-request-timestamp"),
    "sns": sns,
    "sns-subscription": sns_subscription,
    "twilio-form": twilio("twilio-voice"),
    "twilio-json": twilio("twilio-events", JSON),
    "twilio-repeated-keys": twilio("twilio-conversations"),
    "whatsapp": by_header("whatsapp", "x-hub-signature-256", "app_secret"),
    "x-crc": x_crc,
    "x-post": by_header("x", "x-twitter-webhooks-signature", "consumer_secret"),
    "zendesk": by_header("zendesk", "x-zendesk-webhook-signature", "secret", "x-zendesk-webhook-signature-timestamp"),
}


def test_every_vector_has_a_check_and_every_check_a_vector() -> None:
    assert CHECKS.keys() == vectors().keys()


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_vector_holds_and_with_another_byte_it_does_not(name: str) -> None:
    CHECKS[name](vectors()[name])
