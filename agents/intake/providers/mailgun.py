"""Mailgun: inbound mail by routes, and states of mail that we sent.

Source: Mailgun's "Receiving, forwarding and storing" and "Securing webhooks"; django-anymail's Mailgun tests. Routes
post forms, event webhooks JSON. Signed are the time and the token, not the body, so only TLS protects it. A refusal is
401: 406 would end the retries. `delivered` of a mail that we sent does not say its thread, so it makes no message: let
a copy of what agents send come in by a route, and name our addresses in the setting `addresses`.
"""

import hmac
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import unquote_plus

import msgspec

from agents.intake.mail import (
    LONGEST_HEAD,
    Fields,
    Mail,
    MailWebhook,
    decoded_text,
    digest,
    form_fields,
    form_parts,
    is_multipart,
    mail_events,
    read_fields,
    read_message,
    text_length,
)
from agents.intake.parsing import Context, Headers, Ignored, Malformed, Parsed
from agents.intake.webhook import decoded
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, NotGenuine, Secrets, any_same, within

WINDOW_SECONDS = 9 * 3_600
"""How old a signature may be: routes are tried again for 8 hours, and nobody says that retries are signed anew."""

_STATES: Mapping[str, str] = {
    "accepted": "delivery_state",
    "delivered": "delivery_state",
    "stored": "delivery_state",
    "rejected": "bounce",
    "failed": "bounce",
    "complained": "complaint",
    "opened": "tracking",
    "clicked": "tracking",
    "unsubscribed": "subscription_state",
}
_PROOF = ("timestamp", "token", "signature")
_LONGEST_PROOF = 1_000
# Before anything is proven a head is only looked at.
_LONGEST_PROOF_HEAD = 400
_PROOF_HEAD = re.compile(
    rb'^(?i:content-disposition:[ \t]*form-data;[ \t]*name)="?(timestamp|token|signature)"?[ \t]*(?:[;\r]|\Z)',
    re.MULTILINE,
)
_AS_FIELDS = ("Message-Id", "In-Reply-To", "References", "Date", "From", "To", "Cc", "Reply-To", "from")
_OF_THREAD = {
    **dict.fromkeys((*_AS_FIELDS, "sender", "body-mime"), LONGEST_HEAD),
    "message-headers": MailWebhook.largest,
}


class _Proof(NamedTuple):
    timestamp: str
    token: str
    signature: str


class _Signature(msgspec.Struct, gc=False):
    timestamp: str | int
    token: str
    signature: str


class _Event(msgspec.Struct, gc=False):
    event: str


class _Notice(msgspec.Struct, rename="kebab"):
    """What an event webhook posts."""

    event_data: _Event


class _Signed(msgspec.Struct):
    signature: _Signature


_notice = msgspec.json.Decoder(_Notice)
_signed = msgspec.json.Decoder(_Signed)
_header_list = msgspec.json.Decoder(list[tuple[str, str | int | float | None]])


