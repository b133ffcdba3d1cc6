"""Whole mails as they were delivered: out of mailboxes and files, and as servers hand them on.

Sources: RFC 5322 (message format), RFC 3501 (INTERNALDATE), RFC 5321 (envelope); agents.intake.mail names those of what
is read of a mail.

What the bytes do not say stands in headers of the record, where a connector knows it: `mail-account` and
`mail-mailbox` (where it lies), `mail-received` (when it arrived there, ms since the epoch), `mail-sender` and
`mail-recipients` (of its envelope; recipients with commas between).
"""

from agents.intake.mail import REVISION, Fields, fields_of, mail_events, read_fields, read_message
from agents.intake.parsing import Context, Headers, Malformed, Parsed
from schemas.events import Channel

MAILBOX, RECEIVED, SENDER, RECIPIENTS = "mail-mailbox", "mail-received", "mail-sender", "mail-recipients"
_LONGEST_INSTANT = 15
"""Digits of the ms that an instant may have: beyond it there is no date."""

_LATEST_MS = 253_402_300_799_999


class MailFormat:
    """The format `mail`: a record is one mail."""

    name = "mail"
    channel: Channel = "email"
    revision = REVISION
    content_type = b"message/rfc822"
    has_header_line = False
    ordered_by_end = False
    repeats_lines = False

    def key(self, payload: bytes, headers: Headers) -> bytes | None:
        """The thread."""
        try:
            return read_message(payload, text=False).root.encode()
        except Malformed:
            return None

    def time(self, payload: bytes, headers: Headers) -> int | None:
        """When it arrived, else when its sender says that it was written, ms."""
        arrived = _arrived(headers)
        if arrived is not None:
            return arrived
        mail = read_fields(fields_of(payload), otherwise="", length=None)
        return mail.received if mail.received is not None else mail.date

    def channel_of(self, payload: bytes, headers: Headers) -> str:
        """Email."""
        return self.channel

    def parse(self, payload: bytes, context: Context) -> Parsed:
        """What the mail says. Raises Malformed."""
        headers = context.headers
        mail = read_message(payload, envelope=_envelope(headers))
        arrived = _arrived(headers)
        if arrived is not None:
            mail = mail._replace(received=arrived)
        return mail_events(mail, context, recipient=_text(headers, RECIPIENTS), mailbox=_text(headers, MAILBOX))


def _text(headers: Headers, name: str) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("utf-8", "replace").strip()


def _envelope(headers: Headers) -> Fields:
    """What the envelope says, whatever the mail says itself: an empty sender is that of a bounce."""
    sender = _text(headers, SENDER)
    return () if sender is None else (("Return-Path", f"<{sender.strip('<>')}>"),)


def _arrived(headers: Headers) -> int | None:
    said = headers.get(RECEIVED, b"")
    if not said.isdigit() or len(said) > _LONGEST_INSTANT:
        return None
    return min(int(said), _LATEST_MS)
