"""SendGrid Inbound Parse: inbound mail, in fields or whole.

Source: Twilio SendGrid's "Inbound Parse" and "Security features"; django-anymail's SendGrid tests. With a security
policy a post is signed by ECDSA (`public_key`: base64 or PEM, as SendGrid shows it); else nothing is, and the webhook's
address has a user and a password (HTTP Basic). Who has both set up, both are asked for. Each field of a parsed mail has
a charset of its own. The post says no time: a Received or Date field does.
"""

from base64 import b64decode
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from agents.intake.mail import (
    Mail,
    MailWebhook,
    check_basic,
    decoded_text,
    digest,
    fields_of,
    form_fields,
    mail_events,
    read_fields,
    read_message,
    text_length,
)
from agents.intake.parsing import Context, Headers, Malformed, Parsed
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, within

WINDOW_SECONDS = 3 * 86_400 + 3_600
"""How old a signature may be: SendGrid tries again for 3 days, and nobody says that retries are signed anew."""

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"


class _Envelope(msgspec.Struct, rename={"sender": "from"}, gc=False):
    to: tuple[str, ...] = ()
    sender: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_charsets = msgspec.json.Decoder(dict[str, str | None])


class SendGrid(MailWebhook):
    """The provider `sendgrid`."""

    name = "sendgrid"
    content_type = b"multipart/form-data"
    secret_names: tuple[str, ...] = ("user", "password", "public_key")
    alternatives: tuple[tuple[str, ...], ...] = (("user", "password"), ("public_key",))

    def configured(self, secrets: Secrets, settings: Mapping[str, str]) -> "SendGrid":
        """Itself. Raises ValueError for a public key that is none."""
        for key in secrets.get("public_key", ()):
            _public_key(key)
        return self

    def settings_faults(self, settings: Mapping[str, str]) -> list[tuple[str | None, str]]:
        """None: whatever addresses there are, are ours."""
        return []

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """By user and password, by the signature, or by both."""
        if "public_key" not in secrets or "password" in secrets:
            check_basic(delivery, secrets)
        if "public_key" in secrets:
            _check_signature(delivery, secrets["public_key"])

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The digest of the fields: boundaries may differ from try to try."""
        try:
            return digest(_form(body, headers).items())
        except Malformed:
            return None

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The thread."""
        try:
            return _mail_of(_form(payload, headers), text=False).root.encode()
        except Malformed:
            return None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """The events of an inbound mail. Raises Malformed."""
        form = _form(payload, context.headers)
        return mail_events(_mail_of(form, text=True), context, recipient=", ".join(_envelope_of(form).to))


def _check_signature(delivery: Delivery, keys: tuple[str, ...]) -> None:
    """Raises NotGenuine unless one of the keys signed the instant and the body."""
    timestamp, signature = delivery.header(_TIMESTAMP), delivery.header(_SIGNATURE)
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise NotGenuine(f"header {_TIMESTAMP} is no number of seconds")
    signed = timestamp.encode() + delivery.body
    if not any(_is_signed(key, signature, signed) for key in keys):
        raise NotGenuine(f"header {_SIGNATURE} is another than that of the timestamp and the body")
    within(WINDOW_SECONDS, int(timestamp) * 1000, delivery.at, f"header {_TIMESTAMP}")


def _is_signed(key: str, signature: str, signed: bytes) -> bool:
    try:
        _public_key(key).verify(b64decode(signature, validate=True), signed, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=16)
def _public_key(secret: str) -> EllipticCurvePublicKey:
    """A key, in base64 (DER) or PEM. Raises ValueError, without it."""
    lines = [line for line in secret.split("\n") if not line.startswith("-----")]
    try:
        key = load_der_public_key(b64decode("".join("".join(lines).split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("public_key is no P-256 key in base64 or PEM")
    return key


def _form(payload: bytes, headers: Headers) -> dict[str, bytes]:
    return dict(form_fields(payload, headers.get("content-type", b"").decode("utf-8", "replace")))


def _envelope_of(form: Mapping[str, bytes]) -> _Envelope:
    if "envelope" not in form:
        return _Envelope()
    try:
        return _envelope.decode(form["envelope"])
    except UNREADABLE as error:
        raise Malformed("schema", f"envelope is no object of `to` and `from`: {error}") from None


def _charsets_of(form: Mapping[str, bytes]) -> Mapping[str, str | None]:
    try:
        return _charsets.decode(form.get("charsets", b"{}"))
    except UNREADABLE:
        return {}


def _mail_of(form: Mapping[str, bytes], *, text: bool) -> Mail:
    """The mail of a post, whole (`email`) or in fields. `text`: whether its text is read too. Raises Malformed."""
    charsets = _charsets_of(form)
    sender = _envelope_of(form).sender
    envelope = [] if sender is None else [("Return-Path", sender)]
    if "email" in form:
        return read_message(form["email"], envelope=envelope, text=text)
    if "headers" not in form:
        raise Malformed("schema", "no mail: the form has no field `headers`, and no field `email`")
    extra = [(name, decoded_text(form[name], charsets.get(name))) for name in ("from", "to", "cc") if name in form]
    plain = decoded_text(form["text"], charsets.get("text")) if text and "text" in form else None
    fields = [*envelope, *fields_of(form["headers"]), *extra]
    return read_fields(fields, otherwise=digest(form.items()), length=text_length(plain))


PROVIDER = SendGrid()
