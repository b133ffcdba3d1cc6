"""SendGrid Inbound Parse: inbound mail, in fields or whole.

Source: Twilio SendGrid's "Inbound Parse" and "Security features"; django-anymail's SendGrid tests. Nothing is signed
unless a security policy is set up: the webhook's address has a user and a password (HTTP Basic). A signature is not
read. Each field of a parsed mail has a charset of its own. The post says no time: a Received or Date field does.
"""

from collections.abc import Mapping

import msgspec

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
from streams.connectors.hooks import Delivery, Secrets


class _Envelope(msgspec.Struct, rename={"sender": "from"}, gc=False):
    to: tuple[str, ...] = ()
    sender: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_charsets = msgspec.json.Decoder(dict[str, str | None])


class SendGrid(MailWebhook):
    """The provider `sendgrid`."""

    name = "sendgrid"
    content_type = b"multipart/form-data"
    secret_names = ("user", "password")

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """By user and password."""
        check_basic(delivery, secrets)

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
    extra = [] if sender is None else [("Return-Path", sender)]
    if "email" in form:
        return read_message(form["email"], extra, text=text)
    if "headers" not in form:
        raise Malformed("schema", "no mail: the form has no field `headers`, and no field `email`")
    extra += [(name, decoded_text(form[name], charsets.get(name))) for name in ("from", "to", "cc") if name in form]
    plain = decoded_text(form["text"], charsets.get("text")) if text and "text" in form else None
    fields = [*fields_of(form["headers"]), *extra]
    return read_fields(fields, otherwise=digest(form.items()), length=text_length(plain))


PROVIDER = SendGrid()
