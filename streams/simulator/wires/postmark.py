"""Postmark's inbound webhook: a mail as JSON, under HTTP Basic. Format: Postmark's documentation, "Inbound webhook"."""

import json
from base64 import b64encode
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from streams.simulator.conversation import Told
from streams.simulator.wires import Payload
from streams.simulator.wires.mails import Mails

_TAKEN_OUT = frozenset({"from", "to", "subject", "date"})


class Postmark:
    """Mails to and from one address of ours."""

    provider = "postmark"
    repeats = True

    def __init__(self, user: str, password: str, mails: Mails) -> None:
        self._proof = b64encode(f"{user}:{password}".encode()).decode()
        self._mails = mails

    @property
    def queue(self) -> str:
        """What Floorwalker calls the address."""
        return self._mails.queue

    def headers(self, payload: Payload, now: int) -> dict[str, str]:
        """User and password."""
        return {"Content-Type": "application/json", "Authorization": f"Basic {self._proof}"}

    def payloads(self, told: Told) -> Sequence[Payload]:
        """One mail for each message."""
        if told.kind != "message":
            return []
        mail = self._mails.mail(told)
        name = str(uuid5(NAMESPACE_URL, str(mail["Message-ID"])))
        return [Payload(json.dumps(_inbound(mail, name, self._mails.address(told.conversation))).encode(), name)]


def _inbound(mail: EmailMessage, name: str, recipient: str) -> dict[str, Any]:
    text = mail.get_body(("plain",))
    body = "" if text is None else text.get_content()
    return {
        "FromFull": _party(str(mail["From"])),
        "From": parseaddr(str(mail["From"]))[1],
        "ToFull": [_party(str(mail["To"]))],
        "To": str(mail["To"]),
        "OriginalRecipient": recipient,
        "MailboxHash": "",
        "MessageStream": "inbound",
        "MessageID": name,
        "Subject": str(mail["Subject"]),
        "Date": str(mail["Date"]),
        "TextBody": body,
        "StrippedTextReply": "",
        "HtmlBody": "",
        "Headers": [{"Name": key, "Value": str(said)} for key, said in mail.items() if key.lower() not in _TAKEN_OUT],
        "Attachments": [],
    }


def _party(value: str) -> dict[str, str]:
    shown, address = parseaddr(value)
    return {"Email": address, "Name": shown, "MailboxHash": ""}
