"""Alerts as CloudEvents 1.0, structured JSON: the body of a webhook."""

import json

import msgspec

from schemas.notifications import Alert, Notify
from streams.outlets.notifier.message import Message

CONTENT_TYPE = "application/cloudevents+json"
SCHEMA = 1
TEST = "floorwalker.test"


def type_of(notify: Notify) -> str:
    """The event's type: `floorwalker.alert.trigger` and so on."""
    return f"floorwalker.alert.{notify}"


def body(id_: str, type_: str, alert: Alert, message: Message) -> bytes:
    """The event, the same bytes in every try. `id_`: the dedup key. `data` has the whole alert, typed."""
    event = {
        "specversion": "1.0",
        "id": id_,
        "source": message.links["board"],
        "type": type_,
        "subject": alert.id,
        "time": msgspec.to_builtins(alert.updated_at),
        "datacontenttype": "application/json",
        "data": {
            "schema": SCHEMA,
            "message": id_,
            "notify": type_.rpartition(".")[2],
            "alert": msgspec.to_builtins(alert),
            "summary": message.subject,
            "text": message.text,
            "links": message.links,
        },
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
