"""The kind of feed `lmtp`: a mail server delivers mails to us by LMTP."""

from aiosmtpd.lmtp import LMTP

from streams.connectors.feed import Kind
from streams.connectors.feeds._mail_listener import SETTING_NAMES, MailListener, MailSession, faults
from streams.connectors.feeds._mails import FORMAT


class LmtpSession(MailSession, LMTP):
    """A connection of somebody who delivers mail."""

    replies_each = True


class Lmtp(MailListener):
    """Listens for LMTP."""

    protocol = LmtpSession


KIND = Kind(
    name="lmtp",
    format=FORMAT,
    make=Lmtp,
    setting_names=SETTING_NAMES,
    securities=("none", "tls"),
    comes_again=True,
    faults=faults,
)
