"""Chatwoot's account webhooks: a chat on a web page. Format and proof: Chatwoot's documentation, "Webhooks"."""

import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from streams.simulator.conversation import Clerk, Message, Told
from streams.simulator.people import Person
from streams.simulator.wires import Payload

_TYPES = {"customer": "incoming", "agent": "outgoing", "bot": "outgoing", "system": "template"}
_NUMBERS = {"incoming": 0, "outgoing": 1, "template": 3}
_MESSAGES_A_CONVERSATION = 1_000


class Chatwoot:
    """One account with one inbox."""

    provider = "chatwoot"
    repeats = False

    def __init__(self, secret: str, *, account: int = 1, inbox: int = 1) -> None:
        self._secret = secret.encode()
        self._account = account
        self._inbox = inbox

    @property
    def queue(self) -> str:
        """What Floorwalker calls the inbox."""
        return f"inbox:{self._inbox}"

    def headers(self, payload: Payload, now: int) -> dict[str, str]:
        """Signed with the time of the try."""
        proof = hmac.new(self._secret, f"{now}.".encode() + payload.body, sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "X-Chatwoot-Delivery": payload.name,
            "X-Chatwoot-Timestamp": str(now),
            "X-Chatwoot-Signature": f"sha256={proof}",
        }

    def payloads(self, told: Told) -> Sequence[Payload]:
        """One event, and for a message the update of its conversation that comes along."""
        bodies = []
        match told.kind:
            case "began":
                bodies.append({"event": "conversation_created", **self._conversation(told)})
            case "message":
                bodies.append(self._message(told, "message_created"))
                stamp = {"updated_at": {"previous_value": None, "current_value": told.at / 1_000}}
                bodies.append(self._updated(told, stamp))
            case "assigned" if told.clerk is not None:
                change = {"assignee_id": {"previous_value": None, "current_value": told.clerk.number}}
                bodies.append(self._updated(told, change))
            case "resolved":
                bodies.append(self._status_changed(told, "open", "resolved"))
            case "reopened":
                bodies.append(self._status_changed(told, "resolved", "open"))
            case "rated":
                rating = {"submitted_values": {"csat_survey_response": {"rating": told.score, "feedback_message": ""}}}
                bodies.append({**self._message(told, "message_updated"), "content_attributes": rating})
        return [self._payload(told, number, body) for number, body in enumerate(bodies)]

    def _payload(self, told: Told, number: int, body: dict[str, Any]) -> Payload:
        where = (self._account, told.conversation.number, told.kind, told.message.number, told.at, number)
        return Payload(json.dumps(body).encode(), str(uuid5(NAMESPACE_URL, f"chatwoot:{where}")))

    def _message_id(self, told: Told) -> int:
        return told.conversation.number * _MESSAGES_A_CONVERSATION + told.message.number

    def _message(self, told: Told, event: str) -> dict[str, Any]:
        message = told.message
        return {
            "event": event,
            "id": self._message_id(told),
            "content": message.text,
            "created_at": _iso(message.at),
            "message_type": _TYPES[message.author],
            "content_type": "input_csat" if message.sort == "survey" else "text",
            "content_attributes": {},
            "private": message.sort == "note",
            "source_id": None,
            **_sender(told.conversation.person, message),
            "inbox": {"id": self._inbox, "name": "Live chat"},
            "conversation": self._conversation(told),
            "account": {"id": self._account, "name": "Demo"},
        }

    def _conversation(self, told: Told) -> dict[str, Any]:
        conversation, message = told.conversation, told.message
        kind = _NUMBERS[_TYPES[message.author]]
        nested = {"id": self._message_id(told), "account_id": self._account, "message_type": kind}
        return {
            "id": conversation.number,
            "inbox_id": self._inbox,
            "status": "resolved" if told.resolved else "open",
            "channel": "Channel::WebWidget",
            "priority": None,
            "labels": [],
            "meta": {
                "sender": _contact(conversation.person),
                "assignee": None if told.clerk is None else _user(told.clerk),
                "team": None,
                "hmac_verified": False,
            },
            "messages": [nested],
            "created_at": conversation.began // 1_000,
            "timestamp": told.at // 1_000,
            "updated_at": told.at / 1_000,
            "first_reply_created_at": told.at // 1_000 if told.answered else None,
        }

    def _updated(self, told: Told, changes: dict[str, Any]) -> dict[str, Any]:
        changed = [{name: change} for name, change in changes.items()]
        return {"event": "conversation_updated", **self._conversation(told), "changed_attributes": changed}

    def _status_changed(self, told: Told, before: str, after: str) -> dict[str, Any]:
        change = {"status": {"previous_value": before, "current_value": after}}
        return {
            "event": "conversation_status_changed",
            **self._conversation(told),
            "status": after,
            "changed_attributes": [change],
        }


def _contact(person: Person) -> dict[str, Any]:
    """Some say in the chat who they are by their address, some by their number, some by both."""
    sort = person.place % 3
    return {
        "id": 10_000 + person.place,
        "name": person.name,
        "email": None if sort == 1 else person.private_mail,
        "phone_number": None if sort == 0 else person.number,
        "type": "contact",
    }


def _user(clerk: Clerk) -> dict[str, Any]:
    return {"id": clerk.number, "name": clerk.name, "type": "user"}


def _sender(person: Person, message: Message) -> dict[str, Any]:
    if message.author == "customer":
        return {"sender": _contact(person)}
    if message.clerk is not None:
        return {"sender": _user(message.clerk)}
    return {"sender": {"id": 90, "name": "Greeter", "type": "agent_bot"}} if message.author == "bot" else {}


def _iso(at: int) -> str:
    seconds, ms = divmod(at, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"