class Mailgun(MailWebhook):
    """The provider `mailgun`. The secret `secret` is the webhook signing key."""

    name = "mailgun"
    content_type = b"application/x-www-form-urlencoded"

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """By the HMAC over time and token."""
        proof = _proof_of(delivery.body, delivery.headers.get("content-type", ""))
        if proof is None or not all(proof):
            raise NotGenuine("timestamp, token or signature is missing")
        if not proof.timestamp.isascii() or not proof.timestamp.isdigit() or len(proof.timestamp) > 12:
            raise NotGenuine("timestamp is no number of seconds")
        signed = (proof.timestamp + proof.token).encode()
        if not any_same([hmac.new(key.encode(), signed, sha256).hexdigest() for key in secrets["secret"]], proof[2]):
            raise NotGenuine("signature is another than that of timestamp and token")
        within(WINDOW_SECONDS, int(proof.timestamp) * 1000, delivery.at, "timestamp")

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """The token. One mail to two of our addresses has one Message-Id, and is two deliveries."""
        proof = _proof_of(body, _content_type(headers))
        return None if proof is None else proof.token or None

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The thread; of a mail that has no id, something else that is its own."""
        try:
            return _mail_of(_form(payload, headers, _OF_THREAD), text=False).root.encode()
        except Malformed:
            return None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """The events of an inbound mail; states of sent mail say nothing that is counted. Raises Malformed."""
        if _is_json(payload, _content_type(context.headers)):
            notice: _Notice = decoded(_notice, payload)
            return Ignored(_STATES.get(notice.event_data.event, "unknown_event"))
        form = _form(payload, context.headers)
        stamp = _text(form, "timestamp")
        seconds = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) <= 12 else None
        return mail_events(
            _mail_of(form, text=True),
            context,
            recipient=_text(form, "recipient"),
            stamp=None if seconds is None else seconds * 1000,
        )


def _content_type(headers: Headers) -> str:
    return headers.get("content-type", b"").decode("utf-8", "replace")


def _is_json(payload: bytes, content_type: str) -> bool:
    return content_type.lower().startswith("application/json") or payload[:1] == b"{"


def _form(payload: bytes, headers: Headers, wanted: Mapping[str, int] | None = None) -> dict[str, bytes]:
    # A user's variables may have names of Mailgun's own, which come last.
    return dict(form_fields(payload, _content_type(headers), wanted))


def _text(form: Mapping[str, bytes], name: str) -> str:
    return form.get(name, b"").decode("utf-8", "replace")


def _proof_of(body: bytes, content_type: str) -> _Proof | None:
    try:
        if _is_json(body, content_type):
            signature = _signed.decode(body).signature
            return _Proof(str(signature.timestamp), signature.token, signature.signature)
        if not is_multipart(content_type):
            return _Proof(*(_posted(body, name.encode()) for name in _PROOF))
        form = dict(_proof_part(part) for part in form_parts(body, content_type))
    except (*UNREADABLE, Malformed):
        return None
    return _Proof(*(_text(form, name) for name in _PROOF))


def _proof_part(part: bytes) -> tuple[str, bytes]:
    """Name and value of a part of a form, where it is one of the proof's."""
    head, _, value = part[: _LONGEST_PROOF_HEAD + _LONGEST_PROOF].partition(b"\r\n\r\n")
    found = _PROOF_HEAD.search(head[:_LONGEST_PROOF_HEAD])
    return ("", b"") if found is None else (found[1].decode(), value[:_LONGEST_PROOF])


def _posted(body: bytes, name: bytes) -> str:
    """The last field of a name in a urlencoded form, as far as a proof is long; the rest is read when it is proven."""
    begin = body.rfind(b"&" + name + b"=")
    if begin < 0 and not body.startswith(name + b"="):
        return ""
    start = begin + len(name) + 2
    value = body[start : start + _LONGEST_PROOF].partition(b"&")[0]
    return unquote_plus(value.decode("utf-8", "replace"))


def _mail_of(form: Mapping[str, bytes], *, text: bool) -> Mail:
    """The mail of a route's post, whole (`body-mime`) or in fields. `text`: whether its text is read too. Raises
    Malformed."""
    extra = [(name, _text(form, name)) for name in _AS_FIELDS if name in form]
    envelope: list[tuple[str, str]] = []
    if "sender" in form:
        # The envelope's sender: nobody, where a server wrote it.
        sender = _text(form, "sender").strip()
        envelope = [("Return-Path", sender)]
        extra += [("From", sender)] if sender else []
    if "body-mime" in form:
        return read_message(form["body-mime"], extra, envelope=envelope, text=text)
    if "message-headers" not in form and "Message-Id" not in form:
        raise Malformed("schema", "no mail: a route posts message-headers and Message-Id, or body-mime")
    plain = decoded_text(form["body-plain"], None) if text and "body-plain" in form else None
    named = digest((name, value) for name, value in form.items() if name not in _PROOF)
    return read_fields([*envelope, *_headers_of(form), *extra], otherwise=named, length=text_length(plain))


def _headers_of(form: Mapping[str, bytes]) -> Fields:
    if not form.get("message-headers"):
        return []
    try:
        fields = _header_list.decode(form["message-headers"])
    except UNREADABLE as error:
        raise Malformed("schema", f"message-headers is no list of [name, value]: {error}") from None
    return [(name, str(value)) for name, value in fields if value is not None]


PROVIDER = Mailgun()
