"""The kind of feed `smtp`: a mail server passes mails on to us by SMTP."""

from streams.connectors.feed import Kind
from streams.connectors.feeds._mail_listener import SETTING_NAMES, MailListener, MailSession, faults
from streams.connectors.feeds._mails import FORMAT


class Smtp(MailListener):
    """Listens for SMTP."""

    protocol = MailSession


KIND = Kind(
    name="smtp",
    format=FORMAT,
    make=Smtp,
    setting_names=SETTING_NAMES,
    securities=("starttls", "tls", "none"),
    comes_again=True,
    faults=faults,
)
