"""WhatsApp Cloud API: what customers write, and of ours the statuses. Format and proof: Meta's documentation,
"WhatsApp Cloud API webhooks"."""

import hmac
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from streams.simulator.conversation import Message, Told
from streams.simulator.people import Person
from streams.simulator.wires import Payload

STATUSES = (("sent", 0.0), ("delivered", 0.8), ("read", 4.0))
"""What is told of a message of ours, and how many seconds later."""


class WhatsApp:
    """One number of one business account."""

    provider = "whatsapp"
    repeats = True

    def __init__(self, secret: str, *, account: str = "102290001", number: str = "106540001") -> None:
        self._secret = secret.encode()
        self._account = account
        self._number = number

    @property
    def queue(self) -> str:
        """What Floorwalker calls the number."""
        return self._number

    def headers(self, payload: Payload, now: int) -> dict[str, str]:
        """Signed; nothing is timed."""
        proof = hmac.new(self._secret, payload.body, sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={proof}"}

    def payloads(self, told: Told) -> Sequence[Payload]:
        """Messages; there are no events of conversations."""
        if told.kind != "message":
            return []
        person, message = told.conversation.person, told.message
        name = f"wamid.{_digits(person)}.{message.at}.{message.number}"
        if message.author == "customer":
            return [
                self._payload(name, {"contacts": [_profile(person)], "messages": [_written(person, message, name)]})
            ]
        return [
            self._payload(
                f"{name}.{status}", {"statuses": [_status(person, message, name, status, round(later))]}, later
            )
            for status, later in STATUSES
        ]

    def _payload(self, name: str, said: dict[str, Any], later: float = 0.0) -> Payload:
        metadata = {"display_phone_number": "4930123456", "phone_number_id": self._number}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **said}}
        body = {"object": "whatsapp_business_account", "entry": [{"id": self._account, "changes": [change]}]}
        return Payload(json.dumps(body).encode(), name, later)


def _digits(person: Person) -> str:
    return person.mobile.removeprefix("+")


def _profile(person: Person) -> dict[str, Any]:
    return {"profile": {"name": person.name}, "wa_id": _digits(person)}


def _written(person: Person, message: Message, name: str) -> dict[str, Any]:
    text = {"body": message.text}
    return {"from": _digits(person), "id": name, "timestamp": str(message.at // 1_000), "type": "text", "text": text}


def _status(person: Person, message: Message, name: str, status: str, later: int) -> dict[str, Any]:
    kind = "service" if message.author == "agent" else "utility"
    return {
        "id": name,
        "status": status,
        "timestamp": str(message.at // 1_000 + later),
        "recipient_id": _digits(person),
        "pricing": {"billable": kind != "service", "pricing_model": "PMP", "category": kind},
    }
