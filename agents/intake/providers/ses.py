"""Amazon SES: inbound mail that SES publishes to an SNS topic, which posts it here, and states of mail that we sent.

Source: AWS's "SES notification contents", "Verifying signatures of SNS messages" and "SNS message delivery retries";
aws-js-sns-message-validator; django-anymail's Amazon SES tests.

SNS signs named fields of its envelope with RSA (versions 1 and 2), by a certificate that stands on its own host. Its
address is taken only where it is on the SNS host of the topic's region: other names below amazonaws.com are those of
customers. The certificate's dates, names and kind of key are checked here. That it is Amazon's, says the TLS chain of
the host that it is fetched from; the certificate's own chain is not followed. `topics`: the ARNs of our topics, with
commas between. They are no secret, but what is signed for another topic is not for us. Raw message delivery has no
signature and is refused.

A subscription is confirmed when it is for one of these topics. The address by which anybody could end it
(UnsubscribeURL) does not go on the channel topic, nor does a confirmation with its token.

With the SNS action the whole mail is in the notification. With any other action (S3, say) only its header is: the
length of its text is not known then, and neither is the thread for certain where SES cut the header (headersTruncated).
What SES holds for spam, or for a virus, is ignored. `addresses`: our own, so that a copy of our reply is an agent's
message.
"""

import re
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from agents.intake.mail import Fields, Mail, MailWebhook, instant, mail_events, read_fields, read_message
from agents.intake.parsing import Context, Headers, Ignored, Malformed, Parsed, shown
from agents.intake.webhook import decoded, listed
from schemas.instants import from_ms
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import LARGEST_BODY, Answer, Delivery, NotGenuine, Secrets, within

log = structlog.get_logger()

WINDOW_SECONDS = 2 * 3_600
"""How old a notification may be: SNS tries again for an hour at most, with the same Timestamp."""

_CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
_SIGNED: Mapping[str, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMED,
    "UnsubscribeConfirmation": _CONFIRMED,
}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "1": hashes.SHA1(),  # noqa: S303 - what version 1 is
    "2": hashes.SHA256(),
}
_STATES: Mapping[str, str] = {
    "Bounce": "bounce",
    "Reject": "bounce",
    "Complaint": "complaint",
    "Delivery": "delivery_state",
    "DeliveryDelay": "delivery_state",
    "Send": "delivery_state",
    "Rendering Failure": "rendering_failure",
    "Open": "tracking",
    "Click": "tracking",
    "Subscription": "subscription_state",
    "AmazonSnsSubscriptionSucceeded": "test_notification",
}
_ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z]+(?:-[a-z]+)+-\d+):\d+:[\w.-]+", re.ASCII)
_HOST = re.compile(r"sns\.([a-z0-9-]{3,})\.amazonaws\.com(?:\.cn)?")
_CERTIFICATE_NAME = re.compile(r"sns\.(?:[a-z0-9-]{3,}\.)?amazonaws\.com(?:\.cn)?")
_PEM = re.compile(r"/[\w.-]+\.pem", re.ASCII)
# Possessive: what is not signed may be long, and each way back would be remembered.
_UNSUBSCRIBE = re.compile(rb'("Unsubscribe(?:URL|Url)"\s*:\s*)"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_UNREADABLE_CERTIFICATE = (
    ValueError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


class _Envelope(msgspec.Struct, rename="pascal", gc=False):
    """What SNS posts."""

    type: str
    message_id: str
    topic_arn: str
    message: str
    timestamp: str
    signature: str
    signature_version: str | int
    subject: str | None = None
    token: str | None = None
    subscribe_url: str | None = msgspec.field(default=None, name="SubscribeURL")
    signing_cert_url: str | None = msgspec.field(default=None, name="SigningCertURL")
    signing_cert_url_as_well: str | None = msgspec.field(default=None, name="SigningCertUrl")


class _Posted(msgspec.Struct, rename="pascal", gc=False):
    """What is read of an envelope that was verified before."""

    type: str
    message: str


class _Glance(msgspec.Struct, rename="camel", gc=False):
    notification_type: str | None = None
    event_type: str | None = None


class _Field(msgspec.Struct, gc=False):
    name: str | None = None
    value: str | int | float | None = None


class _Common(msgspec.Struct, rename="camel", gc=False):
    """Header fields that SES took out of a mail, whole where the header is not."""

    sender: tuple[str, ...] | str | None = msgspec.field(default=None, name="from")
    to: tuple[str, ...] | str | None = None
    cc: tuple[str, ...] | str | None = None
    reply_to: tuple[str, ...] | str | None = None
    date: str | None = None
    message_id: str | None = None


class _Mail(msgspec.Struct, rename="camel", gc=False):
    message_id: str | None = None
    source: str | None = None
    timestamp: str | None = None
    headers: tuple[_Field, ...] | None = None
    common_headers: _Common | None = None


class _Verdict(msgspec.Struct, gc=False):
    status: str | None = None


class _Action(msgspec.Struct, gc=False):
    encoding: str | None = None


class _Receipt(msgspec.Struct, rename="camel", gc=False):
    timestamp: str | None = None
    recipients: tuple[str, ...] | None = None
    spam_verdict: _Verdict | None = None
    virus_verdict: _Verdict | None = None
    action: _Action | None = None


class _Received(msgspec.Struct, gc=False):
    """A mail that SES received."""

    mail: _Mail
    receipt: _Receipt
    content: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_posted = msgspec.json.Decoder(_Posted)
_glance = msgspec.json.Decoder(_Glance)
_received = msgspec.json.Decoder(_Received)


class Ses(MailWebhook):
    """The provider `ses`. The secret `topics` is no secret: the ARNs of our SNS topics, with commas between."""

    name = "ses"
    content_type = b"text/plain; charset=UTF-8"
    secret_names: tuple[str, ...] = ("topics",)
    # A notification has 256 KiB at most, and JSON in JSON is longer.
    largest = LARGEST_BODY
    seconds = 15.0

    def configured(self, secrets: Secrets, settings: Mapping[str, str]) -> "Ses":
        """Itself. Raises ValueError for a topic that is none."""
        topics = [topic for value in secrets.get("topics", ()) for topic in listed(value)]
        if not topics or any(_ARN.fullmatch(topic) is None for topic in topics):
            raise ValueError("topics: expected ARNs of SNS topics, with commas between")
        return self

    def settings_faults(self, settings: Mapping[str, str]) -> list[tuple[str | None, str]]:
        """None: whatever addresses there are, are ours."""
        return []

    def needs(self, delivery: Delivery, secrets: Secrets) -> str | None:
        """The certificate's address."""
        return _certificate_of(_checked(delivery, secrets))

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """By the signature over the envelope's named fields."""
        envelope = _checked(delivery, secrets)
        certificate = delivery.fetched.get(_certificate_of(envelope))
        if certificate is None:
            raise NotGenuine("the certificate of SigningCertURL is not there")
        key = key_of(certificate, delivery.at)
        if not is_signed(key, str(envelope.signature_version), envelope.signature, _text_to_sign(envelope)):
            raise NotGenuine("Signature is another than that of the envelope's fields")

    def greet(self, delivery: Delivery, secrets: Secrets) -> Answer | None:
        """A new subscription is confirmed by a visit; the end of one is logged."""
        if delivery.method != "POST":
            return None
        envelope = _checked(delivery, secrets)
        if envelope.type == "SubscriptionConfirmation":
            address = envelope.subscribe_url or ""
            if not _is_of_sns(address, envelope.topic_arn):
                raise NotGenuine("SubscribeURL is no https address of the SNS of the topic's region")
            return Answer(visit=address)
        if envelope.type == "UnsubscribeConfirmation":
            log.warning("hooks.unsubscribed", provider=self.name, topic=envelope.topic_arn)
            return Answer()
        return None

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The MessageId of SNS."""
        try:
            return _envelope.decode(body).message_id or None
        except UNREADABLE:
            return None

    def redacted(self, body: bytes) -> bytes:
        """Without the address that ends the subscription for whoever visits it. It is not signed."""
        return _UNSUBSCRIBE.sub(rb'\1""', body)

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The thread."""
        try:
            received = _received_of(payload)
            return None if isinstance(received, Ignored) else _mail_of(received, text=False).root.encode()
        except Malformed:
            return None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """The events of a mail that was received; states of sent mail say nothing that is counted. Raises Malformed."""
        received = _received_of(payload)
        if isinstance(received, Ignored):
            return received
        receipt = received.receipt
        if any(each is not None and each.status == "FAIL" for each in (receipt.spam_verdict, receipt.virus_verdict)):
            return Ignored("junk")
        return mail_events(
            _mail_of(received, text=True),
            context,
            recipient=", ".join(receipt.recipients or ()),
            stamp=instant(receipt.timestamp or received.mail.timestamp or ""),
        )


def string_to_sign(kind: str, fields: Mapping[str, str | None]) -> str:
    """What SNS signs of a message of a type: the values of its fields by name. Raises NotGenuine where one is missing
    that must be there, or the type is another than those of SNS."""
    if kind not in _SIGNED:
        raise NotGenuine(f"Type is {shown(kind)}, none of {', '.join(_SIGNED)}")
    lines = []
    for name in _SIGNED[kind]:
        value = fields[name]
        if value is not None:
            lines.append(f"{name}\n{value}\n")
        elif name != "Subject":
            raise NotGenuine(f"{name} is missing")
    return "".join(lines)


def is_signed(key: RSAPublicKey, version: str, signature: str, text: str) -> bool:
    """Whether a signature (base64) of a version is the key's for this text. Raises NotGenuine for another version."""
    if version not in _HASHES:
        raise NotGenuine(f"SignatureVersion is {shown(version)}, none of {', '.join(_HASHES)}")
    try:
        key.verify(b64decode(signature, validate=True), text.encode(), PKCS1v15(), _HASHES[version])
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def key_of(certificate: bytes, at: int) -> RSAPublicKey:
    """The key of a certificate (PEM) that SNS may sign with at an instant (ms). Raises NotGenuine."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate)
        names, key = _names_of(loaded), loaded.public_key()
    except _UNREADABLE_CERTIFICATE:
        raise NotGenuine("what stands at SigningCertURL is no certificate") from None
    if not loaded.not_valid_before_utc <= from_ms(at) <= loaded.not_valid_after_utc:
        raise NotGenuine("the certificate at SigningCertURL is not valid now")
    if names and not any(_CERTIFICATE_NAME.fullmatch(name) for name in names):
        raise NotGenuine("the certificate at SigningCertURL is another's than that of SNS")
    if not isinstance(key, RSAPublicKey):
        raise NotGenuine("the key of the certificate at SigningCertURL is no RSA key")
    return key


def _names_of(certificate: x509.Certificate) -> list[str]:
    """Hosts that a certificate is for."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternatives.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return names or [str(each.value) for each in common]


def _checked(delivery: Delivery, secrets: Secrets) -> _Envelope:
    """The envelope, as far as it can be checked without a certificate. Raises NotGenuine."""
    try:
        envelope: _Envelope = _envelope.decode(delivery.body)
    except UNREADABLE:
        raise NotGenuine("no envelope of SNS: is raw message delivery on?") from None
    if not any(envelope.topic_arn in listed(value) for value in secrets["topics"]):
        raise NotGenuine(f"TopicArn is {shown(envelope.topic_arn, 300)}: none of the source's `topics`")
    at = instant(envelope.timestamp)
    if at is None:
        raise NotGenuine("Timestamp is no instant in ISO 8601")
    within(WINDOW_SECONDS, at, delivery.at, "Timestamp")
    return envelope


def _text_to_sign(envelope: _Envelope) -> str:
    fields = {
        "Message": envelope.message,
        "MessageId": envelope.message_id,
        "Subject": envelope.subject,
        "SubscribeURL": envelope.subscribe_url,
        "Timestamp": envelope.timestamp,
        "Token": envelope.token,
        "TopicArn": envelope.topic_arn,
        "Type": envelope.type,
    }
    return string_to_sign(envelope.type, fields)


def _certificate_of(envelope: _Envelope) -> str:
    """Address of the certificate. Raises NotGenuine where it is not the provider's."""
    address = envelope.signing_cert_url or envelope.signing_cert_url_as_well or ""
    if not _is_of_sns(address, envelope.topic_arn) or not _is_certificate(address):
        raise NotGenuine("SigningCertURL is no https address of a .pem file of the SNS of the topic's region")
    return address


def _is_of_sns(address: str, topic: str) -> bool:
    """Whether an address is https and of the SNS of a topic's region, on no port and with no user."""
    region = _ARN.fullmatch(topic)
    if region is None or not address.isascii() or not address.isprintable():
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    # The whole authority: neither a user nor a port stands in it then.
    host = _HOST.fullmatch(parts.netloc)
    return parts.scheme == "https" and host is not None and host[1] == region[1]


def _is_certificate(address: str) -> bool:
    """Whether an address is of one .pem file, with nothing behind it that would make many addresses of it."""
    parts = urlsplit(address)
    return _PEM.fullmatch(parts.path) is not None and address == f"https://{parts.netloc}{parts.path}"


def _received_of(payload: bytes) -> _Received | Ignored:
    """The mail that a notification says was received. Raises Malformed."""
    posted: _Posted = decoded(_posted, payload)
    if posted.type != "Notification":
        return Ignored("subscription" if posted.type in _SIGNED else "unknown_event")
    if not posted.message.lstrip().startswith("{"):
        return Ignored("test_notification")
    message = posted.message.encode()
    glance: _Glance = decoded(_glance, message, "$.Message")
    kind = glance.notification_type or glance.event_type
    if not kind:
        raise Malformed("schema", "in `$.Message`: neither notificationType nor eventType: is it of SES?")
    if kind != "Received":
        return Ignored(_STATES.get(kind, "unknown_event"))
    received: _Received = decoded(_received, message, "$.Message")
    return received


def _mail_of(received: _Received, *, text: bool) -> Mail:
    """The mail, whole (`content`) or by its header. `text`: whether its text is read too. Raises Malformed."""
    said = received.mail
    extra = [] if said.source is None else [("Return-Path", said.source)]
    if received.content:
        action = received.receipt.action or _Action()
        return read_message(_content(received.content, action.encoding or "UTF-8"), extra, text=text)
    if not said.headers and said.common_headers is None:
        raise Malformed("schema", "in `$.Message`: no mail: neither content, mail.headers nor mail.commonHeaders")
    mail = read_fields([*_fields(said), *extra], otherwise=said.message_id or "", length=None)
    if not mail.id:
        raise Malformed(
            "identity", "in `$.Message`: `mail.messageId` is missing: expected the id that SES gave the mail"
        )
    return mail


def _content(content: str, encoding: str) -> bytes:
    known = encoding.upper().replace("-", "")
    if known == "UTF8":
        return content.encode()
    if known != "BASE64":
        raise Malformed("schema", f"`receipt.action.encoding` is {shown(encoding)}: expected UTF-8 or BASE64")
    try:
        return b64decode("".join(content.split()), validate=True)
    except ValueError as error:
        raise Malformed("syntax", f"`content` is no base64: {error}") from None


def _fields(said: _Mail) -> Fields:
    """The mail's header; what SES cut off it, out of `commonHeaders`."""
    fields = [(each.name, str(each.value)) for each in said.headers or () if each.name and each.value is not None]
    common = said.common_headers or _Common()
    present = {name.lower() for name, _ in fields}
    taken_out = (
        ("From", common.sender),
        ("To", common.to),
        ("Cc", common.cc),
        ("Reply-To", common.reply_to),
        ("Date", common.date),
        ("Message-ID", common.message_id),
    )
    return fields + [
        (name, value if isinstance(value, str) else ", ".join(value))
        for name, value in taken_out
        if value and name.lower() not in present
    ]


PROVIDER = Ses()
