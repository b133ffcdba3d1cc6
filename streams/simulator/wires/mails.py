"""Mails as they go over SMTP and lie in mailboxes: RFC 5322 with its threads, and the marks of automatic ones (RFC
3834, 3464)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from streams.simulator.conversation import Conversation, Message, Told
from streams.simulator.wires import Payload

SUBJECT = "My order"


class Mails:
    """Addresses of ours with one queue, a conversation by the one or the other; what leaves from them is handed to
    Floorwalker as well."""

    repeats = True

    def __init__(self, *addresses: str) -> None:
        self._addresses = addresses

    @property
    def queue(self) -> str:
        """What Floorwalker calls the addresses: the first."""
        return self._addresses[0]

    def address(self, conversation: Conversation) -> str:
        """The one that a conversation goes by."""
        return self._addresses[conversation.number % len(self._addresses)]

    def payloads(self, told: Told) -> Sequence[Payload]:
        """One mail for each message."""
        if told.kind != "message":
            return []
        mail = self.mail(told)
        sender = "" if told.message.sort in ("acknowledgement", "absence", "bounce") else str(mail["From"])
        return [
            Payload(mail.as_bytes(policy=SMTP), str(mail["Message-ID"]), 0.0, sender, self.address(told.conversation))
        ]

    def mail(self, told: Told) -> EmailMessage:
        """The mail of a message."""
        conversation, message = told.conversation, told.message
        ours, theirs = self.address(conversation), conversation.person.mail
        to_us = message.author == "customer" or message.sort == "bounce"
        mail = EmailMessage(policy=SMTP)
        when = format_datetime(datetime.fromtimestamp(message.at // 1_000, UTC))
        mail["Received"] = f"from mx.sender.example by mx.{ours.partition('@')[2]} with ESMTPS; {when}"
        mail["From"] = f"Mail Delivery System <mailer-daemon@{ours.partition('@')[2]}>"
        if message.sort != "bounce":
            mail.replace_header("From", theirs if to_us else ours)
        mail["To"] = ours if to_us else theirs
        mail["Subject"] = SUBJECT if message.number == 1 else f"Re: {SUBJECT}"
        mail["Date"] = when
        mail["Message-ID"] = self._id(told, message)
        if message.number > 1:
            before = conversation.messages[message.number - 2]
            mail["In-Reply-To"] = self._id(told, before)
            mail["References"] = f"{self._id(told, conversation.messages[0])} {self._id(told, before)}"
        if message.sort in ("acknowledgement", "absence"):
            mail["Auto-Submitted"] = "auto-replied"
        mail.set_content(message.text)
        if message.sort == "bounce":
            mail["Auto-Submitted"] = "auto-generated"
            mail.make_mixed(boundary=f"report-{conversation.number}-{message.number}")
            mail.set_type("multipart/report")
            mail.set_param("report-type", "delivery-status")
        return mail

    def _id(self, told: Told, message: Message) -> str:
        conversation = told.conversation
        author = conversation.person.mail if message.author == "customer" else self.address(conversation)
        return f"<fw-{conversation.number}-{message.number}@{author.partition('@')[2]}>"
