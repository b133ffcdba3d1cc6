"""Postmark: inbound mail, and states of mail that we sent.

Source: Postmark's "Inbound webhook"; django-anymail's Postmark tests. Nothing is signed: the webhook's address has a
user and a password (HTTP Basic). A refusal is 401, for 403 would end the retries. `addresses`: our own, so that a copy
of our reply is an agent's message. The thread is the mail's own (References); `MailboxHash` is not read. Postmark's own
`Date` is the sender's clock: a mail without a Received field came when it arrived here.
"""

from collections.abc import Mapping

import msgspec

from agents.intake.mail import Fields, MailWebhook, check_basic, mail_events, read_fields, text_length
from agents.intake.parsing import Context, Headers, Ignored, Malformed, Parsed
from agents.intake.webhook import decoded
from schemas.unreadable import UNREADABLE
from streams.connectors.hooks import Delivery, Secrets

_STATES: Mapping[str, str] = {
    "Bounce": "bounce",
    "Delivery": "delivery_state",
    "SpamComplaint": "complaint",
    "Open": "tracking",
    "Click": "tracking",
    "SubscriptionChange": "subscription_state",
}


class _Glance(msgspec.Struct, rename="pascal", gc=False):
    record_type: str | None = None
    message_id: str | None = msgspec.field(default=None, name="MessageID")


class _Party(msgspec.Struct, rename="pascal", gc=False):
    email: str | None = None


class _Field(msgspec.Struct, rename="pascal", gc=False):
    name: str | None = None
    value: str | int | float | None = None


class _Inbound(msgspec.Struct, rename="pascal"):
    """One inbound mail."""

    message_id: str = msgspec.field(name="MessageID")
    sender: str | None = msgspec.field(default=None, name="From")
    from_full: _Party | None = None
    to: str | None = None
    cc: str | None = None
    to_full: tuple[_Party, ...] | None = None
    cc_full: tuple[_Party, ...] | None = None
    reply_to: str | None = None
    original_recipient: str | None = None
    text_body: str | None = None
    headers: tuple[_Field, ...] | None = None


_glance = msgspec.json.Decoder(_Glance)
_inbound = msgspec.json.Decoder(_Inbound)


class Postmark(MailWebhook):
    """The provider `postmark`."""

    name = "postmark"
    secret_names = ("user", "password")

    def verify(self, delivery: Delivery, secrets: Secrets) -> None:
        """By user and password."""
        check_basic(delivery, secrets)

    def identity(self, body: bytes, headers: Headers) -> str | None:
        """Postmark's id of an inbound mail; states of sent mail have none of their own."""
        try:
            glance = _glance.decode(body)
        except UNREADABLE:
            return None
        return None if glance.record_type else glance.message_id or None

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The thread."""
        try:
            inbound = _inbound.decode(payload)
        except UNREADABLE:
            return None
        return read_fields(_fields(inbound), otherwise=inbound.message_id, length=None).root.encode() or None

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """The events of an inbound mail; states of sent mail say nothing that is counted. Raises Malformed."""
        record_type = decoded(_glance, payload).record_type
        if record_type:
            return Ignored(_STATES.get(record_type, "unknown_event"))
        inbound: _Inbound = decoded(_inbound, payload)
        if not inbound.message_id:
            raise Malformed("identity", "`$.MessageID` is empty: expected Postmark's id of the mail")
        mail = read_fields(_fields(inbound), otherwise=inbound.message_id, length=text_length(inbound.text_body))
        return mail_events(mail, context, recipient=inbound.original_recipient, stamp=context.read_at)


def _fields(inbound: _Inbound) -> Fields:
    """The mail's header: what Postmark took out of it is put back."""
    sender = (inbound.from_full.email if inbound.from_full is not None else None) or inbound.sender
    to = _named(inbound.to_full) or inbound.to
    copies = _named(inbound.cc_full) or inbound.cc
    fields = [(each.name, str(each.value)) for each in inbound.headers or () if each.name and each.value is not None]
    present = {name.lower() for name, _ in fields}
    taken_out = (("From", sender), ("To", to), ("Cc", copies), ("Reply-To", inbound.reply_to))
    return fields + [(name, value) for name, value in taken_out if value and name.lower() not in present]


def _named(parties: tuple[_Party, ...] | None) -> str:
    return ", ".join(party.email for party in parties or () if party.email)


PROVIDER = Postmark()
